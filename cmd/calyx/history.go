package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newHistory(a *app) *cobra.Command {
	var f *format
	var most int
	c := newCommand(&cobra.Command{
		Use:     "history",
		Short:   "List past runs",
		Long:    "List past runs of the workspace, the newest first: when, how long, what was executed and what was reused.",
		Example: "calyx history\ncalyx history -n 3 --json",
		Args:    wantArgs(0, 0),
		RunE: runner(func(ctx context.Context, _ []string) error {
			return a.within(ctx, func(ctx context.Context, s *session) error { return a.history(ctx, s, most, f.json) })
		}).run,
	})
	c.Flags().IntVarP(&most, "number", "n", 20, "list at most `N` runs; 0 lists all")
	f = formatFlags(c, "text")
	return c
}
