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
// and again.
type resolver struct {
	folders map[string]string // where they lead, by their paths with links
}

func newResolver() resolver { return resolver{folders: map[string]string{}} }

func (r *resolver) forget() { clear(r.folders) }

// maxLinks is how many links the kernel follows in one path (path_resolution(7)).
const maxLinks = 40

// resolve returns the path without links to which a path leads, and the links on the way; follow says whether a link in the
// last place is followed.
func (r *resolver) resolve(at operand, follow bool) (string, []string) {
	if strings.HasSuffix(at.name, "/") {
		follow = true
	}
	name := strings.TrimRight(at.name, "/")
	if name == "" {
		return "/", nil
	}
	folder, last := path.Split(name)
	if last == "." || last == ".." {
		folder, last = name, ""
	}
	dir, links := r.folder(at, folder)
	if last == "" {
		return dir, links
	}
	if !follow {
		return path.Join(dir, last), links
	}
	end, more := walk(at.pid, dir, last)
	return end, append(links, more...)
}

// folder resolves a folder, which is named from the base of at or from the root.
func (r *resolver) folder(at operand, name string) (string, []string) {
	base := at.base
	if strings.HasPrefix(name, "/") {
		base = "/"
	}
	if name == "" {
		return base, nil
	}
	full := base + "//" + name
	if to, ok := r.folders[full]; ok {
		return to, nil // the links were returned the first time
	}
	to, links := walk(at.pid, base, name)
	if !strings.HasPrefix(full, "/proc/") && !strings.HasPrefix(to, "/proc/") {
		r.folders[full] = to
	}
	return to, links
}

// walk follows a path from a folder without links, name by name. A name that is not there is no link.
func walk(pid uint32, dir, left string) (string, []string) {
	var links []string
	for left != "" {
		var name string
		name, left, _ = strings.Cut(left, "/")
		switch {
		case name == "" || name == ".":
			continue
		case name == "..":
			dir = path.Dir(dir)
			continue
		case dir == "/proc" && (name == "self" || name == "thread-self"):
			dir = "/proc/" + strconv.Itoa(int(pid))
			continue
		}
		at := path.Join(dir, name)
		to, err := readlink(at)
		if err != nil || len(links) == maxLinks || strings.HasPrefix(dir, "/proc/") && !strings.HasPrefix(to, "/") {
			dir = at
			continue
		}
		links = append(links, at)
		left = to + "/" + left
		if strings.HasPrefix(to, "/") {
			dir = "/"
		}
	}
	return dir, links
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
