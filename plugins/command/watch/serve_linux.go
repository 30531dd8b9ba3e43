//go:build amd64 || arm64

package watch

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"syscall"
	"time"
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

// serve answers all notifications until the last of the watched processes has ended. What calls did is noted before one that changes something
// goes on, so what is noted of a path is in the order in which the program came to it.
func (w *Watch) serve() {
	// The system wakes the thread that waits here on the core of the one that waits for it: none has to be woken on another.
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(w.listener), unix.SECCOMP_IOCTL_NOTIF_SET_FLAGS, unix.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) // since Linux 6.6
	over := make(chan struct{})
	go w.noteRegularly(over)
	for n := 1; w.serveOne(); n++ {
		// To Go, a goroutine that goes from one system call to the next runs without end: after 10 ms it would take the processor
		// away in every call and give it back after it, and its monitor would never sleep.
		if n%yieldEvery == 0 {
			runtime.Gosched()
		}
	}
	close(over)
	_ = unix.Close(w.listener)
}

// serveOne waits for a call that does more than to look at something, notes it and lets it go on; false: all watched processes have
// ended.
func (w *Watch) serveOne() bool {
	if !w.serveGlances() {
		return false
	}
	if !inOneStretch && w.glance() {
		w.answer()
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = w.ended
	if !w.over {
		w.noteGlances()
		w.note(&w.came)
		w.noted = w.known.added
	}
	w.answer()
	return true
}

// Names stay so long that a program looked at before it is asked what stands there; longer where none came for some time, since to wake up costs
// a tenth of a millisecond.
const (
	noteSoonest = 20 * time.Millisecond
	noteLatest  = 16 * noteSoonest
)

// noteRegularly notes what is looked at until the watch is over, beside the program, which need not wait for that.
func (w *Watch) noteRegularly(over <-chan struct{}) {
	pause := noteSoonest
	next := time.NewTimer(pause)
	defer next.Stop()
	for {
		select {
		case <-over:
			return
		case <-next.C:
		}
		came, ended := w.noteNow()
		if ended {
			return
		}
		if pause = min(2*pause, noteLatest); came {
			pause = noteSoonest
		}
		next.Reset(pause)
	}
}

// noteNow notes what was looked at: whether that was anything, and whether nothing more is noted.
func (w *Watch) noteNow() (came, ended bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return false, true
	}
	before := w.noted
	w.noteGlances()
	return w.noted != before, false
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

// note takes a call to pieces.
func (w *Watch) note(n *notification) {
	c := stopped(n)
	if c == nil {
		w.blinded(errForeign)
		return
	}
	if w.rooted {
		w.within(w.rootOf(n.pid))
	}
	switch c.effect {
	case lists:
		w.lists(w.folder(n.pid, c.folder(n)))
		return
	case handles:
		restarting(n)
		return
	case renames, links:
		w.moves(c.effect, w.operand(n, c), w.operand(n, &call{dir: c.dir2, path: c.path2}), c.flagsOf(n))
		return
	}
	at := w.operand(n, c)
	if at.name == "" && c.effect != runs {
		return // a look at a descriptor, or a call that fails
	}
	flags := c.flagsOf(n)
	if c.effect == opensHow {
		flags = w.word(n.pid, n.args[c.flags])
		if w.word(n.pid, n.args[c.flags]+resolveAt)&unix.RESOLVE_IN_ROOT != 0 {
			at.base = w.folder(n.pid, c.folder(n))
			defer w.within(w.paths.root)
			w.within(at.base)
		}
	}
	w.acts(c.effect, at, flags)
}

// resolveAt is where struct open_how says how a path is resolved.
const resolveAt = 16

// rootOf is the folder that a program takes for the root of all; empty: it is that.
func (w *Watch) rootOf(pid uint32) string {
	root, err := readlink("/proc/" + strconv.Itoa(int(pid)) + "/root")
	if err != nil || root == "/" {
		return ""
	}
	return root
}

// operand is a path as a program gave it.
type operand struct {
	pid  uint32
	base string // absolute: where a relative name begins
	name string
}

// absolute spells it from the root: what begins at a folder without links leads to the same.
func (at operand) absolute() string {
	if at.name[0] == '/' {
		return at.name
	}
	return join(at.base, at.name)
}

// operand reads a path out of the program's memory. While it is read and noted another thread may change it: what is noted
// is for finding out what a result depends on, and forbids nothing.
func (w *Watch) operand(n *notification, c *call) operand {
	at := operand{pid: n.pid, base: "/", name: w.name(n.pid, n.args[c.path])}
	if at.name == "" || at.name[0] != '/' {
		at.base = w.folder(n.pid, c.folder(n))
	}
	return at
}

// folder is the path behind a descriptor of a program; empty: it has none.
func (w *Watch) folder(pid uint32, fd int32) string { return string(w.buffer[:w.behind(pid, fd)]) }

// name reads a path out of the memory of a program.
func (w *Watch) name(pid uint32, at uint64) string {
	n, err := w.text(pid, at)
	if err != 0 {
		w.unreadable(err)
	}
	return string(w.buffer[nameAt : nameAt+n])
}

// nameAt is where paths stand in w.buffer. Before it there is room for the folder that one begins at.
const nameAt = unix.PathMax

// text reads a path into w.buffer and returns its length. It has at most PATH_MAX bytes: most are short, and no part goes beyond
// a page, since the next one may not be there.
//
//go:nosplit
func (w *Watch) text(pid uint32, at uint64) (int, unix.Errno) {
	const page, usual = 4096, 256
	have, into := 0, w.buffer[nameAt:]
	for have < len(into) {
		part := min(max(usual, 2*have), page-int(at%page), len(into)-have)
		n, err := readMemory(pid, into[have:have+part], at)
		if err != 0 {
			return 0, err
		}
		if end := bytes.IndexByte(into[have:have+n], 0); end >= 0 {
			return have + end, 0
		}
		have += n
		at += uint64(n)
	}
	return 0, 0
}

// word reads a number of 64 bits out of the memory of a program.
func (w *Watch) word(pid uint32, at uint64) uint64 {
	var number uint64
	if _, err := readMemory(pid, (*[8]byte)(unsafe.Pointer(&number))[:], at); err != 0 {
		w.unreadable(err)
	}
	return number
}

// unreadable notes that a program's memory cannot be read, unless it gave an address that is not there or has been killed.
func (w *Watch) unreadable(err unix.Errno) {
	if err == unix.EPERM {
		w.blinded(errHidden)
	}
}

//go:nosplit
func readMemory(pid uint32, into []byte, at uint64) (int, unix.Errno) {
	local := unix.Iovec{Base: unsafe.SliceData(into), Len: uint64(len(into))}
	remote := unix.RemoteIovec{Base: uintptr(at), Len: len(into)}
	n, _, err := syscall.RawSyscall6(unix.SYS_PROCESS_VM_READV, uintptr(pid), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	return int(n), err
}
