package command

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
)

// Most lines of a shell are a program with some words and a file that takes what it prints. Such a program is started without a shell,
// as make does it: to start one takes as long as what it then starts. Whatever is not as plain as that, and whatever goes wrong, is left
// to the shell, so that nothing but the time tells the difference.

// plainLine is a program with its words, and the files that it reads and writes, in order.
type plainLine struct {
	argv  []string
	files []redirection
}

// redirection is one of < > >>.
type redirection struct {
	to    int // the descriptor
	flags int
	path  string
}

// shellWords are those of a shell's own: what it does itself, and what is no command at all. They are those of dash, bash and others.
var shellWords = func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(`. : [ alias bg bind break builtin caller case cd chdir command compgen complete compopt continue coproc
		declare dirs disown do done echo elif else enable esac eval exec exit export false fc fg fi for function getopts hash help history
		if in inlib jobid jobs kill let local login logout mapfile newgrp popd printf pushd pwd read readarray readonly return select set
		setvar shift shopt source suspend test then time times trap true type typeset ulimit umask unalias unset until wait while`) {
		words[w] = true
	}
	return words
}()

// parsePlain reads a line that every shell understands in the same way, without knowing anything else.
func parsePlain(line string) (plainLine, bool) {
	var p plainLine
	rest := strings.Trim(line, " \t\n")
	for rest != "" {
		word, after, ok := plainWord(rest)
		switch {
		case rest[0] == '<' || rest[0] == '>':
			var r redirection
			if r, rest, ok = plainRedirection(rest); !ok {
				return p, false
			}
			p.files = append(p.files, r)
		case !ok:
			return p, false
		case after != "" && (after[0] == '<' || after[0] == '>') && strings.Trim(word, "0123456789") == "":
			return p, false // the number of a descriptor
		default:
			p.argv = append(p.argv, word)
			rest = after
		}
		rest = strings.TrimLeft(rest, " \t")
	}
	return p, len(p.argv) > 0 && p.argv[0] != "" && !strings.Contains(p.argv[0], "=") && !shellWords[p.argv[0]]
}

func plainRedirection(text string) (r redirection, rest string, ok bool) {
	switch {
	case strings.HasPrefix(text, ">>"):
		r, rest = redirection{to: 1, flags: unix.O_WRONLY | unix.O_CREAT | unix.O_APPEND}, text[2:]
	case strings.HasPrefix(text, ">"):
		r, rest = redirection{to: 1, flags: unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC}, text[1:]
	default:
		r, rest = redirection{to: 0, flags: unix.O_RDONLY}, text[1:]
	}
	r.path, rest, ok = plainWord(strings.TrimLeft(rest, " \t"))
	return r, rest, ok && r.path != ""
}

// plainWord reads the first word of a text: letters that mean themselves, and quotes with nothing in them that is replaced.
func plainWord(text string) (word, rest string, ok bool) {
	var b strings.Builder
	i := 0
	for i < len(text) {
		c := text[i]
		switch {
		case c == '\'' || c == '"':
			length := strings.IndexByte(text[i+1:], c)
			if length < 0 {
				return "", "", false
			}
			quoted := text[i+1 : i+1+length]
			if c == '"' && strings.ContainsAny(quoted, "$`\\!") || strings.IndexFunc(quoted, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
				return "", "", false
			}
			b.WriteString(quoted)
			i += length + 2
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("_@%+=:,./-", c) >= 0:
			b.WriteByte(c)
			i++
		case i > 0 && strings.IndexByte(" \t<>", c) >= 0:
			return b.String(), text[i:], true
		default:
			return "", "", false
		}
	}
	return b.String(), "", i > 0
}

// startPlain starts a command that is a plain line of the shell, without a shell. Where it reports false nothing was started. A watched
// command is none: what a shell looks for in vain counts there.
func (r *Runner) startPlain(c *executor.Command, attr *syscall.ProcAttr) (pid int, ok bool) {
	if c.Watch != "" || len(c.Argv) != 5 || c.Path != "/bin/sh" || c.Argv[0] != c.Path || c.Argv[1] != "-eu" || c.Argv[2] != "-c" {
		return 0, false
	}
	line, ok := parsePlain(c.Argv[3])
	if !ok {
		return 0, false
	}
	program := executable(line.argv[0], c)
	if program == "" {
		return 0, false
	}
	plain := *attr
	plain.Files = slices.Clone(attr.Files)
	if plain.Env, ok = withFolder(c); !ok {
		return 0, false
	}
	for _, f := range line.files {
		file, err := f.open(c.Dir)
		if err != nil {
			return 0, false
		}
		defer func() { _ = file.Close() }() // nothing is written through this handle
		plain.Files[f.to] = file.Fd()
	}
	pid, err := syscall.ForkExec(program, line.argv, &plain)
	return pid, err == nil
}

// open opens a file as a shell does. It opens nothing that one may have to wait for.
func (r redirection) open(dir string) (*os.File, error) {
	at := r.path
	if !filepath.IsAbs(at) {
		at = filepath.Join(dir, at)
	}
	if st, err := hashing.StatFollow(at); err == nil && !st.IsRegular() && at != os.DevNull {
		return nil, fmt.Errorf("open %q: it is no file", at)
	}
	return os.OpenFile(at, r.flags, 0o666)
}

// executable is the program that a shell would start; empty: that is not certain.
func executable(name string, c *executor.Command) string {
	if strings.Contains(name, "/") {
		return program(name, c.Dir)
	}
	for _, dir := range filepath.SplitList(variable(c.Env, "PATH")) {
		if !filepath.IsAbs(dir) {
			return ""
		}
		if at := program(filepath.Join(dir, name), c.Dir); at != "" {
			return at
		}
	}
	return ""
}

func program(at, dir string) string {
	full := at
	if !filepath.IsAbs(at) {
		full = filepath.Join(dir, at)
	}
	if st, err := hashing.StatFollow(full); err != nil || !st.IsRegular() || unix.Faccessat(unix.AT_FDCWD, full, unix.X_OK, unix.AT_EACCESS) != nil {
		return ""
	}
	return at
}

// withFolder is the environment with the variable that a shell adds to it.
func withFolder(c *executor.Command) ([]string, bool) {
	folder, err := filepath.EvalSymlinks(c.Dir)
	if err != nil || variable(c.Env, "PWD") != "" {
		return nil, false
	}
	return append(slices.Clip(c.Env), "PWD="+folder), true
}

// variable is the value of one in an environment; empty where it is not there.
func variable(env []string, name string) string {
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}
