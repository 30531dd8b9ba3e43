package workspace_test

import (
	"io/fs"
	"syscall"
)

func makePipe(l *lab, path string) {
	l.Helper()
	l.check(syscall.Mkfifo(path, 0o600))
}

// links is how many names a file has.
func links(info fs.FileInfo) uint64 { return uint64(info.Sys().(*syscall.Stat_t).Nlink) }
