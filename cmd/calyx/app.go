package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
)

// app is one invocation of calyx: its streams, the flags that every command has, and the wish to stop.
type app struct {
	stdin          *os.File
	stdout, stderr *os.File
	news           *news
	getenv         func(string) string
	now            func() time.Time
	signals        *signals
	global         globalFlags
}

func newApp() *app {
	return &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, news: &news{file: os.Stderr},
		getenv: os.Getenv, now: time.Now, signals: newSignals(),
	}
}

// execute runs one command line.
func (a *app) execute(args []string) error {
	root := newRoot(a)
	root.SetArgs(shieldNumbers(root, args))
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	return root.ExecuteContext(a.signals.ctx)
}

// print writes the result of a command to standard output.
func (a *app) print(text string) error {
	if _, err := a.stdout.WriteString(text); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// say writes a line of news to standard error, unless the user wants quiet.
func (a *app) say(format string, args ...any) {
	if !a.global.quiet {
		a.news.tell(fmt.Sprintf(format, args...))
	}
}

// warn writes a warning to standard error.
func (a *app) warn(text, hint string) {
	a.complain(a.errStyle().Warn("calyx: warning:"), text)
	a.hintLine(hint)
}

func (a *app) outStyle() console.Style { return a.style(a.stdout) }

func (a *app) errStyle() console.Style { return a.style(a.stderr) }

func (a *app) style(f *os.File) console.Style {
	return console.NewStyle(console.WantColours(a.global.color, isTerminal(f), a.getenv))
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// newCommand fills in what all commands share: their errors are the command line's, and their examples are indented.
func newCommand(c *cobra.Command) *cobra.Command {
	c.Example = "  " + strings.ReplaceAll(strings.TrimSpace(c.Example), "\n", "\n  ")
	c.DisableFlagsInUseLine = true
	c.SilenceErrors, c.SilenceUsage = true, true
	return c
}

// runner is what a command does once its flags are read.
type runner func(ctx context.Context, args []string) error

func (r runner) run(c *cobra.Command, args []string) error { return r(c.Context(), args) }
