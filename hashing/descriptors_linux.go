package hashing

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// WithOwnDescriptors calls f, on a thread that has a table of descriptors of its own and ends with it. Of what f opens no other
// goroutine knows, so it must neither hand a Folder on nor open an os.File. A call with a descriptor that threads share counts
// its users up and down, a call with one that they do not share need not: of 200,000 stats in a row, the counting takes a
// twentieth. Where it is not allowed, all stays as it is.
func WithOwnDescriptors(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// What /proc/self/fd shows is the table of the first thread, which must stay that of all: it waits here while f has another.
			WithOwnDescriptors(f)
			runtime.UnlockOSThread()
			return
		}
		_ = unix.Unshare(unix.CLONE_FILES)
		f()
	}()
	<-done
}
