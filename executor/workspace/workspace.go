// Package workspace is the `.calyx` folder and the outputs beside it: what calyx wrote and may replace, who may touch a
// path now, and how an output comes into the cache and out of it.
package workspace

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

// Folder is the name of calyx's own folder in a workspace.
const Folder = ".calyx"

// Workspace is one project's folder, in use by this process. It is safe for concurrent use.
type Workspace struct {
	root    string
	id      string
	store   cas.Store
	memo    *hashing.Memo
	note    func(node, text string)
	locks   *locks
	journal *journal
	scratch string
	count   atomic.Int64
	sharing sync.Mutex
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

// Open takes the workspace root into use. memo remembers digests of its files; note is told what happened to files that
// calyx did not leave as they were.
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
	if w.journal, err = openJournal(w.own("journal"), w.own("tmp")); err != nil {
		return nil, errors.Join(err, w.locks.close())
	}
	w.scratch = filepath.Join(w.own("tmp"), w.journal.name)
	if err := os.MkdirAll(w.scratch, 0o700); err != nil {
		return nil, errors.Join(fmt.Errorf("make a scratch folder: %w", err), w.Close())
	}
	return w, nil
}

// ReadOnly looks at the workspace root without taking it into use: only what reads may be called on it.
func ReadOnly(root string, store cas.Store, memo *hashing.Memo) *Workspace {
	id, err := ID(root)
	if err != nil {
		id = "" // nothing is recorded of it then
	}
	return &Workspace{root: root, id: id, store: store, memo: memo, journal: &journal{open: map[string]bool{}}}
}

// Close gives the workspace back; scratch folders go.
func (w *Workspace) Close() error {
	return errors.Join(os.RemoveAll(w.scratch), w.journal.close(), w.locks.close())
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

// Scratch makes an empty private folder.
func (w *Workspace) Scratch() (string, error) {
	dir := filepath.Join(w.scratch, strconv.FormatInt(w.count.Add(1), 36))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("make a scratch folder: %w", err)
	}
	return dir, nil
}

// identity is what `.calyx/workspace.json` holds: the id is this workspace's as long as the folder is the one in which it
// was made. A copy of a workspace is another one.
type identity struct {
	ID     string `json:"id"`
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
}

// ID returns the id of the workspace root, 16 characters, and gives it one if it has none. Create has been called.
func ID(root string) (string, error) {
	path := filepath.Join(root, Folder, "workspace.json")
	st, err := hashing.StatFollow(filepath.Join(root, Folder))
	if err != nil {
		return "", err
	}
	if have, err := readIdentity(path); err == nil && have.Device == st.Dev && have.Inode == st.Ino {
		return have.ID, nil
	}
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	text, err := json.Marshal(identity{ID: hex.EncodeToString(random[:]), Device: st.Dev, Inode: st.Ino})
	if err != nil {
		return "", err
	}
	temp := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(temp, text, 0o666); err != nil {
		return "", fmt.Errorf("name the workspace: %w", err)
	}
	// The first of several processes names it: a link does not replace what another one has put there for this folder.
	if have, err := readIdentity(path); err == nil && have.Inode != st.Ino {
		_ = os.Remove(path)
	}
	err = os.Link(temp, path)
	_ = os.Remove(temp)
	if err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("name the workspace: %w", err)
	}
	have, err := readIdentity(path)
	return have.ID, err
}

func readIdentity(path string) (identity, error) {
	var have identity
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &have)
	}
	if err == nil && len(have.ID) != 16 {
		err = fmt.Errorf("%q does not name a workspace", path)
	}
	return have, err
}

// Memo remembers the digests of the workspace's files.
func (w *Workspace) Memo() *hashing.Memo { return w.memo }
