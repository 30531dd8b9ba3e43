// Package workspace is the `.calyx` folder and the outputs beside it: what calyx wrote and may replace, who may touch a
// path now, and how an output comes into the cache and out of it.
package workspace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

// Folder is the name of calyx's own folder in a workspace.
const Folder = ".calyx"

// Workspace is one project's folder, in use by this process. It is safe for concurrent use.
type Workspace struct {
	aside     asides
	root      string
	id        string
	store     cas.Store
	memo      *hashing.Memo
	clock     hashing.Clock
	trees     treeMemo
	note      func(node, text string)
	locks     *locks
	journal   *journal
	scratch   string
	spare     spares
	count     atomic.Int64
	refreshes refreshes
	sharing   sync.Mutex
}

// Create makes `.calyx` in the folder root, if it is not there, and lets it ignore itself for Git.
func Create(root string) error {
	dir := filepath.Join(root, Folder)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("create the folder of calyx: %w", err)
	}
	ignore := filepath.Join(dir, ".gitignore")
	if _, err := os.Lstat(ignore); err == nil {
		return nil
	}
	if err := os.WriteFile(ignore, []byte("*\n"), 0o666); err != nil {
		return fmt.Errorf("create the folder of calyx: %w", err)
	}
	return nil
}

// Open takes the workspace root into use. memo remembers digests of its files; note is told, from any goroutine, what
// happened to files that calyx did not leave as they were.
func Open(root string, store cas.Store, memo *hashing.Memo, note func(node, text string)) (*Workspace, error) {
	if err := Create(root); err != nil {
		return nil, err
	}
	id, err := ID(root)
	if err != nil {
		return nil, err
	}
	w := &Workspace{root: root, id: id, store: store, memo: memo, note: note}
	if w.locks, err = openLocks(w.own("locks")); err != nil {
		return nil, err
	}
	if w.journal, err = openJournal(root, &w.aside); err != nil {
		return nil, errors.Join(err, w.locks.close())
	}
	w.scratch = filepath.Join(w.own("tmp"), w.journal.name)
	if err := os.MkdirAll(w.scratch, 0o700); err != nil {
		return nil, errors.Join(fmt.Errorf("make a scratch folder: %w", err), w.Close())
	}
	if w.clock, err = hashing.FileClock(w.scratch); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// ReadOnly looks at the workspace root without taking it into use: only what reads may be called on it.
func ReadOnly(root string, store cas.Store, memo *hashing.Memo) *Workspace {
	id, err := ID(root)
	if err != nil {
		id = "" // nothing is recorded of it then
	}
	clock := func() int64 { return time.Now().UnixNano() }
	return &Workspace{root: root, id: id, store: store, memo: memo, clock: clock, journal: &journal{}}
}

// Close gives the workspace back; scratch folders go.
func (w *Workspace) Close() error {
	w.flush()
	return errors.Join(removeAll(w.scratch), w.journal.close(), w.locks.close())
}

// own is a path in calyx's own folder.
func (w *Workspace) own(name string) string { return filepath.Join(w.root, Folder, name) }

// abs is the path that the system takes for an output's path.
func (w *Workspace) abs(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(w.root, filepath.FromSlash(p))
}

// Clock is that of the workspace's file system.
func (w *Workspace) Clock() hashing.Clock { return w.clock }

// Memo remembers the digests of the workspace's files.
func (w *Workspace) Memo() *hashing.Memo { return w.memo }
