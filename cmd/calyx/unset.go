package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newUnset(a *app) *cobra.Command {
	return newCommand(&cobra.Command{
		Use:   "unset NAME…",
		Short: "Give stored values back to their source",
		Long: `Forget values that ` + "`calyx set`" + ` gave: the file, the variable or the default counts again. Either all are
forgotten or, where a name is refused, none.`,
		Example:           "calyx unset lr\ncalyx unset lr seed",
		Args:              wantArgs(1, -1),
		ValidArgsFunction: a.completeNodes(isParameter, -1),
		RunE: runner(func(ctx context.Context, names []string) error {
			return a.within(ctx, func(ctx context.Context, s *session) error { return a.unsetValues(ctx, s, names) })
		}).run,
	})
}
