package hashing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/sys/unix"
)

// GlobOptions says what a pattern does not see, and how its folders are read.
type GlobOptions struct {
	Exclude []string // patterns of what is left out
	// Skip, where set, leaves out what it returns true for; a folder with all that is in it. Of what a link shows it gets
	// the path without the link as well.
	Skip  func(rel string, isDir bool) bool
	Clock Clock // of the file system; it must be set
}

// GlobRead is what a pattern matched, and all that was looked at to find it.
type GlobRead struct {
	Paths []string  // not of folders, sorted; relative to the root with forward slashes, or absolute for an absolute pattern
	Dirs  []DirRead // also what is none and stands where the pattern names a folder, without a digest
	// Missing are paths at which nothing was found: folders that the pattern names, what links lead to that lead nowhere.
	Missing []string
}

// Glob finds what matches a doublestar pattern and none of the excluded ones, and is no folder; links are followed. It
// lists only folders that can hold a match.
func Glob(ctx context.Context, root, pattern string, o GlobOptions) (*GlobRead, error) {
	for _, p := range append([]string{pattern}, o.Exclude...) {
		if !doublestar.ValidatePattern(p) {
			return nil, fmt.Errorf("%q is no pattern", p)
		}
	}
	plain, err := alternatives(pattern)
	if err != nil {
		return nil, err
	}
	g := globWalk{ctx: ctx, root: root, o: o, out: &GlobRead{}}
	for base, ways := range byBase(plain) {
		if err := g.base(base, ways); err != nil {
			return nil, err
		}
	}
	g.out.sort()
	return g.out, nil
}

// byBase splits patterns into the folder that they begin in and the segments below it.
func byBase(patterns []string) map[string][][]string {
	all := map[string][][]string{}
	for _, p := range patterns {
		base, rest := doublestar.SplitPattern(path.Clean(p))
		all[base] = append(all[base], strings.Split(rest, "/"))
	}
	return all
}

// sort puts the findings in order; what several alternatives found is there once.
func (r *GlobRead) sort() {
	slices.Sort(r.Paths)
	slices.Sort(r.Missing)
	slices.SortStableFunc(r.Dirs, func(a, b DirRead) int { return strings.Compare(a.Path, b.Path) })
	r.Paths = slices.Compact(r.Paths)
	r.Missing = slices.Compact(r.Missing)
	r.Dirs = slices.CompactFunc(r.Dirs, func(a, b DirRead) bool { return a.Path == b.Path })
}

type globWalk struct {
	ctx  context.Context
	root string
	o    GlobOptions
	out  *GlobRead
}

func (g *globWalk) system(rel string) string {
	if path.IsAbs(rel) {
		return filepath.FromSlash(rel)
	}
	return filepath.Join(g.root, filepath.FromSlash(rel))
}

// base begins at a folder that the pattern names.
func (g *globWalk) base(rel string, ways [][]string) error {
	for p := rel; p != "." && p != "/"; p = path.Dir(p) {
		if g.leftOut(p, p, true) {
			return nil
		}
	}
	if rel == "." {
		rel = ""
	}
	at := g.system(rel)
	st, err := StatFollow(at)
	switch {
	case nowhere(err):
		g.out.Missing = append(g.out.Missing, at)
		return nil
	case err != nil:
		return err
	case !st.IsDir():
		g.out.Dirs = append(g.out.Dirs, DirRead{at, Record{Stat: st}})
		return nil
	}
	return g.dir(rel, rel, ways, nil)
}

// nowhere reports whether err says that a path leads nowhere.
func nowhere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)
}

// dir matches what is in the folder rel. ways holds what may be left of the pattern here: "**" can stand for any number
// of folders, so there may be several. A folder in which the walk already is, reached by a link, is not entered again;
// straight is its path without links.
func (g *globWalk) dir(rel, straight string, ways [][]string, above []inode) error {
	if err := g.ctx.Err(); err != nil {
		return err
	}
	at := g.system(rel)
	l, err := List(at, g.o.Clock)
	if err != nil {
		return vanished(err, true)
	}
	id := inode{l.Stat.Dev, l.Stat.Ino}
	if slices.Contains(above, id) {
		return nil
	}
	g.out.Dirs = append(g.out.Dirs, DirRead{Path: at, Record: l.Record})
	for _, name := range l.Names {
		if err := g.name(path.Join(rel, name.Name), path.Join(straight, name.Name), name, ways, append(above, id)); err != nil {
			return err
		}
	}
	return nil
}

func (g *globWalk) name(rel, straight string, name Name, ways [][]string, above []inode) error {
	left := descend(name.Name, ways)
	matches := slices.ContainsFunc(ways, func(way []string) bool { return matchesFile(name.Name, way) })
	if len(left) == 0 && !matches {
		return nil
	}
	isDir := name.Type.IsDir()
	if name.IsLink() {
		if straight = g.straight(rel); g.leftOut(rel, straight, false) {
			return nil
		}
		st, err := StatFollow(g.system(rel))
		if nowhere(err) {
			g.out.Missing = append(g.out.Missing, g.system(rel))
			return nil
		}
		if err != nil {
			return err
		}
		isDir = st.IsDir()
	}
	switch {
	case g.leftOut(rel, straight, isDir):
	case isDir && len(left) > 0:
		return g.dir(rel, straight, left, above)
	case !isDir && matches:
		g.out.Paths = append(g.out.Paths, rel)
	}
	return nil
}

// straight is where a link leads, as the pattern would call it.
func (g *globWalk) straight(rel string) string {
	end := LinkEnd(g.system(rel))
	if in := below(g.root, end); in != ".." && !strings.HasPrefix(in, "../") {
		return in
	}
	return filepath.ToSlash(end)
}

func (g *globWalk) leftOut(rel, straight string, isDir bool) bool {
	return g.o.Skip != nil && (g.o.Skip(rel, isDir) || straight != rel && g.o.Skip(straight, isDir)) ||
		slices.ContainsFunc(g.o.Exclude, func(p string) bool { return doublestar.MatchUnvalidated(p, rel) })
}
