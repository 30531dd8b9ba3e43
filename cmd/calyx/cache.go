package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
)

func newCache(a *app) *cobra.Command {
	return family(&cobra.Command{
		Use:     "cache",
		Short:   "See, export and import the cache",
		Example: "calyx cache stats\ncalyx cache export -o cache.calyx\ncalyx cache import cache.calyx",
	}, newCacheStats(a), newCacheExport(a), newCacheImport(a))
}

func newCacheStats(a *app) *cobra.Command {
	var f *format
	c := command(&cobra.Command{
		Use:     "stats",
		Short:   "Tell what the cache holds",
		Example: "calyx cache stats\ncalyx cache stats --json",
		Args:    wantArgs(0, 0),
		RunE: runner(func(ctx context.Context, _ []string) error {
			return a.within(ctx, func(ctx context.Context, s *session) error {
				store, err := s.store(ctx)
				if err != nil {
					return err
				}
				held, err := store.Stats(ctx)
				if err != nil {
					return err
				}
				if f.json {
					return a.printJSON(held)
				}
				return a.print(cacheText(held))
			})
		}).run,
	})
	f = formatFlags(c, "text")
	return c
}

func cacheText(s cas.Stats) string {
	table := console.NewTable("", "")
	table.Row("cache", console.Line(s.Path))
	table.Row("format", console.Line(s.Format))
	table.Row("blobs", fmt.Sprintf("%d, %s", s.Blobs, console.Size(s.BlobBytes)))
	table.Row("rows", fmt.Sprint(s.Rows))
	table.Row("on disk", console.Size(s.StoredBytes))
	return table.String()
}
