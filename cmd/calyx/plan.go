package main

import (
	"context"

	"github.com/spf13/cobra"
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
			return a.within(ctx, func(ctx context.Context, s *session) error { return a.plan(ctx, s, targets, workers, f.json) })
		}).run,
	})
	c.Flags().IntVar(&workers, "workers", 0, "the number of workers `N` (default: one per core)")
	f = formatFlags(c, "text")
	return c
}
