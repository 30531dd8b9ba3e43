package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/host"
)

func newExec(a *app) *cobra.Command {
	var b buildFlags
	var show bool
	c := newCommand(&cobra.Command{
		Use:   "exec TARGET [-- CMD…]",
		Short: "Run one step by hand, in the foreground",
		Long: `Bring what a step needs up to date and run the step in the foreground, with its inputs, its environment and this
terminal, so that a debugger works. Nothing is recorded, and no time limit applies. With CMD, that runs in the step's place.

A command writes its outputs. A function of a plugin runs in a process of its own: what it prints goes to standard error,
what it asks for is built, and what it returns is printed as by get; its outputs are left as they are.`,
		Example:           "calyx exec train\ncalyx exec train --print\ncalyx exec train -- bash\ncalyx exec 'clean(lower=False)'",
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
	d := b.display(a, false)
	if d.mode == "tty" {
		d.mode = "plain" // the terminal is the step's
	}
	prepared, err := a.prepareStep(ctx, s, o, d)
	if err != nil {
		return a.failedByHand(err)
	}
	defer prepared.Release()
	command, about := prepared.Command, ""
	if prepared.Func != nil {
		command, about = &prepared.Func.Plugin.Command, "  # its function "+prepared.Func.Name
	}
	switch {
	case command == nil:
		return usage("", "run %q by hand: it runs nothing, and only orders others", prepared.Node)
	case show:
		return a.print(commandText(command) + about + "\n")
	case prepared.Func != nil && len(instead) == 0:
		return a.callInForeground(prepared)
	}
	return a.inForeground(prepared, command, instead)
}

// prepareStep brings a step's inputs up to date, showing that as a build, and then what a function asks for.
func (a *app) prepareStep(ctx context.Context, s *session, o executor.Options, d display) (*executor.Prepared, error) {
	show, end := a.show(d)
	defer end()
	if show != nil {
		o.Observer = show
	}
	o.Stop = a.signals.politely()
	return s.engine.Prepare(ctx, o.Targets[0], o)
}

// callInForeground has the function called in a process with this terminal, and prints its value.
func (a *app) callInForeground(p *executor.Prepared) error {
	a.signals.leave()
	plugins := host.New(host.Options{Foreground: &host.Foreground{In: a.stdin, Out: a.stderr}})
	value, err := p.Call(plugins)
	if err := cmp.Or(err, plugins.Close()); err != nil {
		return a.failedByHand(fmt.Errorf("%q failed: %w", p.Node, err))
	}
	return a.printValue(executor.TargetValue{Target: p.Node}, value, false)
}

// failedByHand shows what a failure of a plugin or its function says beside its message.
func (a *app) failedByHand(err error) error {
	var f *executor.Failure
	if !errors.As(err, &f) {
		return err
	}
	if details := strings.TrimSpace(f.Details); details != "" {
		a.news.tell(strings.Join(console.Lines(details, false), "\n"))
	}
	status := exitFailed
	if f.Declared {
		status = exitUsage
	}
	return &failure{status: status, err: err, hint: f.Hint}
}

// inForeground runs the command with this terminal. Interruptions are the command's: one that it dies of is calyx's too.
func (a *app) inForeground(p *executor.Prepared, command *executor.Command, instead []string) error {
	for _, dir := range p.Folders {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return &failure{status: exitFailed, err: fmt.Errorf("make a folder for the outputs of %q: %w", p.Node, err)}
		}
	}
	a.signals.leave()
	c := exec.Command(command.Path)
	c.Args = command.Argv
	if len(instead) > 0 {
		c = exec.Command(instead[0], instead[1:]...)
	}
	c.Env, c.Dir = command.Env, command.Dir
	c.Stdin, c.Stdout, c.Stderr = a.stdin, a.stdout, a.stderr
	err := c.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		status := exitFailed
		if ended, ok := exit.Sys().(syscall.WaitStatus); ok && ended.Signaled() && ended.Signal() == syscall.SIGINT {
			status = exitInterrupted
		}
		return &failure{status: status, err: fmt.Errorf("%q ended with %s", p.Node, exit.ProcessState)}
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
