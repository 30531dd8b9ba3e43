package hashing

import (
	"path"
	"strings"
)

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
