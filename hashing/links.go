package hashing

import (
	"os"
	"path"
	"path/filepath"
	"strings"
)

// LinkEnd is where a link ends, also where nothing is there yet.
func LinkEnd(at string) string {
	if end, err := filepath.EvalSymlinks(at); err == nil {
		return end
	}
	target, err := os.Readlink(at)
	switch {
	case err != nil:
		return at
	case filepath.IsAbs(target):
		return filepath.Clean(target)
	}
	return filepath.Join(filepath.Dir(at), target)
}

// below is a path as it is called from the root, which may be a link itself; with ".." where it is not in it.
func below(root, at string) string {
	if straight, err := filepath.EvalSymlinks(root); err == nil {
		root = straight
	}
	rel, err := filepath.Rel(root, at)
	if err != nil {
		return at
	}
	return filepath.ToSlash(rel)
}

// escaping returns the links that lead out of the tree, by themselves or by way of other links in it.
func (t Tree) escaping() []Entry {
	targets := map[string]string{}
	for _, e := range t {
		if e.Kind == LinkEntry {
			targets[e.Path] = e.Target
		}
	}
	var out []Entry
	for _, e := range t {
		if e.Kind == LinkEntry && escapes(e, targets) {
			out = append(out, e)
		}
	}
	return out
}

// maxLinks is how many links a system follows for one path before it gives up (Linux: path_resolution(7)).
const maxLinks = 40

// escapes walks a link's target name by name, as the system does: ".." is the parent of what a link before it shows, so
// that cleaning the text of the path would not tell.
func escapes(e Entry, targets map[string]string) bool {
	at := path.Dir(e.Path)
	rest := e.Target
	for links := 0; rest != ""; {
		if path.IsAbs(rest) {
			return true
		}
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		rest = strings.TrimLeft(rest, "/")
		switch {
		case name == "" || name == ".":
			continue
		case name == ".." && at == ".":
			return true
		case name == "..":
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, name)
		target, isLink := targets[next]
		if !isLink {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return false // a loop leads nowhere
		}
		rest = strings.TrimRight(target, "/") + "/" + rest
	}
	return false
}
