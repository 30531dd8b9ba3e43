//go:build amd64 || arm64

package watch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// memory reads the memory of the watched processes. Of one that calls again and again the kernel's file of it is held open: to read that
// costs a third of process_vm_readv(2), which looks up the process and takes its pages into account each time.
type memory struct {
	pid   uint32 // of the thread that called last
	calls int    // it made in a row
	file  int32  // of its memory, where held; 0: not
}

// holdFrom is after how many calls in a row the file is held: opening and closing it costs what it saves in about so many.
const holdFrom = 4

// read reads what stands at an address of the thread that has called, at most a page from there, and returns how much of it there is.
//
//go:nosplit
func (m *memory) read(pid uint32, into []byte, at uint64) (int, unix.Errno) {
	if pid != m.pid {
		m.release()
		m.pid = pid
	}
	m.calls++
	if m.calls == holdFrom {
		m.hold()
	}
	if m.file > 0 {
		n, _, err := syscall.RawSyscall6(unix.SYS_PREAD64, uintptr(m.file), uintptr(unsafe.Pointer(unsafe.SliceData(into))), uintptr(len(into)), uintptr(at), 0, 0)
		if err == 0 && n > 0 {
			return int(n), 0
		}
		// An address that is not there, or the memory of a process that is no more, or now executes something else.
	}
	local := unix.Iovec{Base: unsafe.SliceData(into), Len: uint64(len(into))}
	remote := unix.RemoteIovec{Base: uintptr(at), Len: len(into)}
	n, _, err := syscall.RawSyscall6(unix.SYS_PROCESS_VM_READV, uintptr(pid), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	return int(n), err
}

// hold opens the memory of the thread that called last.
//
//go:nosplit
func (m *memory) hold() {
	var path [len("/proc/4294967295/mem") + 1]byte
	at := append(path[:0], "/proc/"...)
	at = appendDecimal(at, m.pid)
	_ = append(at, "/mem\x00"...)
	here := unix.AT_FDCWD
	fd, _, err := syscall.RawSyscall6(unix.SYS_OPENAT, uintptr(here), uintptr(unsafe.Pointer(&path)), unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
	if err == 0 {
		m.file = int32(fd)
	}
}

// release forgets the thread that called last. It must be called before that executes another program, which has a memory of its own, while
// the former may go on as its parent's (vfork).
//
//go:nosplit
func (m *memory) release() {
	if m.file > 0 {
		_, _, _ = syscall.RawSyscall(unix.SYS_CLOSE, uintptr(m.file), 0, 0)
	}
	*m = memory{}
}
