//go:build !linux

package reports

import (
	"errors"
	"os"
	"syscall"
)

// place names where process ids mean the same.
func place() string {
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	return host
}

// birth reports whether there is such a process; when it started is not known here.
func birth(pid int) (ticks uint64, ok bool) {
	err := syscall.Kill(pid, 0)
	return 0, err == nil || errors.Is(err, syscall.EPERM)
}
