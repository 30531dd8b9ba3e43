package command_test

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/command"
	"github.com/calyx-build/calyx/plugins/command/watch"
)

func TestPlainLines(t *testing.T) {
	for line, want := range map[string]string{
		"cat a b":                        "[cat a b]",
		" cat\ta  b \n":                  "[cat a b]",
		"cat a > out/b":                  "[cat a] 1>out/b",
		"cat <a>b":                       "[cat] 0<a 1>b",
		"> b cat 'a c' \"d e\"":          "[cat a c d e] 1>b",
		"cat a >>'b c'":                  "[cat a] 1>>b c",
		"cat '$HOME' '*' a'b'\"c\"":      "[cat $HOME * abc]",
		"python3 -m x --lr=0.1 k=v a,b:": "[python3 -m x --lr=0.1 k=v a,b:]",
		"./tool 1 2 ''":                  "[./tool 1 2 ]",
	} {
		if got, ok := command.ParsePlain(line); !ok || got != want {
			t.Errorf("%q is %q, %v, should be %q", line, got, ok, want)
		}
	}
	for _, line := range []string{
		"", " ", "> out", "''", "echo a", "cd x", "[ a ]", "A=1 cat", "cat $x", "cat \"$x\"", "cat `x`", "cat a; cat b", "cat a\ncat b", "cat a | cat",
		"cat a && cat b", "cat *", "cat ?", "cat ~", "cat a # b", "cat a 2> b", "cat 2>b", "cat 1 2>b", "cat a &", "cat a > ", "cat a >| b", "cat a >& b",
		"cat <<a", "cat <&0", "cat a\\ b", "cat 'a", "{ cat; }", "(cat)", "! cat", "cat {a,b}", "cat é", "cat 'é'", "cat \"a!b\"", "cat 'a\nb'", "exit 3", "time cat",
	} {
		if got, ok := command.ParsePlain(line); ok {
			t.Errorf("%q is plain: %q", line, got)
		}
	}
}

// plainRig has lines carried out, by a shell and without one. What shells other than dash count for themselves is left out.
type plainRig struct {
	t       *testing.T
	r       *command.Runner
	watched bool
}

// did is all that a line leaves behind.
func (p plainRig) did(line string, extra ...string) string {
	dir := p.t.TempDir()
	for name, text := range map[string]string{
		"a": "first\n", "b c": "second\n", "sub/d": "third\n",
		"args":      "#!/bin/sh\nfor a; do printf '<%s>' \"$a\"; done; env | grep -vE '^(_|SHLVL|OLDPWD)=' | sort; cat; echo error >&2\n",
		"fails":     "#!/bin/sh\nexit 7\n",
		"bare":      "echo bare \"$@\"\n",
		"path/tool": "#!/bin/sh\necho tool \"$#\"\n",
		"path/cat":  "#!/bin/sh\necho another cat\n",
	} {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o777); err != nil {
			p.t.Fatal(err)
		}
	}
	task := &executor.Task{Scratch: p.t.TempDir(), Command: &executor.Command{
		Path: "/bin/sh", Argv: append([]string{"/bin/sh", "-eu", "-c", line, "sh"}, extra...), Dir: dir,
		Env: []string{"LC_ALL=C", "PATH=" + filepath.Join(dir, "path") + ":/usr/bin:/bin"},
	}}
	if p.watched {
		task.Command.Watch = dir
	}
	o := run(p.t, p.r, task)
	found := map[string]string{"log": read(p.t, o.Log), "failure": fmt.Sprint(o.Failure)}
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			found[at] = read(p.t, at)
		}
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, a := range o.Accesses {
		if strings.HasPrefix(a.Path, dir+"/") {
			found["access "+a.Path] = fmt.Sprint(a.Saw, a.Changed, a.Before.Size, a.Before.IsRegular(), a.Before.IsDir())
		}
	}
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(found)) {
		fmt.Fprintf(&all, "%s: %q\n", name, found[name])
	}
	return strings.ReplaceAll(all.String(), dir, "DIR")
}

// TestNobodyTellsPlainLinesFromTheShells carries lines out in both ways, and compares all that they leave behind, and what they are seen to do.
func TestNobodyTellsPlainLinesFromTheShells(t *testing.T) {
	t.Run("not watched", func(t *testing.T) { plainRig{t, newRunner(t), false}.compare() })
	t.Run("watched", func(t *testing.T) {
		starter := &watch.Starter{}
		if err := starter.Usable(); err != nil {
			t.Skip("programs cannot be watched here: ", err)
		}
		watching := newRunner(t)
		watching.Starter = starter
		plainRig{t, watching, true}.compare()
	})
}

func (p plainRig) compare() {
	t := p.t
	r := rand.New(rand.NewPCG(1, 2))
	programs := []string{"./args", "./args", "./args", "cat", "/bin/cat", "tool", "./fails", "./bare", "./missing", "missing", "./sub", "echo"}
	words := []string{
		"a", "'b c'", "\"b c\"", "sub/d", "-x", "k=v", "''", "\"\"", "'$HOME'", "$PWD", "\"$PWD\"", "*", "a'b'\"c\"", "12", "=", "'a", "a;", "~", "#", "!",
	}
	files := []string{"< a", "<sub/d", "> out", ">out", ">> a", ">/dev/null", "> sub", "< missing", "> missing/out", "> 'o p'", "2> out", "2>out", "<> a"}
	plain := 0
	for range 300 {
		line := []string{programs[r.IntN(len(programs))]}
		for range r.IntN(4) {
			line = append(line, words[r.IntN(len(words))])
		}
		for range r.IntN(3) {
			line = slices.Insert(line, r.IntN(len(line)+1), files[r.IntN(len(files))])
		}
		text := strings.Join(line, " ")
		if _, ok := command.ParsePlain(text); ok {
			plain++
		}
		// One more word, which the line does not look at, makes it the shell's.
		if without, with := p.did(text), p.did(text, "more"); without != with {
			t.Errorf("%q:\nwithout a shell\n%s\nwith one\n%s", text, without, with)
		}
	}
	if plain < 40 {
		t.Errorf("%d lines were plain", plain)
	}
}
