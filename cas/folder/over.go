package folder

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/hashing"
)

// overLimit is the size in bytes up to which a file is written over: one page, which is written at once and whose mappings
// never end before their file does.
const overLimit = 4096

// writeOver gives the small file that stands at path these bytes. ok is false where another file has to take its place, and
// the present one is then the worse for it at most by what was written: it is one with another name (a hard link is somebody
// else's), with other permission bits, one that is executed or may be (programs are read as they run), large, or none at all.
func writeOver(p []byte, path string, perm uint32) (stat hashing.Stat, ok bool) {
	if len(p) == 0 || len(p) > overLimit || perm&0o111 != 0 {
		return stat, false
	}
	fd, err := openOld(path)
	if err != nil {
		return stat, false
	}
	stat, ok = fill(fd, p, perm)
	return stat, unix.Close(fd) == nil && ok
}

func fill(fd int, p []byte, perm uint32) (hashing.Stat, bool) {
	var old unix.Stat_t
	if unix.Fstat(fd, &old) != nil || int64(old.Mode) != int64(unix.S_IFREG|perm) || old.Nlink != 1 || old.Size > overLimit {
		return hashing.Stat{}, false
	}
	if n, err := unix.Pwrite(fd, p, 0); err != nil || n != len(p) {
		return hashing.Stat{}, false
	}
	if old.Size > int64(len(p)) && unix.Ftruncate(fd, int64(len(p))) != nil {
		return hashing.Stat{}, false
	}
	stat, err := hashing.Fstat(fd)
	return stat, err == nil
}

// openOld opens what stands at a path for writing. It waits for no pipe's other end and follows no link.
func openOld(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}
