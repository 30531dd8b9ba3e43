package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
)

func newExec(a *app) *cobra.Command {
	var b buildFlags
	var show bool
	c := newCommand(&cobra.Command{
		Use:   "exec TARGET [-- CMD…]",
		Short: "Run one step by hand, in the foreground",
		Long: `Bring what a step needs up to date and run the step in the foreground, with its inputs, its environment and this
terminal, so that a debugger works. Nothing is recorded. With CMD, that runs in the step's place.`,
		Example:           "calyx exec train\ncalyx exec train --print\ncalyx exec train -- bash",
		ValidArgsFunction: a.completeNodes(isStep, 1),
	})
	b.registerShared(c)
	c.Flags().BoolVar(&show, "print", false, "show the step's command line and run nothing")
	c.RunE = func(c *cobra.Command, args []string) error {
		target, instead, err := execArgs(args, c.ArgsLenAtDash())
		if err != nil {
			return err
		}
		return a.within(c.Context(), func(ctx context.Context, s *session) error {
			return a.exec(ctx, s, b, target, instead, show)
		})
	}
	return c
}

// execArgs splits the arguments at the two dashes, which stand before argument dash (negative: there are none).
func execArgs(args []string, dash int) (target string, instead []string, err error) {
	before := args
	if dash >= 0 {
		before, instead = args[:dash], args[dash:]
	}
	switch {
	case len(before) != 1:
		return "", nil, usage("usage: calyx exec TARGET [-- CMD…]", "calyx exec: want one TARGET, got %d", len(before))
	case dash >= 0 && len(instead) == 0:
		return "", nil, usage("usage: calyx exec TARGET [-- CMD…]", "calyx exec: after -- a command must follow")
	}
	return before[0], instead, nil
}

func (a *app) exec(ctx context.Context, s *session, b buildFlags, target string, instead []string, show bool) error {
	o, err := b.options(ctx, s, []string{target})
	if err != nil {
		return err
	}
	prepared, err := a.prepareStep(ctx, s, o, b.display(a, false))
	if err != nil {
		return err
	}
	defer prepared.Release()
	if prepared.Command == nil {
		return usage("`calyx build` runs it; a debugger can attach to its process", "run %q by hand: it is a function of a plugin, no command", prepared.Node)
	}
	if show {
		return a.print(commandText(prepared.Command) + "\n")
	}
	return a.inForeground(prepared, instead)
}

// prepareStep brings a step's inputs up to date, showing that as a build.
func (a *app) prepareStep(ctx context.Context, s *session, o executor.Options, d display) (*executor.Prepared, error) {
	show, end := a.show(d)
	defer end()
	if show != nil {
		o.Observer = show
	}
	o.Stop = a.signals.politely()
	return s.engine.Prepare(ctx, o.Targets[0], o)
}

// inForeground runs the command with this terminal. Interruptions are the command's; its exit status becomes calyx's.
func (a *app) inForeground(p *executor.Prepared, instead []string) error {
	for _, dir := range p.Folders {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return &failure{status: exitFailed, err: fmt.Errorf("make a folder for the outputs of %q: %w", p.Node, err)}
		}
	}
	a.signals.leave()
	c := exec.Command(p.Command.Path)
	c.Args, c.Env, c.Dir = p.Command.Argv, p.Command.Env, p.Command.Dir
	if len(instead) > 0 {
		c = exec.Command(instead[0], instead[1:]...)
		c.Env, c.Dir = p.Command.Env, p.Command.Dir
	}
	c.Stdin, c.Stdout, c.Stderr = a.stdin, a.stdout, a.stderr
	err := c.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return &failure{status: exitFailed, err: fmt.Errorf("%q ended with %s", p.Node, exit.ProcessState)}
	case err != nil:
		return &failure{status: exitFailed, err: fmt.Errorf("start %q: %w", c.Args[0], err)}
	}
	return nil
}

// commandText writes a command so that a shell in the workspace would run it.
func commandText(c *executor.Command) string {
	words := make([]string, len(c.Argv))
	for i, w := range c.Argv {
		words[i] = shellWord(w)
	}
	text := strings.Join(words, " ")
	if c.Stdout != "" {
		text += " > " + shellWord(c.Stdout)
	}
	return text
}

// safeInShell are the characters that a shell takes as they are.
const safeInShell = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%"

func shellWord(word string) string {
	if word != "" && strings.Trim(word, safeInShell) == "" {
		return word
	}
	if console.Line(word) != word {
		return ansiQuoted(word)
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// ansiQuoted spells control characters and other bytes in the way that bash, zsh and ksh read.
func ansiQuoted(word string) string {
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(word) {
		c := word[i]
		switch {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + "'"
}
