package workspace_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

func makePipe(l *lab, path string) {
	l.Helper()
	l.check(syscall.Mkfifo(path, 0o600))
}

// links is how many names a file has.
func links(info fs.FileInfo) uint64 { return uint64(info.Sys().(*syscall.Stat_t).Nlink) }

// isRunning reports whether a process is there and no zombie.
func isRunning(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return syscall.Kill(pid, 0) == nil
	}
	_, fields, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(fields, "Z")
}

// asUser calls f with the rights of somebody who is not root, for whom permissions count.
func (l *lab) asUser(f func()) {
	l.Helper()
	if os.Geteuid() == 0 {
		const nobody = 65534
		l.check(filepath.WalkDir(filepath.Dir(l.root), func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, nobody, nobody))
		}))
		l.check(syscall.Setreuid(-1, nobody))
		defer func() { l.check(syscall.Setreuid(-1, 0)) }()
	}
	f()
}
