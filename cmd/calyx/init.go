package main

import (
	"context"
	_ "embed" // the first Calyxfile is a file like others
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cmd/calyx/internal/place"
)

//go:embed first.Calyxfile
var firstCalyxfile string

func newInit(a *app) *cobra.Command {
	return newCommand(&cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a first Calyxfile",
		Long: `Write a first, commented Calyxfile into the working directory, or into DIR, which is created. A Calyxfile that is
there is left alone.`,
		Example: "calyx init\ncalyx init reviews",
		Args:    wantArgs(0, 1),
		RunE: runner(func(_ context.Context, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			path, err := writeFirst(dir)
			if err != nil {
				return err
			}
			a.say("wrote %s; `calyx build` builds it", path)
			return nil
		}).run,
	})
}

// writeFirst writes the first Calyxfile of a workspace and returns its path.
func writeFirst(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", usage("", "create the folder %q: %w", dir, causeOf(err))
	}
	path := filepath.Join(dir, place.Calyxfile)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return "", usage("calyx overwrites nothing that it did not write; `calyx init DIR` begins another workspace",
			"write a first Calyxfile: %q is there already", path)
	case err != nil:
		return "", usage("", "write a first Calyxfile: %w", err)
	}
	_, err = file.WriteString(firstCalyxfile)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("write a first Calyxfile: %w", err)
	}
	return path, nil
}
