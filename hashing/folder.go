package hashing

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Folder is an open folder: what is in it is looked at without walking the path to it again. It is safe for concurrent
// use until it is closed.
type Folder struct {
	fd    int
	path  string
	local bool // no call in it waits for another machine
}

// OpenFolder opens the folder at path, which may be a link to one. Leave to list it is not needed.
func OpenFolder(path string) (*Folder, error) {
	fd, err := openAt(unix.AT_FDCWD, path, openFolder|unix.O_DIRECTORY|unix.O_CLOEXEC)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &Folder{fd, path, isLocal(fd)}, nil
}

// Close closes it.
func (d *Folder) Close() error { return unix.Close(d.fd) }

// Open opens a folder by its path from this one.
func (d *Folder) Open(path string) (*Folder, error) {
	fd, err := openAt(d.fd, path, openFolder|unix.O_DIRECTORY|unix.O_CLOEXEC)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: filepath.Join(d.path, path), Err: err}
	}
	return &Folder{fd, filepath.Join(d.path, path), isLocal(fd)}, nil
}

// Stat takes the stat of a name in the folder: of what it leads to, or of a link itself. Its error is the system's number
// alone (a syscall.Errno): of many paths that are looked at, many may not be there.
func (d *Folder) Stat(name string, follow bool) (Stat, error) {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if follow {
		flags = 0
	}
	if d.local {
		return localStat(d.fd, name, flags)
	}
	return rawStat(d.fd, name, flags)
}

// Record digests the content of a regular file in the folder, as ReadRecord does.
func (d *Folder) Record(name string, clock Clock) (Record, error) {
	return readAt(d.fd, name, joinPath(d.path, name), clock)
}

// joinPath is filepath.Join for a clean folder and a plain name.
func joinPath(dir, name string) string {
	if dir == "/" {
		return dir + name
	}
	return dir + "/" + name
}
