package command

import (
	"errors"
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

// plainLineOf reads the line of a command that is one of the shell.
func plainLineOf(c *executor.Command) (plainLine, bool) {
	if len(c.Argv) != 5 || c.Path != "/bin/sh" || c.Argv[0] != c.Path || c.Argv[1] != "-eu" || c.Argv[2] != "-c" {
		return plainLine{}, false
	}
	return parsePlain(c.Argv[3])
}

// errNotPlain says that only a shell knows what a line means.
var errNotPlain = errors.New("this is the shell's to do")

// startPlain starts a plain line as a process, without a shell. Where it fails nothing was started, and what it did counts as if the shell
// had done it, which now does it again.
func (r *Runner) startPlain(p *process, line plainLine, c *executor.Command, attr *syscall.ProcAttr) error {
	program := p.find(line.argv[0], c)
	env, ok := withFolder(c)
	if program == "" || !ok {
		return errNotPlain
	}
	plain := *attr
	plain.Env, plain.Files = env, slices.Clone(attr.Files)
	for _, f := range line.files {
		if p.watch != nil {
			p.watch.Opening(c.Dir, f.path, f.flags)
		}
		file, err := f.open(c.Dir)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // nothing is written through this handle
		plain.Files[f.to] = file.Fd()
	}
	return r.launch(p, program, line.argv, &plain)
}

// open opens a file as a shell does. It opens nothing that one may have to wait for.
func (r redirection) open(dir string) (*os.File, error) {
	at := absolute(r.path, dir)
	if st, err := hashing.StatFollow(at); err == nil && !st.IsRegular() && at != os.DevNull {
		return nil, errNotPlain
	}
	return os.OpenFile(at, r.flags, 0o666)
}

func absolute(path, dir string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// find looks for the program that a shell would start; empty: that is not certain.
func (p *process) find(name string, c *executor.Command) string {
	if strings.Contains(name, "/") {
		if !isProgram(absolute(name, c.Dir)) {
			return ""
		}
		return name
	}
	for _, dir := range filepath.SplitList(variable(c.Env, "PATH")) {
		if !filepath.IsAbs(dir) {
			return ""
		}
		at := filepath.Join(dir, name)
		if p.watch != nil {
			p.watch.Looked(at)
		}
		if isProgram(at) {
			return at
		}
	}
	return ""
}

func isProgram(at string) bool {
	st, err := hashing.StatFollow(at)
	return err == nil && st.IsRegular() && unix.Faccessat(unix.AT_FDCWD, at, unix.X_OK, unix.AT_EACCESS) == nil
}

// withFolder is the environment with the variable that a shell adds to it.
func withFolder(c *executor.Command) ([]string, bool) {
	folder, err := filepath.EvalSymlinks(c.Dir)
	if err != nil || slices.ContainsFunc(c.Env, func(v string) bool { return strings.HasPrefix(v, "PWD=") }) {
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
