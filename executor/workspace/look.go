package workspace

import (
	"context"
	"errors"
	"os"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/cores"
)

// State is what stands at an output's path.
type State uint8

// The states of an output's path.
const (
	Absent  State = iota
	Right         // what the output should hold
	Equal         // what it should hold, though it is not recorded that calyx wrote it: Restore adopts it
	Ours          // something else that calyx wrote
	Partial       // what a killed build may have left half written
	Edited        // calyx wrote it once, and somebody changed it
	Foreign       // calyx never wrote it
)

// found is what stands at an output's path, and what is known of it.
type found struct {
	state State
	row   *owned       // nil where nothing is recorded
	isRow bool         // a folder that was recognised as the one that row tells of
	tree  hashing.Tree // of a folder that had to be read
	stat  hashing.Stat
}

// Look tells what stands at an output's path.
func (w *Workspace) Look(ctx context.Context, o Output) (State, error) {
	states, err := w.LookAll(ctx, []Output{o})
	if err != nil {
		return 0, err
	}
	return states[0], nil
}

// LookAll tells what stands at each output's path, in order. It asks the store once, and only about outputs that this
// process does not know already; all cores look at the files.
func (w *Workspace) LookAll(ctx context.Context, outs []Output) ([]State, error) {
	all, err := w.look(ctx, outs)
	states := make([]State, len(all))
	for i, f := range all {
		states[i] = f.state
	}
	return states, err
}

// Has reports whether the output's path holds what it should.
func (w *Workspace) Has(ctx context.Context, o Output) bool {
	s, err := w.Look(ctx, o)
	return err == nil && (s == Right || s == Equal)
}

// There reports whether anything stands at an output's path.
func (w *Workspace) There(o Output) bool {
	_, err := os.Lstat(w.abs(o.Path))
	return err == nil
}

func (w *Workspace) look(ctx context.Context, outs []Output) ([]found, error) {
	all := make([]found, len(outs))
	open, err := w.lookHere(ctx, outs, all)
	if err != nil || len(open) == 0 {
		return all, err
	}
	rest, err := w.lookUp(ctx, pick(outs, open))
	for i, f := range rest {
		all[open[i]] = f
	}
	return all, err
}

// lookHere fills in what can be told without the store, and returns the numbers of the other outputs.
func (w *Workspace) lookHere(ctx context.Context, outs []Output, all []found) (open []int, err error) {
	isOpen := make([]bool, len(outs))
	err = cores.Each(len(outs), func(i int) error {
		st, err := hashing.Lstat(w.abs(outs[i].Path))
		switch {
		case isAbsent(err):
			return nil
		case err != nil:
			return err
		}
		isOpen[i] = !w.knownRight(ctx, outs[i], st)
		if !isOpen[i] {
			all[i].state = Right
		}
		return nil
	})
	for i, is := range isOpen {
		if is {
			open = append(open, i)
		}
	}
	return open, err
}

// lookUp asks the store what is known of the outputs' paths, and then looks at them.
func (w *Workspace) lookUp(ctx context.Context, outs []Output) ([]found, error) {
	rows, err := w.rows(ctx, outs)
	if err != nil {
		return nil, err
	}
	all := make([]found, len(outs))
	err = cores.Each(len(outs), func(i int) error {
		all[i].row = rows[i]
		st, err := hashing.Lstat(w.abs(outs[i].Path))
		switch {
		case isAbsent(err):
			return nil
		case err != nil:
			return err
		}
		all[i].stat = st
		return w.judge(ctx, outs[i], &all[i])
	})
	return all, err
}

func pick(outs []Output, numbers []int) []Output {
	some := make([]Output, len(numbers))
	for i, n := range numbers {
		some[i] = outs[n]
	}
	return some
}

// knownRight reports whether this process knows that the output's path holds what it should: because it saw it before, or
// because it saw it so shortly after it was written that another look settles it.
func (w *Workspace) knownRight(ctx context.Context, o Output, st hashing.Stat) bool {
	at := w.abs(o.Path)
	switch {
	case o.Value.Digest.IsZero():
		return false
	case st.IsRegular() && !isTree(o.Value):
		r, ok := w.memo.Known(at)
		if !ok || r.Digest != o.Value.Digest || st.IsExec() != o.Value.Exec {
			return false
		}
		r, err := w.memo.FileWith(at, st)
		return err == nil && r.Digest == o.Value.Digest
	case st.IsDir() && isTree(o.Value):
		k, ok := w.trees.known(o.Path)
		if !ok || k.value != o.Value.Digest {
			return false
		}
		items, err := walk(ctx, at)
		if err == nil && !k.stamp.Racy && listing(items) == k.stamp.Listing {
			return true
		}
		tree, s, readErr := w.readFolder(at, items)
		if errors.Join(err, readErr) != nil || tree.Digest() != o.Value.Digest {
			return false
		}
		w.trees.seed(o.Path, o.Value.Digest, s)
		return true
	}
	return false
}

