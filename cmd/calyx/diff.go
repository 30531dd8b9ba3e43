package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newDiff(a *app) *cobra.Command {
	var f *format
	c := newCommand(&cobra.Command{
		Use:   "diff A B",
		Short: "Compare two runs or instances",
		Long: `Compare two runs or instances: what ran in one and not in the other, what changed, and how times differ. A and B are
runs (an id, @-1 for the last but one, @0 for the last) or instance:NAME.`,
		Example: "calyx diff @-1 @0\ncalyx diff instance:main instance:fast --json",
		Args:    wantArgs(2, 2),
		RunE: runner(func(ctx context.Context, args []string) error {
			return a.within(ctx, func(ctx context.Context, s *session) error { return a.diff(ctx, s, args[0], args[1], f.json) })
		}).run,
	})
	f = formatFlags(c, "text")
	return c
}
