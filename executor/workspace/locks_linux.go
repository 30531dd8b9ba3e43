package workspace

import "golang.org/x/sys/unix"

// setLock takes a lock for the open file, not for the process.
const setLock = unix.F_OFD_SETLK
