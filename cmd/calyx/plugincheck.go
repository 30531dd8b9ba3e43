package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	var opts check.Options
	c := newCommand(&cobra.Command{
		Use:   "check -- CMD…",
		Short: "Check that a program is a plugin as the protocol has it",
		Long: `Start a program as a plugin, play the host in every way that docs/plugin-protocol.md has, and say case by case what was
expected and what was seen. Cases that need a function to call use the conformance functions of that page, and are skipped
where the plugin does not offer them. The exit status is 1 where a case failed. No Calyxfile is needed.`,
		Example: "calyx plugin check -- python3 reviews.py\ncalyx plugin check --json -- ./target/debug/words",
	})
	c.Flags().StringArrayVar(&opts.Only, "case", nil, "try the case `NAME` alone, and what it rests on (repeatable)")
	c.Flags().DurationVar(&opts.Limit, "limit", time.Minute, "the time that a case may take, the start of the program included")
	c.Flags().DurationVar(&opts.Total, "total", 5*time.Minute, "the time that all cases together may take; the rest is skipped then")
	completeFlag(c, "case", caseNames())
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := checkArgs(args, c.ArgsLenAtDash(), &opts); err != nil {
			return err
		}
		return runner(func(ctx context.Context, _ []string) error { return a.checkPlugin(ctx, opts, f.json) }).run(c, args)
	}
	f = formatFlags(c, "text")
	return c
}

func caseNames() []string {
	var names []string
	for _, c := range check.Cases() {
		names = append(names, c.Name)
	}
	return names
}

// checkArgs finds out what to check, and completes opts with it.
func checkArgs(args []string, dash int, opts *check.Options) error {
	if dash != 0 || len(args) == 0 {
		return usage("usage: calyx plugin check -- CMD…", "calyx plugin check: the plugin's command line must follow --")
	}
	if opts.Limit <= 0 {
		return usage("", "calyx plugin check: --limit must be more than 0, got %v", opts.Limit)
	}
	if opts.Total <= 0 {
		return usage("", "calyx plugin check: --total must be more than 0, got %v", opts.Total)
	}
	for _, name := range opts.Only {
		if !slices.Contains(caseNames(), name) {
			return usage(didYouMean(name, caseNames()), "calyx plugin check: there is no case %q", name)
		}
	}
	path, err := exec.LookPath(args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return usage("", "calyx plugin check: no program %q: %w", args[0], causeOf(err))
	}
	opts.Path, opts.Argv, opts.Env, opts.Start = path, args, os.Environ(), time.Minute
	opts.Dir, err = os.Getwd()
	return err
}

// checkPlugin tries the cases. A table grows as they end.
func (a *app) checkPlugin(ctx context.Context, opts check.Options, asJSON bool) error {
	answer := checkAnswer{Command: opts.Argv, Cases: []check.Result{}}
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
	if err := errors.Join(check.Run(ctx, opts, tell), unprinted); err != nil {
		return err
	}
	var err error
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
