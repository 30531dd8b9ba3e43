package snapshot

import (
	"path/filepath"
	"strings"
)

// split cuts a clean path into its folder and its name there. The root of either kind is the name "." in itself.
func split(name string) (folder, base string) {
	switch i := strings.LastIndexByte(name, '/'); {
	case name == "":
		return ".", "."
	case name == "/":
		return "/", "."
	case i < 0:
		return ".", name
	case i == 0:
		return "/", name[1:]
	default:
		return name[:i], name[i+1:]
	}
}

// join undoes split.
func join(folder, base string) string {
	switch {
	case folder == ".":
		return base
	case base == ".":
		return folder
	case folder == "/":
		return folder + base
	}
	return folder + "/" + base
}

// place is where a path is, for the system.
func place(root, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(root, name)
}
