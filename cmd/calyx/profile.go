package main

import (
	"context"

	"github.com/spf13/cobra"
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
	c.Flags().StringVar(&run, "run", "", "the run `ID`, or @-1 for the last but one (default: the last)")
	f = formatFlags(c, "table", "trace")
	return c
}