func isTree(v trace.Value) bool { return v.Media == trace.MediaTree }

// same reports whether two values are the same content of a path.
func same(a, b trace.Value) bool {
	return a.Digest == b.Digest && a.Exec == b.Exec && isTree(a) == isTree(b)
}

// judge tells whose the content of a path is that is there, given its row.
func (w *Workspace) judge(ctx context.Context, o Output, f *found) error {
	v, err := w.present(ctx, o.Path, f)
	if err != nil {
		return err
	}
	right := !o.Value.Digest.IsZero() && same(v, o.Value)
	f.state = w.whose(o, f, v, right)
	if f.state == Right && w.journal.noted(o.Path) == deadProcess {
		w.journal.settle(o.Path) // what the dead process meant to write stands there and is recorded
	}
	if f.state == Foreign || f.state == Edited {
		// Perhaps the process that wrote it was killed only a moment ago.
		w.journal.takeOver()
		f.state = w.whose(o, f, v, right)
	}
	return nil
}

func (w *Workspace) whose(o Output, f *found, v trace.Value, right bool) State {
	who := w.journal.noted(o.Path)
	recorded := f.row != nil && same(v, f.row.Value)
	switch {
	case right && (recorded || who == thisProcess):
		return Right
	case right:
		return Equal
	case who == thisProcess, recorded:
		return Ours
	case who == deadProcess:
		return Partial
	case f.row != nil:
		return Edited
	}
	return Foreign
}

// present is the value of what stands at a path now. What has no content (a link, a socket, a folder with a link out of
// it) has the zero Value.
func (w *Workspace) present(ctx context.Context, path string, f *found) (trace.Value, error) {
	at := w.abs(path)
	var v trace.Value
	var err error
	switch {
	case f.stat.IsRegular():
		v, err = w.presentFile(path, f)
	case f.stat.IsDir():
		v, err = w.presentFolder(ctx, at, path, f)
	}
	switch {
	case ctx.Err() != nil:
		return v, ctx.Err()
	case errors.As(err, new(*hashing.TypeError)), isAbsent(err):
		return trace.Value{}, nil
	}
	return v, err
}

func (w *Workspace) presentFile(path string, f *found) (trace.Value, error) {
	at := w.abs(path)
	if r := f.row; r != nil && !isTree(r.Value) && !r.Stamp.Racy && r.Stamp.Stat == f.stat {
		w.memo.Seed(at, r.Stamp.record(r.Value.Digest))
		return r.Value, nil
	}
	r, err := w.memo.FileWith(at, f.stat)
	if err != nil {
		return trace.Value{}, err
	}
	v := trace.Value{Digest: r.Digest, Size: r.Stat.Size, Exec: r.Stat.IsExec()}
	w.refreshed(path, f, v, fileStamp(r))
	return v, nil
}

func (w *Workspace) presentFolder(ctx context.Context, at, path string, f *found) (trace.Value, error) {
	items, err := walk(ctx, at)
	if err != nil {
		return trace.Value{}, err
	}
	if r := f.row; r != nil && isTree(r.Value) && !r.Stamp.Racy && r.Stamp.Listing == listing(items) {
		w.trees.seed(path, r.Value.Digest, r.Stamp)
		f.isRow = true
		return r.Value, nil
	}
	tree, s, err := w.readFolder(at, items)
	if err != nil {
		return trace.Value{}, err
	}
	if tree.Check() != nil {
		return trace.Value{}, nil
	}
	f.tree = tree
	v := trace.Value{Media: trace.MediaTree, Digest: tree.Digest(), Size: tree.Size()}
	w.trees.seed(path, v.Digest, s)
	w.refreshed(path, f, v, s)
	return v, nil
}

// refreshed has a row written again whose content still stands, and can now be recognised without being read.
func (w *Workspace) refreshed(path string, f *found, v trace.Value, s stamp) {
	if f.row == nil || s.Racy || !same(v, f.row.Value) {
		return
	}
	o := Output{Node: f.row.Node, Instance: f.row.Instance, Path: path, Value: f.row.Value, stamp: s}
	row := w.Row(o)
	w.refresh(cas.Txn{If: []cas.Row{{Key: row.Key, Value: f.row.raw}}, Put: []cas.Row{row}})
}
