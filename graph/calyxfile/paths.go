package calyxfile

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// paths knows which paths lie in the workspace.
type paths struct{ root string }

// privateFolder is calyx's own; no declaration reaches into it.
const privateFolder = ".calyx"

// clean returns a path as declarations hold it: relative to the workspace, or absolute outside it.
func (w paths) clean(p string) (string, error) {
	switch {
	case p == "":
		return "", errors.New("a path cannot be empty")
	case strings.IndexByte(p, 0) >= 0:
		return "", fmt.Errorf("%q holds a NUL byte", p)
	case strings.HasPrefix(p, "//"):
		return "", fmt.Errorf("%q: paths that begin with // are reserved for packages", p)
	}
	clean := w.relative(path.Clean(p))
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", fmt.Errorf("%q leaves the workspace; write an absolute path if that is meant", p)
	}
	if within(clean, privateFolder) {
		return "", fmt.Errorf("%q is inside %s, which is calyx's own", p, privateFolder)
	}
	return clean, nil
}

// relative takes the workspace's folder off a clean absolute path.
func (w paths) relative(p string) string {
	if p == w.root {
		return "."
	}
	if w.root == "" || !within(p, w.root) {
		return p
	}
	return strings.TrimPrefix(strings.TrimPrefix(p, w.root), "/")
}

// within reports whether the clean path p is dir or lies in it.
func within(p, dir string) bool {
	return strings.HasPrefix(p, dir) && (len(p) == len(dir) || p[len(dir)] == '/' || dir == "/")
}

// word returns the path of the workspace's file that a literal word of a command could name.
func (w paths) word(word string) (string, bool) {
	if word == "" || len(word) > maxWord || word[0] == '-' || strings.HasPrefix(word, "//") || strings.IndexByte(word, 0) >= 0 {
		return "", false
	}
	p := w.relative(path.Clean(word))
	inside := p != "." && p != ".." && !path.IsAbs(p) && !strings.HasPrefix(p, "../") && !within(p, privateFolder)
	return p, inside
}

// maxWord is the length of the longest path that Linux takes.
const maxWord = 4095

// pattern checks a doublestar pattern. It stays within the workspace or begins at an absolute folder.
func (w paths) pattern(p string) (string, error) {
	if !doublestar.ValidatePattern(p) {
		return "", fmt.Errorf("%q is no pattern like docs/**/*.md", p)
	}
	base, _ := doublestar.SplitPattern(p)
	if _, err := w.clean(base); err != nil {
		return "", err
	}
	if strings.Contains("/"+p+"/", "/../") {
		return "", fmt.Errorf("%q: .. cannot be part of a pattern", p)
	}
	return w.relative(strings.TrimPrefix(p, "./")), nil
}
