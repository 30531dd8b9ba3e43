package workspace

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/cores"
)

// item is one name in a folder, before anything is read.
type item struct {
	path string // from the folder, with forward slashes
	stat hashing.Stat
}

// walk lists a folder with all that is in it, parents before what is in them, each folder in order.
func walk(ctx context.Context, root string) ([]item, error) {
	var items []item
	var folder func(at, rel string) error
	folder = func(at, rel string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		names, err := os.ReadDir(at)
		if err != nil {
			return err
		}
		for _, name := range names {
			below := filepath.Join(at, name.Name())
			st, err := hashing.Lstat(below)
			if err != nil {
				return err
			}
			items = append(items, item{path.Join(rel, name.Name()), st})
			if st.IsDir() {
				if err := folder(below, path.Join(rel, name.Name())); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return items, folder(root, "")
}

// listing is the digest of everything by which a change in a folder shows without reading a file.
func listing(items []item) hashing.Digest {
	b := make([]byte, 0, 64*len(items))
	for _, it := range items {
		b = binary.AppendUvarint(b, uint64(len(it.path)))
		b = append(b, it.path...)
		b = binary.LittleEndian.AppendUint32(b, it.stat.Mode)
		if it.stat.IsDir() {
			continue // what is in it is listed; its own times do not count
		}
		for _, v := range []uint64{it.stat.Dev, it.stat.Ino, uint64(it.stat.Size), uint64(it.stat.Mtime), uint64(it.stat.Ctime)} {
			b = binary.LittleEndian.AppendUint64(b, v)
		}
	}
	return hashing.Sum(b)
}

// entry makes the entry of a listing that an item gives; the digest of a file is still to come.
func (it item) entry(root string) (hashing.Entry, error) {
	e := hashing.Entry{Path: it.path, Kind: hashing.FileEntry}
	switch {
	case it.stat.IsDir():
		e.Kind = hashing.DirEntry
	case it.stat.IsLink():
		e.Kind = hashing.LinkEntry
		var err error
		e.Target, err = os.Readlink(filepath.Join(root, filepath.FromSlash(it.path)))
		return e, err
	case !it.stat.IsRegular():
		return e, &hashing.TypeError{Path: filepath.Join(root, filepath.FromSlash(it.path)), Mode: it.stat.Mode}
	case it.stat.IsExec():
		e.Kind = hashing.ExecEntry
	}
	return e, nil
}

// treeOf makes the listing of a folder, which may hold what no output may (Tree.Check); digest gives the digest and the size of a file, and is called from all cores.
func treeOf(root string, items []item, digest func(i int, at string) (hashing.Digest, int64, error)) (hashing.Tree, error) {
	tree := make(hashing.Tree, len(items))
	err := cores.Each(len(items), func(i int) error {
		e, err := items[i].entry(root)
		if err == nil && e.IsFile() {
			e.Digest, e.Size, err = digest(i, filepath.Join(root, filepath.FromSlash(e.Path)))
		}
		tree[i] = e
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(tree, func(a, b hashing.Entry) int { return cmp.Compare(a.Path, b.Path) })
	return tree, nil
}

// readFolder reads the present content of a folder, as far as its files are not remembered, and what it is recognised by.
func (w *Workspace) readFolder(root string, items []item) (hashing.Tree, stamp, error) {
	s := stamp{Listing: listing(items)}
	var mu sync.Mutex
	tree, err := treeOf(root, items, func(i int, at string) (hashing.Digest, int64, error) {
		r, err := w.memo.FileWith(at, items[i].stat)
		if r.Racy || r.Stat != items[i].stat {
			mu.Lock()
			s.Racy = true
			mu.Unlock()
		}
		return r.Digest, r.Stat.Size, err
	})
	s.Racy = s.Racy || linksAreRacy(items, w.clock())
	return tree, s, err
}

func linksAreRacy(items []item, now int64) bool {
	for _, it := range items {
		if it.stat.IsLink() && it.stat.IsRacy(now) {
			return true
		}
	}
	return false
}

// treeMemo remembers what folders held.
type treeMemo struct {
	mu    sync.Mutex
	trees map[string]knownTree // by path
}

type knownTree struct {
	value hashing.Digest
	stamp stamp
}

func (m *treeMemo) known(path string) (knownTree, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.trees[path]
	return k, ok
}

func (m *treeMemo) seed(path string, value hashing.Digest, s stamp) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.trees == nil {
		m.trees = map[string]knownTree{}
	}
	m.trees[path] = knownTree{value, s}
}

// isAbsent reports whether an error says that nothing is at a path.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// removeAll removes a file or a folder; folders without permission to write are given it first.
func removeAll(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	makeWritable(path)
	return os.RemoveAll(path)
}

// makeWritable lets the owner write to a folder and all folders in it. What cannot be changed shows later.
func makeWritable(path string) {
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil && info.Mode()&0o700 != 0o700 {
			_ = os.Chmod(p, 0o755)
		}
		return nil
	})
}

// makeParent makes the folders above a path.
func (w *Workspace) makeParent(o Output) error {
	err := os.MkdirAll(filepath.Dir(w.abs(o.Path)), 0o777)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOTDIR):
		return &NoFolderError{Path: w.fileAbove(o.Path), Output: o.Path}
	}
	return fmt.Errorf("make the folder of the output %q: %w", o.Path, err)
}

// fileAbove is what stands where a path needs a folder.
func (w *Workspace) fileAbove(p string) string {
	above := path.Dir(p)
	for above != path.Dir(above) {
		if _, err := os.Lstat(w.abs(above)); err == nil {
			break
		}
		above = path.Dir(above)
	}
	return above
}
