package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/reports"
)

func newProfile(a *app) *cobra.Command {
	var f *format
	var run string
	c := newCommand(&cobra.Command{
		Use:   "profile",
		Short: "Show where the time of a run went",
		Long: `Show where the time of a run went: times a node (least, mean and most over all runs), hit rates, self time, the critical
path of what happened, and hints that say what to do and what it would save. --format trace writes the Chrome trace event
format, which Perfetto (https://ui.perfetto.dev) opens.`,
		Example: "calyx profile\ncalyx profile --run @-1 --json\ncalyx profile --format trace > trace.json",
		Args:    wantArgs(0, 0),
		RunE: runner(func(ctx context.Context, _ []string) error {
			return a.within(ctx, func(ctx context.Context, s *session) error { return a.profile(ctx, s, run, f.name) })
		}).run,
	})
	c.Flags().StringVar(&run, "run", "", "the run `ID`, or @-1 for the last but one (default: the last that did something)")
	f = formatFlags(c, "table", "trace")
	return c
}

func (a *app) profile(ctx context.Context, s *session, spec, format string) error {
	p, err := s.past(ctx)
	if err != nil {
		return err
	}
	head, err := p.run(cmp.Or(spec, p.busy()))
	if err != nil {
		return err
	}
	if format == "trace" {
		return a.timeline(ctx, p, head.Run)
	}
	d, err := s.engine.Graph(ctx)
	if err != nil { // the run is in the past, and its times are as they were
		a.warn("the hints do without the Calyxfile, which cannot be read now", "`calyx status` says why")
	}
	report, err := reports.LoadProfile(ctx, p.store, p.scope.Workspace, head, d)
	if err != nil {
		return err
	}
	if format == "json" {
		return a.printJSON(report)
	}
	return a.print(a.profileText(report, head, d))
}

// timeline writes a run in the Chrome trace event format.
func (a *app) timeline(ctx context.Context, p past, run string) error {
	r, err := reports.Load(ctx, p.store, p.scope.Workspace, run)
	if err != nil {
		return err
	}
	return reports.ChromeTrace(a.stdout, r)
}

func (a *app) profileText(p *reports.Profile, h reports.Head, d *graph.Declarations) string {
	style, verbose := a.outStyle(), a.global.verbose
	var b strings.Builder
	fmt.Fprintf(&b, "run %s, %s, %s: %s in %s\n", console.Line(p.Run), console.Ago(h.Started, a.now()), runState(h.State, style), cmp.Or(outcomes(h), "nothing ended"), style.Bold(console.Seconds(p.WallSeconds)))
	fmt.Fprintf(&b, "%.1f of %s busy on average", p.Parallelism, console.Count(p.Jobs, "worker"))
	if p.SavedSeconds > 0 {
		fmt.Fprintf(&b, "; the cache saved %s of executions", console.Seconds(p.SavedSeconds))
	}
	b.WriteString("\n\n" + nodesTable(p.Nodes, kindsOf(d), verbose, style))
	fmt.Fprintf(&b, "\ncritical path: %s\n%s", console.Seconds(p.CriticalPath.Seconds), pathTable(p.CriticalPath, verbose, style))
	if len(p.Hints) > 0 {
		b.WriteString("\nhints\n" + hintsText(p.Hints, style))
	}
	return b.String()
}

// kindsOf tells what kind of step each name is declared as; nothing where there are no declarations.
func kindsOf(d *graph.Declarations) map[string]string {
	kinds := map[string]string{}
	if d != nil {
		for _, n := range d.Nodes {
			kinds[n.Name] = kindOf(n)
		}
	}
	return kinds
}

// nodesTable has a row a node: what happened in the run, then what all runs tell.
func nodesTable(nodes []reports.NodeProfile, kinds map[string]string, verbose bool, style console.Style) string {
	table := newTable(style, "node", "kind", "outcome", ">time", ">self", ">waited", ">count", ">least", ">mean", ">most", ">hits")
	shown := firstOf(nodes, verbose)
	for _, n := range shown {
		kind, ok := kinds[n.Node]
		if base, _, _ := strings.Cut(n.Node, "("); !ok {
			kind = kinds[base]
		}
		table.Row(append([]string{console.Line(n.Node), kind}, profileCells(n)...)...)
	}
	return table.String() + moreRows(len(nodes)-len(shown), style)
}

func profileCells(n reports.NodeProfile) []string {
	cells := []string{string(n.Outcome), "", "", "", fmt.Sprint(n.Count), "", "", "", ""}
	if n.Outcome == executor.Executed || n.Outcome == executor.Failed {
		cells[1], cells[2], cells[3] = console.Seconds(n.Seconds), console.Seconds(n.SelfSeconds), console.Seconds(n.WaitedSeconds)
	}
	if n.Count > 0 {
		cells[5], cells[6], cells[7], cells[8] = console.Seconds(n.Least), console.Seconds(n.Mean), console.Seconds(n.Most), console.Percent(n.HitRate)
	}
	return cells
}

// hintsText says of each hint what was seen, what to do, and what that would save.
func hintsText(hints []reports.Hint, style console.Style) string {
	var b strings.Builder
	for _, h := range hints {
		fmt.Fprintf(&b, "  %s: %s\n", style.Accent(console.Line(h.Node)), console.Line(h.Evidence))
		fmt.Fprintf(&b, "    %s", console.Line(h.Action))
		if h.SavesSeconds > 0 {
			fmt.Fprintf(&b, " (%s)", style.Good("saves "+console.Seconds(h.SavesSeconds)))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
