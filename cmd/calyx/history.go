package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/reports"
)

func newHistory(a *app) *cobra.Command {
	var f *format
	var most int
	c := newCommand(&cobra.Command{
		Use:   "history",
		Short: "List past runs",
		Long: `List past runs of the workspace, the newest first: when, how long, what was executed and what was reused. @-1 and so on
are names for the runs of the instance.`,
		Example: "calyx history\ncalyx history -n 3 --json",
		Args:    wantArgs(0, 0),
		RunE: runner(func(ctx context.Context, _ []string) error {
			if most < 0 {
				return usage("0 lists all", "calyx history: --number: %d is less than zero", most)
			}
			return a.within(ctx, func(ctx context.Context, s *session) error { return a.history(ctx, s, most, f.json) })
		}).run,
	})
	c.Flags().IntVarP(&most, "number", "n", 20, "list at most `N` runs; 0 lists all")
	f = formatFlags(c, "table")
	return c
}

func (a *app) history(ctx context.Context, s *session, most int, asJSON bool) error {
	p, err := s.past(ctx)
	if err != nil {
		return err
	}
	shown := p.runs
	if most > 0 && len(shown) > most {
		shown = shown[:most]
	}
	switch {
	case asJSON:
		return a.printJSON(shown)
	case len(shown) == 0:
		a.say("no run is recorded yet: `calyx build` makes one")
		return nil
	}
	if err := a.print(historyTable(p, shown, a.outStyle(), a.now()).String()); err != nil {
		return err
	}
	if more := len(p.runs) - len(shown); more > 0 {
		a.say("and %s before them: `calyx history -n 0` lists all", console.Count(more, "run"))
	}
	return nil
}

// historyTable has one row a run. Instances are named where there are several.
func historyTable(p past, shown []reports.Head, style console.Style, now time.Time) *console.Table {
	several := slices.ContainsFunc(p.runs, func(h reports.Head) bool { return h.Instance != p.scope.Instance })
	heads := []string{"", "run", "when", "state", ">took", "outcomes", "targets"}
	if several {
		heads = append(heads, "instance")
	}
	table := newTable(style, heads...)
	own := reports.OfInstance(p.runs, p.scope.Instance)
	for _, h := range shown {
		back := slices.IndexFunc(own, func(o reports.Head) bool { return o.Run == h.Run })
		cells := []string{
			backName(back), console.Line(h.Run), console.Ago(h.Started, now), runState(h.State, style), console.Seconds(h.Seconds),
			outcomes(h), targetsText(h.Targets),
		}
		if several {
			cells = append(cells, console.Line(h.Instance))
		}
		table.Row(cells...)
	}
	return table
}

// backName is how a run of the instance is called when counted back from the last one; "" for runs of others.
func backName(back int) string {
	switch {
	case back < 0:
		return ""
	case back == 0:
		return "@0"
	}
	return fmt.Sprintf("@-%d", back)
}

func runState(s reports.State, style console.Style) string {
	switch s {
	case reports.StateOK:
		return style.Good(string(s))
	case reports.StateFailed:
		return style.Bad(string(s))
	}
	return style.Warn(string(s))
}

// outcomes counts a run's nodes in words; what there is none of is left out.
func outcomes(h reports.Head) string {
	var parts []string
	for _, c := range []struct {
		n    int
		what executor.NodeOutcome
	}{
		{h.Executed, executor.Executed}, {h.Cached, executor.Cached}, {h.Fresh, executor.Fresh}, {h.Failed, executor.Failed},
		{h.Blocked, executor.Blocked},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

func targetsText(targets []string) string {
	if len(targets) == 0 {
		return "the default"
	}
	return someOf(targets)
}
