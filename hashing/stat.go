package hashing

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Stat is what a file's digest is remembered with. A file whose Stat differs in any part may have changed.
type Stat struct {
	Dev, Ino     uint64
	Size         int64
	Mtime, Ctime int64  // nanoseconds since 1970
	Mode         uint32 // as the system call gives it: type and permission bits
}

// IsRegular reports whether it is a regular file's.
func (s Stat) IsRegular() bool { return s.Mode&unix.S_IFMT == unix.S_IFREG }

// IsDir reports whether it is a folder's.
func (s Stat) IsDir() bool { return s.Mode&unix.S_IFMT == unix.S_IFDIR }

// IsLink reports whether it is a symbolic link's.
func (s Stat) IsLink() bool { return s.Mode&unix.S_IFMT == unix.S_IFLNK }

// IsExec reports whether its owner may execute the file.
func (s Stat) IsExec() bool { return s.Mode&0o100 != 0 }

// SameStatus reports whether two stats show the same of what does not change by itself: the type, the exec bit, and the size
// of a file.
func (s Stat) SameStatus(t Stat) bool {
	const counts = unix.S_IFMT | unix.S_IXUSR
	return s.Mode&counts == t.Mode&counts && (!s.IsRegular() || s.Size == t.Size)
}

// Lstat takes the stat of path, and of a link itself.
func Lstat(path string) (Stat, error) { return statAt(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW) }

// StatFollow takes the stat of what path leads to.
func StatFollow(path string) (Stat, error) { return statAt(unix.AT_FDCWD, path, 0) }

func statAt(dir int, path string, flags int) (Stat, error) {
	st, err := rawStat(dir, path, flags)
	if err != nil {
		return Stat{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return st, nil
}

// Fstat takes the stat of an open file; its error is the system's own.
func Fstat(fd int) (Stat, error) {
	var st unix.Stat_t
	for {
		err := unix.Fstat(fd, &st)
		if err == nil {
			return StatOf(&st), nil
		}
		if !errors.Is(err, unix.EINTR) {
			return Stat{}, err
		}
	}
}

func rawStat(dir int, path string, flags int) (Stat, error) {
	var st unix.Stat_t
	for {
		err := unix.Fstatat(dir, path, &st, flags)
		if err == nil {
			return StatOf(&st), nil
		}
		if !errors.Is(err, unix.EINTR) {
			return Stat{}, err
		}
	}
}

// racyWithin is how near a file's times may be to the moment it was read, before a later change in the same tick of a
// coarse clock could go unseen.
const racyWithin = 2 * time.Second

// apart holds the devices whose file systems were seen to give a file a new time at each change after its time was asked for,
// however soon: the multigrain timestamps of Linux 6.13. What is read after its stat was taken cannot change there and show
// that stat again.
var apart sync.Map

func tellsApart(dev uint64) bool {
	_, ok := apart.Load(dev)
	return ok
}

// Record is a file's digest and what it is remembered with.
type Record struct {
	Digest Digest
	Stat   Stat // taken before the content was read
	// Racy is true where the file had been changed so shortly before it was read that a change after it may show the same
	// Stat: such a file is read once more next time.
	Racy bool
}

// Clock tells the time by a file system's clock, in nanoseconds since 1970.
type Clock func() int64

// FileClock returns the clock of the file system that holds dir, which must be writable: the difference to this machine's
// clock is measured once, with a temporary file. Whether that file system tells changes apart is found out too (see IsRacy).
func FileClock(dir string) (Clock, error) {
	f, err := os.CreateTemp(dir, "clock-*")
	if err != nil {
		return nil, fmt.Errorf("read the clock of the file system of %q: %w", dir, err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	tryApart(f)
	err = f.Close()
	st, statErr := Lstat(f.Name())
	if err = errors.Join(err, statErr); err != nil {
		return nil, fmt.Errorf("read the clock of the file system of %q: %w", filepath.Clean(dir), err)
	}
	ahead := st.Mtime - time.Now().UnixNano()
	return func() int64 { return time.Now().UnixNano() + ahead }, nil
}

// IsRacy reports whether a file with this stat that is read now gives a racy record. now is the time by its file system's
// clock, in nanoseconds since 1970.
func (s Stat) IsRacy(now int64) bool { return s.IsYoung(now) && !tellsApart(s.Dev) }

// IsYoung reports whether a file with this stat was changed shortly before now, in nanoseconds since 1970.
func (s Stat) IsYoung(now int64) bool { return max(s.Mtime, s.Ctime) > now-int64(racyWithin) }
