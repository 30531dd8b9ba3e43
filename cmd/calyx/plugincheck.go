package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/plugins/check"
)

// checkAnswer is the answer of `calyx plugin check --json`.
type checkAnswer struct {
	Command []string       `json:"command"`
	Cases   []check.Result `json:"cases"`
	OK      int            `json:"ok"`
	Failed  int            `json:"failed"`
	Skipped int            `json:"skipped"`
}

func newPluginCheck(a *app) *cobra.Command {
	var f *format
	var limit time.Duration
	c := newCommand(&cobra.Command{
		Use:   "check -- CMD…",
		Short: "Check that a program is a plugin as the protocol has it",
		Long: `Start a program as a plugin, play the host in every way that docs/plugin-protocol.md has, and say case by case what was
expected and what was seen. Cases that need a function to call use the conformance functions of that page, and are skipped
where the plugin does not offer them. The exit status is 1 where a case failed. No Calyxfile is needed.`,
		Example: "calyx plugin check -- python3 reviews.py\ncalyx plugin check --json -- ./target/debug/words",
	})
	c.Flags().DurationVar(&limit, "limit", 30*time.Second, "the time that a case may take")
	c.RunE = func(c *cobra.Command, args []string) error {
		path, err := checkArgs(args, c.ArgsLenAtDash(), limit)
		if err != nil {
			return err
		}
		return runner(func(ctx context.Context, _ []string) error { return a.checkPlugin(ctx, path, args, limit, f.json) }).run(c, args)
	}
	f = formatFlags(c, "text")
	return c
}

// checkArgs finds the program of a command line that stands after two dashes.
func checkArgs(args []string, dash int, limit time.Duration) (string, error) {
	const hint = "usage: calyx plugin check -- CMD…"
	switch {
	case dash != 0 || len(args) == 0:
		return "", usage(hint, "calyx plugin check: the plugin's command line must follow --")
	case limit <= 0:
		return "", usage("", "calyx plugin check: --limit must be more than 0, got %v", limit)
	}
	path, err := exec.LookPath(args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "", usage("", "calyx plugin check: no program %q: %w", args[0], causeOf(err))
	}
	return path, nil
}

// checkPlugin tries all cases. A table grows as they end.
func (a *app) checkPlugin(ctx context.Context, path string, argv []string, limit time.Duration, asJSON bool) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	answer := checkAnswer{Command: argv, Cases: []check.Result{}}
	table := newCheckTable(a.outStyle())
	var unprinted error
	tell := func(r check.Result) {
		answer.add(r)
		if !asJSON {
			unprinted = errors.Join(unprinted, a.print(table.row(r)))
		}
	}
	if !asJSON {
		unprinted = a.print(table.head())
	}
	opts := check.Options{Path: path, Argv: argv, Dir: dir, Env: os.Environ(), Start: time.Minute, Limit: limit}
	if err := errors.Join(check.Run(ctx, opts, tell), unprinted); err != nil {
		return err
	}
	if asJSON {
		err = a.printJSON(answer)
	} else {
		err = a.print(table.end(&answer))
	}
	if err == nil && answer.Failed > 0 {
		err = quietly(exitFailed)
	}
	return err
}

func (c *checkAnswer) add(r check.Result) {
	c.Cases = append(c.Cases, r)
	switch r.Status {
	case check.OK:
		c.OK++
	case check.Failed:
		c.Failed++
	case check.Skipped:
		c.Skipped++
	}
}

// checkTable writes results in columns whose widths are known before the first result is.
type checkTable struct {
	style          console.Style
	name, expected int
}

func newCheckTable(style console.Style) checkTable {
	t := checkTable{style: style}
	for _, c := range check.Cases() {
		t.name, t.expected = max(t.name, console.Width(c.Name)), max(t.expected, console.Width(c.Expected))
	}
	return t
}

func (t checkTable) columns(result, name, expected, seen string) string {
	text := console.PadRight(result, len(check.Skipped)) + "  " + console.PadRight(name, t.name) + "  " + console.PadRight(expected, t.expected) + "  " + seen
	return strings.TrimRight(text, " ") + "\n"
}

func (t checkTable) head() string {
	return t.columns(t.style.Dim("RESULT"), t.style.Dim("CASE"), t.style.Dim("EXPECTED"), t.style.Dim("SEEN"))
}

func (t checkTable) row(r check.Result) string {
	paint := map[check.Status]func(string) string{check.OK: t.style.Good, check.Failed: t.style.Bad, check.Skipped: t.style.Dim}[r.Status]
	return t.columns(paint(string(r.Status)), r.Case, r.Expected, console.Line(r.Seen))
}

// end sums up, after the last words of the plugin in each case that failed.
func (t checkTable) end(answer *checkAnswer) string {
	var b strings.Builder
	for _, r := range answer.Cases {
		if r.Status != check.Failed || r.Stderr == "" {
			continue
		}
		fmt.Fprintf(&b, "\n%s in %q the plugin wrote to standard error:\n", t.style.Bad("failed:"), r.Case)
		for _, line := range console.Lines(r.Stderr, t.style.Enabled()) {
			b.WriteString("  " + line + "\n")
		}
	}
	fmt.Fprintf(&b, "\n%d ok, %d failed, %d skipped\n", answer.OK, answer.Failed, answer.Skipped)
	return b.String()
}
