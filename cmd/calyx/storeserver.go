package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/folder"
	"github.com/calyx-build/calyx/cas/local"
	"github.com/calyx-build/calyx/cas/server"
)

// storeServer is the command that serves a cache to other processes of calyx, which start it.
const storeServer = "store-server"

// serverGarbage is how much garbage the store server may leave, in per cent of the few megabytes that it has in use: nearly all
// of it are messages.
const serverGarbage = 400

func newStoreServer(a *app) *cobra.Command {
	return newCommand(&cobra.Command{
		Use:    storeServer + " DIR",
		Short:  "Serve the cache in DIR until nobody needs it",
		Hidden: true,
		Args:   wantArgs(1, 1),
		RunE: runner(func(ctx context.Context, args []string) error {
			if os.Getenv("GOGC") == "" {
				debug.SetGCPercent(serverGarbage)
			}
			return server.Run(ctx, args[0], a.stdout)
		}).run,
	})
}

// openStore opens the cache in a folder, which other processes may use at the same time.
func (a *app) openStore(ctx context.Context, dir string) (cas.Store, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program of calyx: %w", err)
	}
	store, err := local.Connect(ctx, local.Options{
		Dir: dir, Server: []string{self, storeServer, dir},
		Warn: func(text string) { a.warn(text, "") },
	})
	if err != nil {
		return nil, &failure{status: exitFault, err: err, hint: cacheHint(err)}
	}
	return store, nil
}

// cacheHint says what may be done about a cache that cannot be opened.
func cacheHint(err error) string {
	var format *cas.FormatError
	switch {
	case errors.As(err, &format):
		return "use the calyx that wrote it or a newer one, or keep another cache with --cache-dir"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "calyx writes to its cache; keep it in a folder that may be written with --cache-dir"
	case errors.Is(err, folder.ErrNoCache):
		return "if it is a cache, remove it, and what it held will be computed again; else name another folder with --cache-dir"
	case errors.Is(err, syscall.ENOSPC):
		return fullDiskHint
	}
	return ""
}

// fullDiskHint says what may be done where a disk is full.
const fullDiskHint = "make room on that disk, or keep the cache on another one with --cache-dir; what is done is kept"
