package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/hashing"
)

// Output is a file or folder that a step owns, with what it should hold.
type Output struct {
	Node     string
	Instance string
	Path     string // relative to the workspace, or absolute
	Dir      bool
	Value    trace.Value // of this output alone
}

// owned is the row of a path that calyx wrote.
type owned struct {
	Value    trace.Value `json:"v"`
	Node     string      `json:"n"`
	Instance string      `json:"i"`
}

func (w *Workspace) key(path string) []byte {
	return append(append([]byte{'o'}, w.id...), path...)
}

// Row is what says, once it is committed, that calyx wrote the output's value to its path.
func (w *Workspace) Row(o Output) cas.Row {
	value, err := cbor.Marshal(owned{Value: o.Value, Node: o.Node, Instance: o.Instance})
	if err != nil {
		panic("internal error: encode an output's row: " + err.Error())
	}
	return cas.Row{Key: w.key(o.Path), Value: value}
}

// State is what stands at an output's path.
type State uint8

// The states of an output's path.
const (
	Absent  State = iota
	Right         // what the output should hold
	Ours          // something else that calyx wrote
	Edited        // calyx wrote it once, and somebody changed it
	Foreign       // calyx never wrote it
)

// Look tells what stands at an output's path, where it is not what it should be.
func (w *Workspace) Look(ctx context.Context, o Output) (State, error) {
	if w.right(ctx, o) {
		return Right, nil
	}
	if _, err := os.Lstat(w.abs(o.Path)); isAbsent(err) {
		return Absent, nil
	}
	return w.whose(ctx, o.Path)
}

// Has reports whether the output's path holds what it should.
func (w *Workspace) Has(ctx context.Context, o Output) bool { return w.right(ctx, o) }

func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func (w *Workspace) right(ctx context.Context, o Output) bool {
	if o.Value.Digest.IsZero() {
		return false
	}
	v, err := w.present(ctx, o.Path)
	return err == nil && v.Digest == o.Value.Digest && v.Exec == o.Value.Exec && (v.Media == trace.MediaTree) == (o.Value.Media == trace.MediaTree)
}

// present is the value of what stands at a path now.
func (w *Workspace) present(ctx context.Context, path string) (trace.Value, error) {
	at := w.abs(path)
	st, err := hashing.Lstat(at)
	switch {
	case err != nil:
		return trace.Value{}, err
	case st.IsDir():
		read, err := hashing.ReadTree(ctx, at, hashing.TreeOptions{Memo: w.memo})
		if err != nil {
			return trace.Value{}, err
		}
		return trace.Value{Media: trace.MediaTree, Digest: read.Tree.Digest()}, nil
	case !st.IsRegular():
		return trace.Value{}, &hashing.TypeError{Path: at, Mode: st.Mode}
	}
	r, err := w.memo.FileWith(at, st)
	return trace.Value{Digest: r.Digest, Exec: st.IsExec()}, err
}

// whose tells who made what stands at a path.
func (w *Workspace) whose(ctx context.Context, path string) (State, error) {
	rows, err := w.store.Rows(ctx, w.key(path))
	if err != nil {
		return 0, fmt.Errorf("look up who wrote %q: %w", path, err)
	}
	if w.journal.noted(path) {
		return Ours, nil
	}
	var row owned
	if rows[0] == nil || cbor.Unmarshal(rows[0], &row) != nil {
		return Foreign, nil
	}
	if w.right(ctx, Output{Path: path, Value: row.Value}) {
		return Ours, nil
	}
	return Edited, nil
}

// ForeignError says that something stands in the way that calyx did not write.
type ForeignError struct{ Path, Node string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("write %q: something is there that calyx did not write", e.Path)
}

// Hint says what to do about it.
func (e *ForeignError) Hint() string {
	return fmt.Sprintf("move %q away, or give step %q another output; calyx replaces only what it wrote", e.Path, e.Node)
}

// clear makes room at an output's path: what calyx wrote goes, what somebody edited is put aside, anything else stays and
// is an error.
func (w *Workspace) clear(ctx context.Context, o Output, s State) error {
	switch s {
	case Absent:
		return nil
	case Foreign:
		return &ForeignError{Path: o.Path, Node: o.Node}
	case Edited:
		return w.displace(o)
	}
	if err := removeAll(w.abs(o.Path)); err != nil {
		return fmt.Errorf("remove the old %q: %w", o.Path, err)
	}
	return nil
}

// removeAll removes a file or a folder; folders without permission to write are given it first.
func removeAll(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(p, 0o700) // what cannot be changed shows when it cannot be removed
		}
		return nil
	})
	return os.RemoveAll(path)
}

// displace moves what somebody edited to `.calyx/displaced`.
func (w *Workspace) displace(o Output) error {
	to := filepath.Join(w.own("displaced"), time.Now().UTC().Format("20060102-150405.000000"), filepath.Base(o.Path))
	err := os.MkdirAll(filepath.Dir(to), 0o777)
	if err == nil {
		err = os.Rename(w.abs(o.Path), to)
	}
	if err != nil {
		return fmt.Errorf("put the edited %q aside: %w", o.Path, err)
	}
	rel, err := filepath.Rel(w.root, to)
	if err != nil {
		rel = to
	}
	w.note(o.Node, fmt.Sprintf("%q was edited by somebody; the edited one is now %q", o.Path, rel))
	return nil
}

func decodeRow(path string, value []byte) (Output, bool) {
	var row owned
	if cbor.Unmarshal(value, &row) != nil {
		return Output{}, false
	}
	return Output{Node: row.Node, Instance: row.Instance, Path: path, Value: row.Value}, true
}
