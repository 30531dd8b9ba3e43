package hashing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/bmatcuk/doublestar/v4"
)

// TreeOptions says how a folder is read.
type TreeOptions struct {
	// Follow is for stored folders: links are followed, and both the link and what it shows count. Without it, for
	// outputs, links stay links, and one that leads out of the folder is an error.
	Follow bool
	// Skip, where set, leaves out what it returns true for; a folder with all that is in it. It gets the path from the root.
	Skip func(rel string, isDir bool) bool
	// Exclude holds patterns of what is left out likewise.
	Exclude []string
	// Memo remembers the digests of files.
	Memo *Memo
}

// TreeRead is what was found in a folder, and all that was looked at to find it.
type TreeRead struct {
	Tree    Tree
	Files   []FileRead
	Dirs    []DirRead
	Outside []string // links that lead out of the folder
}

// FileRead is a file that was digested.
type FileRead struct {
	Path   string // as the system takes it
	Record Record
}

// DirRead is a folder whose names were listed, with its stat as taken before.
type DirRead struct {
	Path string
	Stat Stat
}

// ReadTree reads the folder root. Files are digested by all cores. The first error ends it.
func ReadTree(ctx context.Context, root string, o TreeOptions) (*TreeRead, error) {
	for _, p := range o.Exclude {
		if !doublestar.ValidatePattern(p) {
			return nil, fmt.Errorf("exclude: %q is no pattern", p)
		}
	}
	w := treeWalk{ctx: ctx, root: filepath.Clean(root), o: o, out: &TreeRead{}}
	if err := w.dir(w.root, "", nil); err != nil {
		return nil, err
	}
	if err := w.digest(); err != nil {
		return nil, err
	}
	slices.SortFunc(w.out.Tree, compareEntries)
	return w.out, nil
}

// treeWalk collects names first; files is then digested in parallel.
type treeWalk struct {
	ctx   context.Context
	root  string
	o     TreeOptions
	out   *TreeRead
	files []pendingFile
}

type pendingFile struct {
	path  string
	entry int // in out.Tree
	stat  Stat
}

type inode struct{ dev, ino uint64 }

// dir lists one folder. above holds the folders that lead to it, by identity, so that a loop of links ends.
func (w *treeWalk) dir(at, rel string, above []inode) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	st, err := StatFollow(at)
	if err != nil {
		return err
	}
	id := inode{st.Dev, st.Ino}
	if slices.Contains(above, id) {
		return fmt.Errorf("read folder %q: its links lead back to a folder above it", at)
	}
	names, err := os.ReadDir(at)
	if err != nil {
		return err
	}
	w.out.Dirs = append(w.out.Dirs, DirRead{Path: at, Stat: st})
	for _, name := range names {
		if err := w.entry(filepath.Join(at, name.Name()), path.Join(rel, name.Name()), append(above, id)); err != nil {
			return err
		}
	}
	return nil
}

func (w *treeWalk) entry(at, rel string, above []inode) error {
	st, err := Lstat(at)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read %q: %w", at, ErrChanged)
	}
	if err != nil {
		return err
	}
	if w.skips(rel, st.IsDir()) {
		return nil
	}
	if st.IsLink() {
		return w.link(at, rel, above)
	}
	return w.real(at, rel, st, above)
}

func (w *treeWalk) real(at, rel string, st Stat, above []inode) error {
	switch {
	case st.IsDir():
		w.add(Entry{Path: rel, Kind: DirEntry})
		return w.dir(at, rel, above)
	case st.IsRegular():
		kind := FileEntry
		if st.IsExec() {
			kind = ExecEntry
		}
		w.files = append(w.files, pendingFile{at, len(w.out.Tree), st})
		w.add(Entry{Path: rel, Kind: kind})
		return nil
	}
	return &TypeError{Path: at, Mode: st.Mode}
}

func (w *treeWalk) add(e Entry) { w.out.Tree = append(w.out.Tree, e) }

func (w *treeWalk) link(at, rel string, above []inode) error {
	target, err := os.Readlink(at)
	if err != nil {
		return err
	}
	w.add(Entry{Path: rel, Kind: LinkEntry, Target: target})
	inside := linkStaysInside(rel, target)
	if !w.o.Follow {
		if !inside {
			return fmt.Errorf("the link %q leads out of its folder, to %q", at, target)
		}
		return nil
	}
	if !inside {
		w.out.Outside = append(w.out.Outside, at)
	}
	st, err := StatFollow(at)
	if errors.Is(err, os.ErrNotExist) {
		return nil // a link to nothing counts as the link alone
	}
	if err != nil {
		return err
	}
	return w.real(at, rel, st, above)
}

func (w *treeWalk) skips(rel string, isDir bool) bool {
	if w.o.Skip != nil && w.o.Skip(rel, isDir) {
		return true
	}
	return slices.ContainsFunc(w.o.Exclude, func(p string) bool { return doublestar.MatchUnvalidated(strings.TrimSuffix(p, "/"), rel) })
}

// digest reads the files that were found.
func (w *treeWalk) digest() error {
	w.out.Files = make([]FileRead, len(w.files))
	errs := make([]error, len(w.files))
	eachIndex(len(w.files), func(i int) {
		f := w.files[i]
		if errs[i] = w.ctx.Err(); errs[i] != nil {
			return
		}
		r, err := w.o.Memo.FileWith(f.path, f.stat)
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("read %q: %w", f.path, ErrChanged)
		}
		errs[i] = err
		w.out.Files[i] = FileRead{f.path, r}
		e := &w.out.Tree[f.entry]
		e.Digest, e.Size = r.Digest, r.Stat.Size
	})
	return errors.Join(slices.DeleteFunc(errs, func(err error) bool { return err == nil })...)
}

// eachIndex calls f for every number below n, from all cores, in runs so that neighbours stay together.
func eachIndex(n int, f func(i int)) {
	const run = 64
	var mu sync.Mutex
	next := 0
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (n+run-1)/run) {
		wg.Go(func() {
			for {
				mu.Lock()
				from := next
				next += run
				mu.Unlock()
				if from >= n {
					return
				}
				for i := from; i < min(from+run, n); i++ {
					f(i)
				}
			}
		})
	}
	wg.Wait()
}
