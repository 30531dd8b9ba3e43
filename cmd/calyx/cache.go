package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/cmd/calyx/internal/place"
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
	c := newCommand(&cobra.Command{
		Use:     "stats",
		Short:   "Tell what the cache holds",
		Long:    "Tell what the cache of the workspace holds, or the one that --cache-dir names, which needs no workspace.",
		Example: "calyx cache stats\ncalyx cache stats --json\ncalyx cache stats --cache-dir /var/cache/calyx",
		Args:    wantArgs(0, 0),
		RunE: runner(func(ctx context.Context, _ []string) error {
			return a.withCache(ctx, func(ctx context.Context, store cas.Store) error {
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

func newCacheExport(a *app) *cobra.Command {
	var output string
	c := newCommand(&cobra.Command{
		Use:   "export [TARGET…] -o FILE",
		Short: "Write what targets need into an archive",
		Long: `Write one archive with what the cache holds for the targets (or for all that a build makes by default) and for all
that they need, so that another machine can reuse it: see ` + "`calyx cache import`" + `.`,
		Example:           "calyx cache export -o cache.calyx\ncalyx cache export train -o train.calyx",
		ValidArgsFunction: a.completeNodes(isStep, -1),
		RunE: runner(func(ctx context.Context, targets []string) error {
			if output == "" {
				return usage("calyx cache export -o FILE", "calyx cache export: -o must name the archive")
			}
			return a.within(ctx, func(ctx context.Context, s *session) error { return a.exportCache(ctx, s, targets, output) })
		}).run,
	})
	c.Flags().StringVarP(&output, "output", "o", "", "the archive `FILE`")
	return c
}

func newCacheImport(a *app) *cobra.Command {
	return newCommand(&cobra.Command{
		Use:   "import FILE",
		Short: "Take an archive's results into the cache",
		Long: `Take the results of an archive, written by ` + "`calyx cache export`" + `, into the cache. Everything in it is checked before
anything is used; one that is damaged anywhere is refused as a whole, with exit status 3. With --cache-dir no workspace is
needed.`,
		Example: "calyx cache import cache.calyx\ncalyx cache import cache.calyx --cache-dir /var/cache/calyx",
		Args:    wantArgs(1, 1),
		RunE: runner(func(ctx context.Context, args []string) error {
			return a.withCache(ctx, func(ctx context.Context, store cas.Store) error { return a.importCache(ctx, store, args[0]) })
		}).run,
	})
}

// withCache opens the workspace's cache, or the one that is named, which needs no workspace, lets do work with it, and closes it.
func (a *app) withCache(ctx context.Context, do func(context.Context, cas.Store) error) error {
	if a.global.cacheDir != "" && a.global.calyxfile == "" {
		return a.withNamedCache(ctx, do)
	}
	err := a.within(ctx, func(ctx context.Context, s *session) error {
		store, err := s.store(ctx)
		if err != nil {
			return err
		}
		return do(ctx, store)
	})
	if errors.Is(err, errNoCalyxfile) {
		return usage("do it in a workspace, or name a cache with --cache-dir or CALYX_CACHE_DIR", "%w", err)
	}
	return err
}

func (a *app) withNamedCache(ctx context.Context, do func(context.Context, cas.Store) error) error {
	cwd, err := place.WorkingDirectory()
	if err != nil {
		return err
	}
	store, err := a.openStore(ctx, place.Cache(cwd, "", a.global.cacheDir))
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, store), store.Close())
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
