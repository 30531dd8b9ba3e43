// Package place says where a workspace lies, and what of it a command means.
package place

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Calyxfile is what is looked for from the working directory upwards.
const Calyxfile = "Calyxfile"

// MainInstance is the instance that is meant where none is named.
const MainInstance = "main"

// Place is where a workspace lies.
type Place struct {
	Root      string // absolute
	Calyxfile string // relative to Root
	Below     string // the working directory relative to Root, with slashes; "" at Root or outside
}

// At is the place of a Calyxfile in the folder root.
func At(cwd, root, calyxfile string) Place {
	p := Place{Root: root, Calyxfile: calyxfile}
	below, err := filepath.Rel(root, cwd)
	if err == nil && below != "." && below != ".." && !strings.HasPrefix(below, "../") {
		p.Below = filepath.ToSlash(below)
	}
	return p
}

// Above is the place of the nearest Calyxfile from the working directory upwards; ok is false where there is none.
func Above(cwd string) (p Place, ok bool) {
	for dir := cwd; ; dir = filepath.Dir(dir) {
		if isFile(filepath.Join(dir, Calyxfile)) {
			return At(cwd, dir, Calyxfile), true
		}
		if dir == filepath.Dir(dir) {
			return Place{}, false
		}
	}
}

func isFile(file string) bool {
	info, err := os.Stat(file)
	return err == nil && !info.IsDir()
}

// WorkingDirectory is the working directory without links.
func WorkingDirectory() (string, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working directory: %w", err)
	}
	if straight, err := filepath.EvalSymlinks(cwd); err == nil {
		return straight, nil
	}
	return cwd, nil
}

// Cache is the folder of the cache: the one that is named, seen from the working directory, or the workspace's own.
func Cache(cwd, root, named string) string {
	switch {
	case named == "":
		return filepath.Join(root, ".calyx", "cache")
	case filepath.IsAbs(named):
		return named
	}
	return filepath.Join(cwd, named)
}
