package command

import (
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// createNameless makes a file that has no name. Writing appends, so that a command that opens its /dev/stderr once more
// overwrites nothing that follows.
func createNameless(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_APPEND|unix.O_CLOEXEC, 0o600)
	if err != nil { // some file systems cannot
		return createUnlinked(dir)
	}
	return os.NewFile(uintptr(fd), filepath.Join(dir, logName)), nil
}

// link gives a file without a name one in dir. ok is false where the file or the file system cannot.
func link(f *os.File, dir string) (path string, ok bool) {
	path = filepath.Join(dir, logName+strconv.Itoa(int(f.Fd())))
	err := unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(int(f.Fd())), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	return path, err == nil
}
