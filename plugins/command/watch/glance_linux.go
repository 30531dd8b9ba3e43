//go:build amd64 || arm64

package watch

import (
	"bytes"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
)

// Most calls only look at something. To go into a system call and come out of it costs Go as much as all that is done for such a
// call: its monitor wakes, and the processor is given away and taken back. So they are served in stretches, each of which is
// one long system call to Go. In it nothing may be allocated, no pointer written, no stack grow (hence go:nosplit) and no lock be taken.

//go:linkname entersyscall runtime.entersyscall
func entersyscall()

//go:linkname entersyscallblock runtime.entersyscallblock
func entersyscallblock()

//go:linkname exitsyscall runtime.exitsyscall
func exitsyscall()

// serveGlances serves calls that only look at something, until another one has come; false: all watched processes have ended.
//
//go:nosplit
func (w *Watch) serveGlances() bool {
	entersyscall()
	more := w.receive()
	if more && inOneStretch && w.glance() {
		w.answer()
		// Others are likely to follow. Go gives the processor away at once, and its monitor sleeps.
		exitsyscall()
		entersyscallblock()
		more = w.receive()
		for more && w.glance() {
			w.answer()
			more = w.receive()
		}
	}
	exitsyscall()
	return more
}

// receive waits for a call; false: all watched processes have ended.
//
//go:nosplit
//go:norace
func (w *Watch) receive() bool {
	for receiveEnds || w.poll(nil) {
		w.came = notification{}
		_, _, err := syscall.RawSyscall(unix.SYS_IOCTL, uintptr(w.listener), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&w.came)))
		if err == 0 {
			return true
		}
		if !w.poll(&unix.Timespec{}) { // the process that called has been killed, or was the last one
			return false
		}
	}
	return false
}

// poll waits for a call, for so long, or without end if that is nil; false: all watched processes have ended.
//
//go:nosplit
//go:norace
func (w *Watch) poll(timeout *unix.Timespec) bool {
	for {
		fd := unix.PollFd{Fd: int32(w.listener), Events: unix.POLLIN}
		n, _, err := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fd)), 1, uintptr(unsafe.Pointer(timeout)), 0, 0, 0)
		if err != unix.EINTR {
			return err == 0 && (n == 0 || fd.Revents&unix.POLLIN != 0)
		}
	}
}

// answer lets the call that has come go on.
//
//go:nosplit
func (w *Watch) answer() {
	r := response{id: w.came.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	_, _, _ = syscall.RawSyscall(unix.SYS_IOCTL, uintptr(w.listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&r))) // it may have been killed
}

// glance notes what the call that has come sees, if it does nothing else. Where links lead is known or not asked here: then it notes
// nothing and returns false.
//
//go:nosplit
func (w *Watch) glance() bool {
	n := &w.came
	c := stopped(n)
	switch {
	case w.over:
		return true
	case c == nil || w.rooted:
		return false
	case c.effect == lists:
		return w.glanceAt(w.buffer[:w.behind(n.pid, c.folder(n))], executor.SawNames, false)
	}
	sight, follow := c.effect.sees(c.flagsOf(n))
	return sight != 0 && w.glanceAt(w.spelt(n, c), sight, follow)
}

// spelt is the path of a call from the root; empty: it has none.
//
//go:nosplit
func (w *Watch) spelt(n *notification, c *call) []byte {
	length, err := w.text(n.pid, n.args[c.path])
	if err != 0 || length == 0 {
		return nil
	}
	if w.buffer[nameAt] == '/' {
		return w.buffer[nameAt : nameAt+length]
	}
	base := w.behind(n.pid, c.folder(n))
	if base == 0 {
		return nil
	}
	if base == 1 { // the root of all
		base = 0
	}
	copy(w.buffer[nameAt-1-base:], w.buffer[:base])
	w.buffer[nameAt-1] = '/'
	return w.buffer[nameAt-1-base : nameAt+length]
}

// glanceAt notes what is seen by a name: where it leads is asked soon, since only the program itself changes what it then goes on with.
//
//go:nosplit
func (w *Watch) glanceAt(spelt []byte, sight executor.Sight, follow bool) bool {
	if len(spelt) == 0 {
		return false
	}
	n := name{pid: w.came.pid, what: seeing(sight, follow)}
	switch {
	case w.known.has(spelt, n.what):
		return true
	case within(spelt, "/proc"), within(spelt, "/dev"): // for which it matters who asks
		return false
	case within(spelt, w.root) && !within(spelt, w.own):
		if !w.known.has(spelt[:bytes.LastIndexByte(spelt, '/')], asFolder) {
			return false // the links on the way
		}
		if n.before = w.lstat(spelt); n.before.IsLink() && follow {
			return false
		}
	default:
		n.came = now()
	}
	return w.known.add(spelt, &n)
}

