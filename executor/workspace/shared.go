package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/hashing"
)

// Tree reads a listing from the cache. The error wraps cas.ErrMissing where it is not there.
func (w *Workspace) Tree(ctx context.Context, d hashing.Digest) (hashing.Tree, error) {
	blobs, err := w.store.Get(ctx, d)
	if err != nil {
		return nil, err
	}
	return checkedTree(d, blobs[0])
}

// Write writes a folder from the cache to a path where nothing is, outside the workspace's outputs.
func (w *Workspace) Write(ctx context.Context, at string, v trace.Value) error {
	tree, err := w.Tree(ctx, v.Digest)
	if err != nil {
		return fmt.Errorf("write %q: %w", at, err)
	}
	plan := treePlan{want: tree}
	jobs, err := plan.apply(0, at)
	if err == nil {
		err = w.writeFiles(ctx, jobs)[0]
	}
	if err != nil {
		return fmt.Errorf("write %q: %w", at, err)
	}
	return nil
}

// Shared returns a folder with the content of a tree, written once as long as the workspace is in use. Nobody may change it.
func (w *Workspace) Shared(ctx context.Context, v trace.Value) (string, error) {
	at := filepath.Join(w.scratch, "trees", v.Digest.Hex())
	w.sharing.Lock()
	defer w.sharing.Unlock()
	if _, err := os.Lstat(at); err == nil {
		return at, nil
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return "", err
	}
	err := w.Write(ctx, at, v)
	if err != nil {
		err = errors.Join(err, removeAll(at))
	}
	return at, err
}
