//go:build amd64 || arm64

package watch

import (
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// resolver finds where paths lead, as the kernel does. It remembers folders, since a program comes to the same ones again
// and again, and those above them, since most folders of a program have the greater part of their paths in common.
type resolver struct {
	folders map[string]string // where they lead, by absolute names as they were spelt
	root    string            // without links: where names from the root begin, and which none goes up from; empty: the root of all
}

// maxLinks is how many links the kernel follows in one path (path_resolution(7)).
const maxLinks = 40

// resolved is where a path leads.
type resolved struct {
	path  string   // without links
	links []string // on the way, but for those that were returned before
	left  []string // folders that it goes up from, likewise: were one a link, it would go up elsewhere
	own   bool     // another process, or the same later, is led elsewhere: it goes through /proc
}

// resolve follows a path; follow says whether a link in the last place is followed.
func (r *resolver) resolve(at operand, follow bool) resolved {
	if strings.HasSuffix(at.name, "/") {
		follow = true
	}
	name := strings.TrimRight(r.rooted(at.name), "/")
	if name == "" {
		return resolved{path: "/"}
	}
	folder, last := path.Split(name)
	if isDots(last) {
		folder, last = name, ""
	}
	var to resolved
	to.path = r.folder(at.pid, at.base, folder, &to)
	switch {
	case last == "":
	case follow:
		to.path = r.step(at.pid, to.path, last, &to)
	default:
		to.path = join(to.path, last)
	}
	return to
}

// rooted spells a name from the root of all if it is one from a root.
func (r *resolver) rooted(name string) string {
	if strings.HasPrefix(name, "/") {
		return r.root + name
	}
	return name
}

func isDots(name string) bool { return name == "." || name == ".." }

// folder is where a folder leads, which is named from base or from the root.
func (r *resolver) folder(pid uint32, base, name string, way *resolved) string {
	if strings.HasPrefix(name, "/") {
		base = "/"
	}
	name = strings.TrimRight(name, "/")
	if name == "" {
		return base
	}
	spelt := operand{pid, base, name}.absolute()
	if to, ok := r.folders[spelt]; ok {
		return to
	}
	above, last := path.Split(name)
	to := r.step(pid, r.folder(pid, base, above, way), last, way)
	if !way.own {
		r.folders[spelt] = to
	}
	return to
}

// step is where a name in a folder without links leads. A name that is not there is no link.
func (r *resolver) step(pid uint32, dir, name string, way *resolved) string {
	switch {
	case name == "" || name == ".":
		return dir
	case name == ".." && dir == r.root:
		return dir
	case name == "..":
		way.left = append(way.left, dir)
		return path.Dir(dir)
	case dir == "/proc" && (name == "self" || name == "thread-self"):
		name = strconv.Itoa(int(pid))
	}
	at := join(dir, name)
	inProc := strings.HasPrefix(at, "/proc/")
	way.own = way.own || inProc
	to, err := readlink(at)
	if err != nil || len(way.links) == maxLinks || inProc && !strings.HasPrefix(to, "/") {
		return at
	}
	way.links = append(way.links, at)
	to = strings.TrimRight(r.rooted(to), "/")
	if to == "" {
		return "/"
	}
	above, last := path.Split(to)
	return r.step(pid, r.folder(pid, dir, above, way), last, way)
}

// join names an entry of a folder without links.
func join(dir, name string) string {
	if dir == "/" {
		return dir + name
	}
	return dir + "/" + name
}

// readlink reads where a link leads.
func readlink(at string) (string, error) {
	var buffer [256]byte // longer ones are rare, and a small stack is not copied
	n, err := unix.Readlink(at, buffer[:])
	if err == nil && n == len(buffer) {
		return os.Readlink(at)
	}
	if err != nil {
		return "", err
	}
	return string(buffer[:n]), nil
}
