package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/local"
	"github.com/calyx-build/calyx/cas/server"
)

// storeServer is the command that serves a cache to other processes of calyx, which start it.
const storeServer = "store-server"

func newStoreServer(a *app) *cobra.Command {
	return newCommand(&cobra.Command{
		Use:    storeServer + " DIR",
		Short:  "Serve the cache in DIR until nobody needs it",
		Hidden: true,
		Args:   wantArgs(1, 1),
		RunE: runner(func(ctx context.Context, args []string) error {
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
	return local.Connect(ctx, local.Options{
		Dir: dir, Server: []string{self, storeServer, dir},
		Warn: func(text string) { a.warn(text, "") },
	})
}
