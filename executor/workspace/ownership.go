package workspace

import (
	"context"
	"fmt"
	"sync"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/hashing/rows"
)

// Output is a file or folder that a step owns, with what it should hold.
type Output struct {
	Node     string
	Instance string
	Path     string // relative to the workspace, or absolute
	Dir      bool
	Value    trace.Value // of this output alone; the zero Value: not known yet

	stamp stamp // what stood there when Value was taken from it, or written to it
}

// owned is the row of a path that calyx wrote.
type owned struct {
	Value    trace.Value `json:"v"`
	Node     string      `json:"n"`
	Instance string      `json:"i"`
	Stamp    stamp       `json:"s"`

	raw []byte // the row itself
}

func (w *Workspace) key(path string) []byte {
	return append(append([]byte{'o'}, w.id...), path...)
}

// Row is what says, once it is committed, that calyx wrote the output's value to its path. An output that came from
// Capture, or that this process restored, is recorded with what it needs to be recognised without being read.
func (w *Workspace) Row(o Output) cas.Row {
	if o.stamp == (stamp{}) {
		o.stamp = w.stampOf(o)
	}
	value, err := rows.Marshal(owned{Value: o.Value, Node: o.Node, Instance: o.Instance, Stamp: o.stamp})
	if err != nil {
		panic("internal error: encode an output's row: " + err.Error())
	}
	return cas.Row{Key: w.key(o.Path), Value: value}
}

// stampOf is what this process knows of an output that holds its value.
func (w *Workspace) stampOf(o Output) stamp {
	if known, ok := w.trees.known(o.Path); ok && known.value == o.Value.Digest {
		return known.stamp
	}
	if r, ok := w.memo.Known(w.abs(o.Path)); ok && r.Digest == o.Value.Digest {
		return fileStamp(r)
	}
	return stamp{}
}

// rows reads what is recorded of each output's path, in order; nil where nothing is.
func (w *Workspace) rows(ctx context.Context, outs []Output) ([]*owned, error) {
	if len(outs) == 0 {
		return nil, nil
	}
	keys := make([][]byte, len(outs))
	for i, o := range outs {
		keys[i] = w.key(o.Path)
	}
	found, err := w.store.Rows(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("look up who wrote the outputs: %w", err)
	}
	rows := make([]*owned, len(outs))
	for i, value := range found {
		rows[i] = decodeOwned(value)
	}
	return rows, nil
}

// decodeOwned reads a row; nil where there is none, or a damaged one.
func decodeOwned(value []byte) *owned {
	var row owned
	if value == nil || rows.Unmarshal(value, &row) != nil {
		return nil
	}
	row.raw = value
	return &row
}

// Settle says that the records of outputs are committed.
func (w *Workspace) Settle(outs ...Output) { w.journal.settle(pathsOf(outs)...) }

func pathsOf(outs []Output) []string {
	paths := make([]string, len(outs))
	for i, o := range outs {
		paths[i] = o.Path
	}
	return paths
}

// refreshes are rows that say what they said, with stats that are no longer too young to be believed. They are written
// together, and losing them costs only another look at the files.
type refreshes struct {
	mu   sync.Mutex
	txns []cas.Txn
}

// mostRefreshes is how many rows wait: of a large graph, all together would take hundreds of megabytes here and in the store's server.
const mostRefreshes = 1024

// refresh has a row written before long.
func (w *Workspace) refresh(t cas.Txn) {
	if txns := w.refreshes.add(t); len(txns) == mostRefreshes {
		w.flush()
	}
}

func (r *refreshes) add(t cas.Txn) []cas.Txn {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.txns = append(r.txns, t)
	return r.txns
}

// flush writes the refreshed rows, as far as they stand as they were read.
func (w *Workspace) flush() {
	w.refreshes.mu.Lock()
	txns := w.refreshes.txns
	w.refreshes.txns = nil
	w.refreshes.mu.Unlock()
	if len(txns) > 0 {
		_, _ = w.store.Apply(context.Background(), txns...) // see refreshes
	}
}
