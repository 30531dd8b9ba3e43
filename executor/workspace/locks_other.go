//go:build !linux

package workspace

import "golang.org/x/sys/unix"

// setLock takes a lock for the process, which has the file open once.
const setLock = unix.F_SETLK
