//go:build linux && (amd64 || arm64)

package hashing

import (
	"errors"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// localFilesystems are those whose calls wait for nothing but this machine.
var localFilesystems = []int64{unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC}

func isLocal(fd int) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(fd, &st) == nil && slices.Contains(localFilesystems, int64(st.Type))
}

// localStat is rawStat for a name in a folder of this machine. It neither copies the name to the heap nor tells Go's scheduler of the
// call, which takes about a microsecond: of two hundred thousand calls in a row, the two cost a quarter of the time.
func localStat(dir int, name string, flags int) (Stat, error) {
	var text [unix.NAME_MAX + 1]byte
	if len(name) >= len(text) || strings.IndexByte(name, 0) >= 0 {
		return rawStat(dir, name, flags)
	}
	copy(text[:], name)
	var st unix.Stat_t
	for {
		_, _, errno := unix.RawSyscall6(unix.SYS_NEWFSTATAT, uintptr(dir), uintptr(unsafe.Pointer(&text)), uintptr(unsafe.Pointer(&st)), uintptr(flags), 0, 0)
		switch {
		case errno == 0:
			return StatOf(&st), nil
		case !errors.Is(errno, unix.EINTR):
			return Stat{}, errno
		}
	}
}
