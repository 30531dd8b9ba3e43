package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
)

// cleanAnswer is the answer of `calyx clean --json`.
type cleanAnswer struct {
	Removed []string `json:"removed"`
}

func newClean(a *app) *cobra.Command {
	var f *format
	var stale bool
	c := newCommand(&cobra.Command{
		Use:   "clean",
		Short: "Remove outputs",
		Long: `Remove the current outputs of all steps; the next build restores them from the cache. Stored values, and content that
calyx did not write, are never removed.`,
		Example: "calyx clean\ncalyx clean --stale",
		Args:    wantArgs(0, 0),
		RunE: runner(func(ctx context.Context, _ []string) error {
			return a.within(ctx, func(ctx context.Context, s *session) error {
				removed, err := s.engine.Clean(ctx, stale)
				if err != nil {
					return err
				}
				return a.showRemoved(removed, f.json)
			})
		}).run,
	})
	c.Flags().BoolVar(&stale, "stale", false, "remove the outputs of steps that are gone, and no others")
	f = formatFlags(c, "text")
	return c
}

func (a *app) showRemoved(removed []string, asJSON bool) error {
	if asJSON {
		return a.printJSON(cleanAnswer{Removed: append([]string{}, removed...)})
	}
	a.say("removed %s", console.Count(len(removed), "output"))
	if !a.global.verbose {
		return nil
	}
	var b strings.Builder
	for _, path := range removed {
		b.WriteString(console.Line(path) + "\n")
	}
	return a.print(b.String())
}
