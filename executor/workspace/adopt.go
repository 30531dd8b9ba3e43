package workspace

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/hashing"
)

// What stands at an output's path without calyx ever having written it may be what the step is about to make: a result
// whose record was lost. So it is put aside while the step runs. If the step makes the same, it is adopted; if not, it
// comes back to its place, and the step has failed.

// asides holds where foreign content waits, by the output's path.
type asides struct {
	mu sync.Mutex
	at map[string]string
}

func (a *asides) put(path, at string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at == nil {
		a.at = map[string]string{}
	}
	a.at[path] = at
}

func (a *asides) take(path string) (string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.at[path]
	delete(a.at, path)
	return at, ok
}

// displaced is where what stood at an output's path is put aside.
func displaced(root, moment, path string) string {
	return filepath.Join(root, Folder, "displaced", moment, inside(path))
}

// setAside moves foreign content out of the way of a step.
func (w *Workspace) setAside(o Output) error {
	// A link or a socket is no result of a step.
	if st, err := hashing.Lstat(w.abs(o.Path)); err != nil || !st.IsRegular() && !st.IsDir() {
		return &ForeignError{Path: o.Path, Node: o.Node}
	}
	moment := time.Now().UTC().Format("20060102-150405.000000")
	if err := w.journal.noteAside(moment, o.Path); err != nil {
		return err
	}
	to := displaced(w.root, moment, o.Path)
	if err := move(w.abs(o.Path), to); err != nil {
		return err
	}
	w.aside.put(o.Path, to)
	return nil
}

// Adopt compares what a step made with what stood at its outputs' paths before. Where they differ, the error is a
// *ForeignError: the caller moves what the step made away and calls PutBack.
func (w *Workspace) Adopt(ctx context.Context, outs ...Output) error {
	for _, o := range outs {
		at, ok := w.aside.take(o.Path)
		if !ok {
			continue
		}
		st, err := hashing.Lstat(at)
		if err != nil {
			return err
		}
		v, err := w.present(ctx, at, &found{stat: st})
		same := err == nil && v.Digest == o.Value.Digest && v.Exec == o.Value.Exec && (v.Media == trace.MediaTree) == (o.Value.Media == trace.MediaTree)
		if !same {
			w.aside.put(o.Path, at)
			return &ForeignError{Path: o.Path, Node: o.Node}
		}
		if err := removeAll(at); err != nil {
			return err
		}
		w.tidy(at)
	}
	return nil
}

// tidy removes the folders in which nothing is put aside any more: what is found there is somebody's.
func (w *Workspace) tidy(at string) {
	top := w.own("displaced")
	for dir := filepath.Dir(at); dir != top; dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil {
			return
		}
	}
}

// PutBack moves foreign content back to its place, which the caller has cleared.
func (w *Workspace) PutBack(outs ...Output) error {
	var all error
	for _, o := range outs {
		at, ok := w.aside.take(o.Path)
		if !ok {
			continue
		}
		if _, err := os.Lstat(w.abs(o.Path)); err == nil {
			continue // something is there again; the foreign content stays where it was put
		}
		all = errors.Join(all, move(at, w.abs(o.Path)))
		w.tidy(at)
	}
	return all
}
