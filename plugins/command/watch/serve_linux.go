//go:build amd64 || arm64

package watch

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// notification is struct seccomp_notif (seccomp_unotify(2)).
type notification struct {
	id     uint64
	pid    uint32
	flags  uint32
	number int32
	arch   uint32
	at     uint64
	args   [6]uint64
}

// response is struct seccomp_notif_resp.
type response struct {
	id    uint64
	value int64
	err   int32
	flags uint32
}

// yieldEvery is after how many calls others get their turn: programs that make many make one in some 0.1 ms.
const yieldEvery = 32

// serve answers all notifications until the last of the watched processes has ended. What a call did is noted before the
// call goes on, so what is noted of a path is in the order in which the program came to it.
func (w *Watch) serve() {
	// The system wakes the thread that waits here on the core of the one that waits for it: none has to be woken on another.
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(w.listener), unix.SECCOMP_IOCTL_NOTIF_SET_FLAGS, unix.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) // since Linux 6.6
	for n := 1; w.serveOne(); n++ {
		// To Go, a goroutine that goes from one system call to the next runs without end: after 10 ms it would take the processor
		// away in every call and give it back after it, and its monitor would never sleep.
		if n%yieldEvery == 0 {
			runtime.Gosched()
		}
	}
	_ = unix.Close(w.listener)
}

// serveOne waits for a call, notes it and lets it go on; false: all watched processes have ended.
func (w *Watch) serveOne() bool {
	if !receiveEnds && !w.await(-1) {
		return false
	}
	var n notification
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(w.listener), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n)))
	if errno != 0 { // the process that called has been killed, or was the last one
		return w.await(0)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.note(&n)
	}
	r := response{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	_, _, _ = unix.RawSyscall(unix.SYS_IOCTL, uintptr(w.listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&r))) // it may have been killed
	return true
}

// receiveEnds reports whether to wait for a call ends with the last process that could make one (since Linux 6.11): where it
// does not, every call costs another one, to wait for either.
var receiveEnds = func() bool {
	var u unix.Utsname
	var major, minor int
	_ = unix.Uname(&u) // it never fails
	_, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor)
	return err == nil && (major > 6 || major == 6 && minor >= 11)
}()

// await waits for a call, for so many milliseconds, or without end if that is negative; false: all watched processes have ended.
func (w *Watch) await(timeout int) bool {
	fds := [1]unix.PollFd{{Fd: int32(w.listener), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds[:], timeout)
		if !errors.Is(err, unix.EINTR) {
			return err == nil && (n == 0 || fds[0].Revents&unix.POLLIN != 0)
		}
	}
}

// note takes a call to pieces.
func (w *Watch) note(n *notification) {
	c, ok := calls[n.number]
	if n.arch != architecture || !ok {
		w.blinded(errForeign)
		return
	}
	switch c.effect {
	case lists:
		w.lists(w.descriptor(n.pid, n.args[c.dir]))
		return
	case renames, links:
		w.moves(c.effect, w.operand(n, c.dir, c.path), w.operand(n, c.dir2, c.path2))
		return
	}
	at := w.operand(n, c.dir, c.path)
	if at.name == "" && c.effect != runs {
		return // a look at a descriptor, or a call that fails
	}
	var flags uint64
	if c.flags > 0 {
		flags = n.args[c.flags]
	}
	if c.effect == opensHow {
		flags = w.word(n.pid, n.args[c.flags])
	}
	w.acts(c.effect, at, flags)
}

// operand is a path as a program gave it.
type operand struct {
	pid  uint32
	base string // absolute: where a relative name begins
	name string
}

// operand reads a path out of the program's memory. While it is read and noted another thread may change it: what is noted
// is for finding out what a result depends on, and forbids nothing.
func (w *Watch) operand(n *notification, dir, path int) operand {
	at := operand{pid: n.pid, base: "/", name: w.text(n.pid, n.args[path])}
	switch {
	case len(at.name) > 0 && at.name[0] == '/':
	case dir == none || int32(n.args[dir]) == unix.AT_FDCWD:
		at.base = w.where(n.pid, "cwd")
	default:
		at.base = w.descriptor(n.pid, n.args[dir])
	}
	return at
}

// descriptor is the path behind a descriptor of a program.
func (w *Watch) descriptor(pid uint32, fd uint64) string {
	return w.where(pid, "fd/"+strconv.Itoa(int(int32(fd))))
}

// where reads a link of /proc; empty: it leads to no path.
func (w *Watch) where(pid uint32, what string) string {
	at, err := readlink("/proc/" + strconv.Itoa(int(pid)) + "/" + what)
	if err != nil || at == "" || at[0] != '/' {
		return ""
	}
	return at
}

// text reads a path out of the memory of a program, which has at most PATH_MAX bytes: most are short, and no part goes beyond a
// page, since the next one may not be there.
func (w *Watch) text(pid uint32, at uint64) string {
	const page, usual = 4096, 256
	have := 0
	for have < len(w.buffer) {
		part := min(max(usual, 2*have), page-int(at%page), len(w.buffer)-have)
		n, err := readMemory(pid, w.buffer[have:have+part], at)
		if err != nil {
			w.unreadable(err)
			return ""
		}
		if end := indexZero(w.buffer[have : have+n]); end >= 0 {
			return string(w.buffer[:have+end])
		}
		have += n
		at += uint64(n)
	}
	return ""
}

// word reads a number of 64 bits out of the memory of a program.
func (w *Watch) word(pid uint32, at uint64) uint64 {
	var number uint64
	if _, err := readMemory(pid, (*[8]byte)(unsafe.Pointer(&number))[:], at); err != nil {
		w.unreadable(err)
	}
	return number
}

// unreadable notes that a program's memory cannot be read, unless it gave an address that is not there or has been killed.
func (w *Watch) unreadable(err error) {
	if errors.Is(err, unix.EPERM) {
		w.blinded(errHidden)
	}
}

func readMemory(pid uint32, into []byte, at uint64) (int, error) {
	local := unix.Iovec{Base: unsafe.SliceData(into), Len: uint64(len(into))}
	remote := unix.RemoteIovec{Base: uintptr(at), Len: len(into)}
	n, _, errno := unix.RawSyscall6(unix.SYS_PROCESS_VM_READV, uintptr(pid), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
