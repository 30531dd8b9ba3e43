package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
)

// restoreTree writes a tree from the store into the folder at path, which it makes.
func (s *session) restoreTree(ctx context.Context, path string, encoded []byte) error {
	tree, err := hashing.DecodeTree(encoded)
	if err == nil {
		err = tree.Check()
	}
	if err != nil {
		return err
	}
	store, err := s.store(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	for _, e := range tree {
		if err := restoreEntry(ctx, store, filepath.Join(path, filepath.FromSlash(e.Path)), e); err != nil {
			return err
		}
	}
	return nil
}

func restoreEntry(ctx context.Context, store cas.Store, path string, e hashing.Entry) error {
	switch e.Kind {
	case hashing.DirEntry:
		return os.MkdirAll(path, 0o755)
	case hashing.LinkEntry:
		return os.Symlink(e.Target, path)
	}
	perm := uint32(0o644)
	if e.Kind == hashing.ExecEntry {
		perm = 0o755
	}
	_, err := store.Restore(ctx, e.Digest, path, perm)
	return err
}

// writeMatches copies the files that a pattern matches into a folder that is not there, or empty, from where they stand.
func (s *session) writeMatches(t executor.TargetValue) func(context.Context, string, executor.Payload) error {
	from := t.Base
	if from == "" {
		from = s.Root
	}
	return func(_ context.Context, path string, _ executor.Payload) error {
		if err := mustBeEmpty(path); err != nil {
			return err
		}
		for _, e := range t.Tree {
			to := filepath.Join(path, filepath.FromSlash(e.Path))
			if err := copyMatch(to, filepath.Join(from, filepath.FromSlash(e.Path)), e.Kind == hashing.ExecEntry); err != nil {
				return err
			}
		}
		return nil
	}
}

func copyMatch(to, from string, exec bool) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it is only read
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return writeFrom(to, f, exec)
}
