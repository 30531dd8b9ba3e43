package local

import (
	"context"
	"errors"

	"github.com/calyx-build/calyx/cas/client"
	"github.com/calyx-build/calyx/cas/folder"
)

// Options says how to share a cache.
type Options struct {
	// Dir is the cache folder; it is made where it is not there.
	Dir string
	// Server is the command that starts a store server for Dir when none answers: a program, by an absolute path, that
	// calls server.Run with Dir and its standard output.
	Server []string
	// Warn is told, from any goroutine, what was found damaged. It must not block.
	Warn func(string)
}

// Connect opens a cache that any number of processes use at once.
func Connect(ctx context.Context, o Options) (*Store, error) {
	f, err := folder.Open(o.Dir)
	if err != nil {
		return nil, err
	}
	c, err := client.Connect(ctx, f, client.Options{Server: o.Server, Warn: o.Warn})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return newStore(f, c, o.Warn), nil
}
