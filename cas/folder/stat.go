package folder

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/hashing"
)

// Lstat returns the stat of a path, of a link itself.
func Lstat(path string) (hashing.Stat, error) {
	var st unix.Stat_t
	for {
		switch err := unix.Lstat(path, &st); err {
		case nil:
			return fromSystem(&st), nil
		case unix.EINTR:
		default:
			return hashing.Stat{}, &os.PathError{Op: "lstat", Path: path, Err: err}
		}
	}
}

// StatOpen returns the stat of an open file.
func StatOpen(file *os.File) (hashing.Stat, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return hashing.Stat{}, &os.PathError{Op: "stat", Path: file.Name(), Err: err}
	}
	return fromSystem(&st), nil
}

func fromSystem(st *unix.Stat_t) hashing.Stat {
	return hashing.Stat{
		Dev: uint64(st.Dev), Ino: st.Ino, Size: st.Size,
		Mtime: st.Mtim.Nano(), Ctime: st.Ctim.Nano(),
		Mode: uint32(st.Mode),
	}
}
