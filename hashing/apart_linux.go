package hashing

import (
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// multigrain are the file systems of which it is believed: those that have such times, and the one that lays others over each other.
// The times of a network's come from elsewhere.
var multigrain = []int64{unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC}

// tryApart changes an open file a few times to find out whether its file system tells the changes apart.
func tryApart(f *os.File) {
	const (
		changes = 8
		tick    = time.Millisecond // no coarse clock is finer
	)
	var system unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &system) != nil || !slices.Contains(multigrain, system.Type) {
		return
	}
	began := time.Now()
	var last Stat
	for range changes {
		if _, err := f.Write([]byte{0}); err != nil {
			return
		}
		st, err := Fstat(int(f.Fd()))
		if err != nil || st.Ctime <= last.Ctime || st.Mtime <= last.Mtime {
			return
		}
		last = st
	}
	if time.Since(began) < tick*changes/2 { // in more time, a coarse clock may have gone on as often
		apart.Store(last.Dev, true)
	}
}
