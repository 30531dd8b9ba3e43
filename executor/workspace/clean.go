package workspace

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
)

// Recorded calls yield for every path that calyx recorded writing, with its step, in the order of the paths.
func (w *Workspace) Recorded(ctx context.Context, yield func(o Output) bool) error {
	prefix := w.key("")
	return w.store.Scan(ctx, prefix, func(key, value []byte) bool {
		row := decodeOwned(value)
		return row == nil || yield(Output{Node: row.Node, Instance: row.Instance, Path: string(key[len(prefix):]), Value: row.Value})
	})
}

// Remove removes outputs that stand as calyx wrote them, and returns their paths, sorted; what somebody edited stays. It
// waits for the locks of the outputs.
func (w *Workspace) Remove(ctx context.Context, outs ...Output) ([]string, error) {
	unlock, err := w.Lock(ctx, nil, pathsOf(outs))
	if err != nil {
		return nil, err
	}
	defer unlock()
	outs = slices.Clone(outs)
	for i := range outs {
		outs[i].Value = trace.Value{} // what it should hold does not matter
	}
	all, err := w.look(ctx, outs)
	if err != nil {
		return nil, err
	}
	var gone []string
	var txn cas.Txn
	for i, o := range outs {
		if all[i].state == Ours {
			if err := removeAll(w.abs(o.Path)); err != nil {
				return gone, fmt.Errorf("remove %q: %w", o.Path, err)
			}
			gone = append(gone, o.Path)
			w.removeEmptyParents(o.Path)
		}
		if all[i].state == Ours || all[i].state == Absent {
			txn.Put = append(txn.Put, cas.Row{Key: w.key(o.Path)})
		}
	}
	slices.Sort(gone)
	if len(txn.Put) == 0 {
		return gone, nil
	}
	_, err = cas.Commit(ctx, w.store, txn)
	return gone, err
}

// removeEmptyParents removes the folders that were made for an output and hold nothing any more.
func (w *Workspace) removeEmptyParents(p string) {
	for dir := path.Dir(p); dir != "." && !path.IsAbs(dir); dir = path.Dir(dir) {
		if os.Remove(w.abs(dir)) != nil {
			return
		}
	}
}

// Standing returns those of the paths that hold what calyx recorded writing there.
func (w *Workspace) Standing(ctx context.Context, paths []string) (map[string]bool, error) {
	outs := make([]Output, len(paths))
	for i, p := range paths {
		outs[i] = Output{Path: p}
	}
	rows, err := w.rows(ctx, outs)
	if err != nil {
		return nil, err
	}
	var recorded []Output
	for i, row := range rows {
		if row != nil {
			outs[i].Value, outs[i].Dir = row.Value, row.Value.Media == trace.MediaTree
			recorded = append(recorded, outs[i])
		}
	}
	states, err := w.LookAll(ctx, recorded)
	if err != nil {
		return nil, err
	}
	standing := map[string]bool{}
	for i, o := range recorded {
		standing[o.Path] = states[i] == Right || states[i] == Equal
	}
	return standing, nil
}
