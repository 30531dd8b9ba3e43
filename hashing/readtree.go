package hashing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// TreeOptions says how a folder is read.
type TreeOptions struct {
	// Follow is for stored folders: links are followed, and both the link and what it shows count. Without it, for
	// outputs, links stay links, and one that leads out of the folder is an error.
	Follow bool
	// Skip, where set, leaves out what it returns true for; a folder with all that is in it. It gets the path from the
	// root, and for a link isDir is false.
	Skip func(rel string, isDir bool) bool
	// Through, where set, may refuse with an error what is reached by a followed link; straight is its path without links,
	// from the root as well.
	Through func(rel, straight string) error
	// Exclude holds patterns of what is left out likewise.
	Exclude []string
	// Memo remembers the digests of files; it must be set.
	Memo *Memo
}

// TreeRead is what was found in a folder, and all that was looked at to find it.
type TreeRead struct {
	Tree  Tree
	Files []FileRead
	Dirs  []DirRead
	// Missing are paths at which nothing was found: what links lead to that lead nowhere.
	Missing []string
	Outside []string // links that lead out of the folder
}

// FileRead is a file that was digested.
type FileRead struct {
	Path   string // as the system takes it
	Record Record
}

// ReadTree reads the folder root. Files are digested by all cores. The first error ends it.
func ReadTree(ctx context.Context, root string, o TreeOptions) (*TreeRead, error) {
	for _, p := range o.Exclude {
		if !doublestar.ValidatePattern(p) {
			return nil, fmt.Errorf("exclude: %q is no pattern", p)
		}
	}
	w := treeWalk{ctx: ctx, root: filepath.Clean(root), o: o, out: &TreeRead{}}
	if err := w.dir(w.root, "", "", nil); err != nil {
		return nil, err
	}
	if err := w.digest(); err != nil {
		return nil, err
	}
	slices.SortFunc(w.out.Tree, compareEntries)
	if err := w.links(); err != nil {
		return nil, err
	}
	return w.out, nil
}

// treeWalk collects names first; then files are digested in parallel.
type treeWalk struct {
	ctx   context.Context
	root  string
	o     TreeOptions
	out   *TreeRead
	files []string
	entry []int // of each of files, in out.Tree
}

type inode struct{ dev, ino uint64 }

// dir lists one folder, which is straight from the root where no link leads to it. above holds the folders that lead to it,
// by identity, so that a loop of links ends.
func (w *treeWalk) dir(at, rel, straight string, above []inode) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	l, err := List(at, w.o.Memo.clock)
	if err != nil {
		return vanished(err, rel != "")
	}
	id := inode{l.Stat.Dev, l.Stat.Ino}
	if slices.Contains(above, id) {
		return fmt.Errorf("read folder %q: its links lead back to a folder above it", at)
	}
	w.out.Dirs = append(w.out.Dirs, DirRead{Path: at, Record: l.Record})
	for _, name := range l.Names {
		if err := w.name(joinPath(at, name.Name), path.Join(rel, name.Name), path.Join(straight, name.Name), name, append(above, id)); err != nil {
			return err
		}
	}
	return nil
}

// vanished tells of a name that was listed, and then not there, as of a folder that changes.
func vanished(err error, listed bool) error {
	var at *os.PathError
	if listed && errors.Is(err, os.ErrNotExist) && errors.As(err, &at) {
		return &os.PathError{Op: "read", Path: at.Path, Err: ErrChanged}
	}
	return err
}

func (w *treeWalk) name(at, rel, straight string, name Name, above []inode) error {
	if w.skips(rel, name.Type.IsDir()) {
		return nil
	}
	if straight != rel && w.o.Through != nil {
		if err := w.o.Through(rel, straight); err != nil {
			return err
		}
	}
	switch {
	case name.IsLink() && w.o.Follow:
		w.add(Entry{Path: rel, Kind: LinkEntry, Target: name.Target})
		return w.followed(at, rel, above)
	case name.IsLink():
		w.add(Entry{Path: rel, Kind: LinkEntry, Target: name.Target})
		return nil
	case name.Type.IsDir():
		w.add(Entry{Path: rel, Kind: DirEntry})
		return w.dir(at, rel, straight, above)
	case name.Type.IsRegular():
		w.file(at, rel)
		return nil
	}
	return w.notContent(at)
}

func (w *treeWalk) notContent(at string) error {
	st, err := Lstat(at)
	if err != nil {
		return vanished(err, true)
	}
	return &TypeError{Path: at, Mode: st.Mode}
}

// followed adds what a link leads to.
func (w *treeWalk) followed(at, rel string, above []inode) error {
	straight := rel
	if w.o.Through != nil {
		straight = below(w.root, LinkEnd(at))
		if err := w.o.Through(rel, straight); err != nil {
			return err
		}
	}
	st, err := StatFollow(at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.out.Missing = append(w.out.Missing, at) // such a link counts as the link alone
		return nil
	case err != nil:
		return err
	case st.IsDir():
		w.add(Entry{Path: rel, Kind: DirEntry})
		return w.dir(at, rel, straight, above)
	case st.IsRegular():
		w.file(at, rel)
		return nil
	}
	return &TypeError{Path: at, Mode: st.Mode}
}

func (w *treeWalk) add(e Entry) { w.out.Tree = append(w.out.Tree, e) }

// file adds a file. What kind of file it is shows when it is read.
func (w *treeWalk) file(at, rel string) {
	w.files = append(w.files, at)
	w.entry = append(w.entry, len(w.out.Tree))
	w.add(Entry{Path: rel, Kind: FileEntry})
}

func (w *treeWalk) skips(rel string, isDir bool) bool {
	if w.o.Skip != nil && w.o.Skip(rel, isDir) {
		return true
	}
	return slices.ContainsFunc(w.o.Exclude, func(p string) bool { return doublestar.MatchUnvalidated(strings.TrimSuffix(p, "/"), rel) })
}

// digest reads the files that were found.
func (w *treeWalk) digest() error {
	records, err := w.o.Memo.Files(w.ctx, w.files)
	if err != nil {
		return vanished(err, true)
	}
	w.out.Files = make([]FileRead, len(records))
	for i, r := range records {
		w.out.Files[i] = FileRead{w.files[i], r}
		e := &w.out.Tree[w.entry[i]]
		e.Digest, e.Size = r.Digest, r.Stat.Size
		if r.Stat.IsExec() {
			e.Kind = ExecEntry
		}
	}
	return nil
}

// links looks for links that lead out of the folder.
func (w *treeWalk) links() error {
	escaping := w.out.Tree.escaping()
	if len(escaping) > 0 && !w.o.Follow {
		e := escaping[0]
		return fmt.Errorf("the link %q leads out of its folder, to %q", joinPath(w.root, e.Path), e.Target)
	}
	for _, e := range escaping {
		w.out.Outside = append(w.out.Outside, joinPath(w.root, e.Path))
	}
	return nil
}
