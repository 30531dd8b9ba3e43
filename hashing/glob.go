package hashing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// GlobRead is what a pattern matched, and the folders that were listed to find it.
type GlobRead struct {
	Paths []string // of files, sorted; relative to the root with forward slashes, or absolute for an absolute pattern
	Dirs  []DirRead
	// Missing are folders that the pattern names and that are not there.
	Missing []string
}

// Glob finds the regular files (links are followed) that match a doublestar pattern and none of exclude. It lists only
// folders that can hold a match. skip, where given, leaves out what it returns true for.
func Glob(ctx context.Context, root, pattern string, exclude []string, skip func(rel string, isDir bool) bool) (*GlobRead, error) {
	for _, p := range append([]string{pattern}, exclude...) {
		if !doublestar.ValidatePattern(p) {
			return nil, fmt.Errorf("%q is no pattern", p)
		}
	}
	g := globWalk{ctx: ctx, root: root, exclude: exclude, skip: skip, out: &GlobRead{}}
	base, rest := doublestar.SplitPattern(path.Clean(pattern))
	if base == "." {
		base = ""
	}
	if err := g.dir(base, [][]string{strings.Split(rest, "/")}, nil); err != nil {
		return nil, err
	}
	slices.Sort(g.out.Paths)
	g.out.Paths = slices.Compact(g.out.Paths)
	return g.out, nil
}

type globWalk struct {
	ctx     context.Context
	root    string
	exclude []string
	skip    func(string, bool) bool
	out     *GlobRead
}

func (g *globWalk) system(rel string) string {
	if path.IsAbs(rel) {
		return rel
	}
	return filepath.Join(g.root, rel)
}

// dir matches what is in the folder rel. ways holds what may be left of the pattern here: "**" can stand for any number
// of folders, so there may be several.
func (g *globWalk) dir(rel string, ways [][]string, above []inode) error {
	if err := g.ctx.Err(); err != nil {
		return err
	}
	at := g.system(rel)
	st, err := StatFollow(at)
	switch {
	case errors.Is(err, os.ErrNotExist):
		g.out.Missing = append(g.out.Missing, at)
		return nil
	case err != nil:
		return err
	case !st.IsDir() || slices.Contains(above, inode{st.Dev, st.Ino}):
		return nil
	}
	names, err := os.ReadDir(at)
	if err != nil {
		return err
	}
	g.out.Dirs = append(g.out.Dirs, DirRead{Path: at, Stat: st})
	for _, name := range names {
		if err := g.name(path.Join(rel, name.Name()), name, ways, append(above, inode{st.Dev, st.Ino})); err != nil {
			return err
		}
	}
	return nil
}

func (g *globWalk) name(rel string, entry os.DirEntry, ways [][]string, above []inode) error {
	isDir := entry.IsDir()
	if entry.Type()&os.ModeSymlink != 0 {
		st, err := StatFollow(g.system(rel))
		if err != nil {
			return nil // a link to nothing matches nothing
		}
		isDir = st.IsDir()
	}
	if g.skip != nil && g.skip(rel, isDir) || g.excluded(rel) {
		return nil
	}
	if isDir {
		if left := descend(entry.Name(), ways); len(left) > 0 {
			return g.dir(rel, left, above)
		}
		return nil
	}
	if slices.ContainsFunc(ways, func(way []string) bool { return matchesFile(entry.Name(), way) }) {
		g.out.Paths = append(g.out.Paths, rel)
	}
	return nil
}

func (g *globWalk) excluded(rel string) bool {
	return slices.ContainsFunc(g.exclude, func(p string) bool { return doublestar.MatchUnvalidated(p, rel) })
}

// descend returns what is left of the pattern in a folder of that name.
func descend(name string, ways [][]string) [][]string {
	var left [][]string
	add := func(way []string) {
		if !slices.ContainsFunc(left, func(l []string) bool { return slices.Equal(l, way) }) {
			left = append(left, way)
		}
	}
	for _, way := range ways {
		if way[0] == "**" {
			add(way)
			for len(way) > 1 && way[0] == "**" {
				way = way[1:]
			}
		}
		if len(way) > 1 && doublestar.MatchUnvalidated(way[0], name) {
			add(way[1:])
		}
	}
	return left
}

// matchesFile reports whether a file's name can be the end of the pattern: "**" stands for no folder too.
func matchesFile(name string, segments []string) bool {
	for len(segments) > 1 && segments[0] == "**" {
		segments = segments[1:]
	}
	return len(segments) == 1 && doublestar.MatchUnvalidated(segments[0], name)
}
