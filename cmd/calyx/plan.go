package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing/cores"
	"github.com/calyx-build/calyx/reports"
)

func newPlan(a *app) *cobra.Command {
	var f *format
	var workers int
	c := newCommand(&cobra.Command{
		Use:   "plan [TARGET…]",
		Short: "Predict a whole build: stages, critical path, time on N workers",
		Long: `Predict how long a whole build of the targets takes on N workers, from recorded times: what can run at once, the
stages, the critical path in seconds, and Amdahl's bound. Nothing is run.`,
		Example:           "calyx plan --workers 8\ncalyx plan train --workers 4 --json",
		ValidArgsFunction: a.completeNodes(isStep, -1),
		RunE: runner(func(ctx context.Context, targets []string) error {
			if workers < 1 {
				return usage("", "calyx plan: --workers: %d is less than one", workers)
			}
			return a.within(ctx, func(ctx context.Context, s *session) error { return a.plan(ctx, s, targets, workers, f.json) })
		}).run,
	})
	c.Flags().IntVar(&workers, "workers", cores.Count(), "the number of workers `N`; one per core where not given")
	f = formatFlags(c, "table")
	return c
}

func (a *app) plan(ctx context.Context, s *session, targets []string, workers int, asJSON bool) error {
	survey, err := a.surveyTargets(ctx, s, targets)
	if err != nil {
		return err
	}
	d, err := s.engine.Graph(ctx)
	if err != nil {
		return err
	}
	p, err := reports.NewPlan(planNodes(survey), machine(d, workers))
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(p)
	}
	return a.print(planText(p, a.global.verbose, a.outStyle()))
}

// machine is this one, with some number of workers.
func machine(d *graph.Declarations, workers int) reports.Machine {
	m := reports.Machine{Workers: workers, Pools: map[string]int{}, Mem: executor.TotalMemory()}
	for _, p := range d.Pools {
		m.Pools[p.Name] = p.Size
	}
	return m
}

// planNodes are the nodes of a survey with the times that are known of them. Inputs, lists and steps that only order
// others take none.
func planNodes(s *executor.Survey) []reports.PlanNode {
	nodes := make([]reports.PlanNode, len(s.Nodes))
	for i, f := range s.Nodes {
		n := reports.PlanNode{Name: f.Node, Deps: s.Edges[i], Known: true}
		if f.Step != nil && f.Step.Runs() {
			n.Seconds, n.Pool, n.Mem = f.Usual, f.Step.Pool, f.Step.Mem
			n.Known = f.Usual > 0
		}
		nodes[i] = n
	}
	return nodes
}

func planText(p *reports.Plan, verbose bool, style console.Style) string {
	var b strings.Builder
	steps := 0
	for _, stage := range p.Stages {
		steps += len(stage)
	}
	if steps == 0 {
		return "nothing in it takes any time\n"
	}
	fmt.Fprintf(&b, "%s on %s: %s\n", console.Count(steps, "step"), console.Count(p.Workers, "worker"), style.Bold(console.Seconds(p.PredictedSeconds)))
	fmt.Fprintf(&b, "one after the other: %s\n", console.Seconds(p.SerialSeconds))
	b.WriteString("\n" + workersTable(p, style).String())
	fmt.Fprintf(&b, "\ncritical path: %s\n%s", console.Seconds(p.CriticalPath.Seconds), pathTable(p.CriticalPath, verbose, style))
	fmt.Fprintf(&b, "\nstages (what can run at once): %d\n%s", len(p.Stages), stagesTable(p.Stages, verbose, style))
	if len(p.Unknown) > 0 {
		fmt.Fprintf(&b, "\nnever ran, so estimated: %s\n", someOf(p.Unknown))
	}
	return b.String()
}

// workersTable compares numbers of workers; the one that was asked for is among them.
func workersTable(p *reports.Plan, style console.Style) *console.Table {
	table := newTable(style, ">workers", ">time", ">speedup", ">Amdahl's bound")
	row := func(workers int, on reports.Prediction, emphasis func(string) string) {
		table.Row(emphasis(fmt.Sprint(workers)), emphasis(console.Seconds(on.PredictedSeconds)), emphasis(times(on.PredictedSpeedup)), emphasis(times(on.AmdahlSpeedup)))
	}
	plain := func(text string) string { return text }
	asked := false
	for _, on := range p.ByWorkers {
		emphasis := plain
		if !asked && on.Workers >= p.Workers {
			asked = true
			if on.Workers > p.Workers {
				row(p.Workers, p.Prediction, style.Bold)
			} else {
				emphasis = style.Bold
			}
		}
		row(on.Workers, on.Prediction, emphasis)
	}
	if !asked {
		row(p.Workers, p.Prediction, style.Bold)
	}
	return table
}

func times(speedup float64) string { return fmt.Sprintf("%.2f×", speedup) }

func stagesTable(stages [][]string, verbose bool, style console.Style) string {
	table := console.NewTable("", ">", ">", "")
	shown := firstOf(stages, verbose)
	for i, stage := range shown {
		table.Row("", fmt.Sprint(i+1), style.Dim(console.Count(len(stage), "step")), someOf(stage))
	}
	return table.String() + moreRows(len(stages)-len(shown), style)
}