// now is the time by the clock that file systems have, in nanoseconds.
//
//go:nosplit
func now() int64 {
	var t unix.Timespec
	_, _, _ = syscall.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_REALTIME_COARSE, uintptr(unsafe.Pointer(&t)), 0) // it never fails
	return t.Nano()
}

// lstat takes the stat of a path in w.buffer; the zero Stat: nothing is there.
//
//go:nosplit
func (w *Watch) lstat(path []byte) hashing.Stat {
	path[:len(path)+1][len(path)] = 0
	here := unix.AT_FDCWD
	_, _, err := syscall.RawSyscall6(fstatat, uintptr(here), uintptr(unsafe.Pointer(unsafe.SliceData(path))), uintptr(unsafe.Pointer(&w.status)), unix.AT_SYMLINK_NOFOLLOW, 0, 0)
	if err != 0 {
		return hashing.Stat{}
	}
	return hashing.StatOf(&w.status)
}

// behind reads the path behind a descriptor of a program to the beginning of w.buffer, and returns its length; 0: it has none.
//
//go:nosplit
func (w *Watch) behind(pid uint32, fd int32) int {
	at := append(w.link[:0], "/proc/"...)
	at = appendDecimal(at, pid)
	if fd == unix.AT_FDCWD {
		at = append(at, "/cwd"...)
	} else {
		at = append(at, "/fd/"...)
		at = appendDecimal(at, uint32(fd))
	}
	_ = append(at, 0)
	here := unix.AT_FDCWD
	n, _, err := syscall.RawSyscall6(unix.SYS_READLINKAT, uintptr(here), uintptr(unsafe.Pointer(&w.link)), uintptr(unsafe.Pointer(&w.buffer)), nameAt-1, 0, 0)
	if err != 0 || n == nameAt-1 || w.buffer[0] != '/' {
		return 0
	}
	return int(n)
}

//go:nosplit
func appendDecimal(to []byte, number uint32) []byte {
	unit := uint32(1)
	for number/unit >= 10 {
		unit *= 10
	}
	for ; unit > 0; unit /= 10 {
		to = append(to, byte('0'+number/unit%10))
	}
	return to
}

// stopped says where a call has its operands; nil: it is that of a program for another processor.
//
//go:nosplit
func stopped(n *notification) *call {
	if n.arch != architecture || uint32(n.number) >= uint32(len(calls)) || calls[n.number].effect == goesOn {
		return nil
	}
	return &calls[n.number]
}

// folder is the descriptor of the folder that a path begins at.
//
//go:nosplit
func (c *call) folder(n *notification) int32 {
	if c.dir == none {
		return unix.AT_FDCWD
	}
	return int32(n.args[c.dir])
}

//go:nosplit
func (c *call) flagsOf(n *notification) uint64 {
	if c.flags == 0 {
		return 0
	}
	return n.args[c.flags]
}

// sees is what a call with these flags sees of its path, and whether it follows a link in the last place; no sight: it may
// do something else.
//
//go:nosplit
func (e effect) sees(flags uint64) (sight executor.Sight, follow bool) {
	switch e {
	case looks:
		if flags&unix.AT_SYMLINK_NOFOLLOW != 0 {
			return executor.SawItself, false
		}
		return executor.SawStatus, true
	case looksAtLink:
		return executor.SawItself, false
	case readsLink:
		return executor.SawLink, false
	case opens:
		reads := executor.SawContent
		if follow = flags&unix.O_NOFOLLOW == 0; !follow {
			reads |= executor.SawItself
		}
		switch {
		case flags&unix.O_PATH != 0 && follow:
			return executor.SawStatus, true
		case flags&unix.O_PATH != 0:
			return executor.SawItself, false
		case flags&unix.O_ACCMODE == unix.O_RDONLY && flags&(unix.O_TRUNC|unix.O_CREAT) == 0 && flags&unix.O_TMPFILE != unix.O_TMPFILE:
			return reads, follow
		}
	}
	return 0, false
}

// within reports whether p is the folder dir or lies in it.
//
//go:nosplit
func within(p []byte, dir string) bool {
	return len(p) >= len(dir) && string(p[:len(dir)]) == dir && (len(p) == len(dir) || p[len(dir)] == '/')
}
