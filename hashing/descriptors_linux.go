package hashing

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// OwnDescriptors gives the calling goroutine a thread of its own with a table of descriptors of its own, which end with it. Of what
// it opens no other goroutine knows, so it must neither hand a Folder on nor open an os.File. A call with a descriptor that
// threads share counts its users up and down, a call with one that they do not share need not: of 200,000 stats in a row, the
// counting takes a twentieth. Where it is not allowed, all stays as it is.
func OwnDescriptors() {
	runtime.LockOSThread()
	_ = unix.Unshare(unix.CLONE_FILES)
}
