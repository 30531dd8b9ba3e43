//go:build amd64 || arm64

package watch

import (
	"encoding/binary"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A signal that comes while a call waits to be told interrupts it, unless it has been told: the kernel then makes the call once more, or, where the
// program does not want that (SA_RESTART), lets it fail. Of a call that looks something up no program expects that: dash, whose children
// end while it looks for the next program, takes what it looked for to be somewhere else. So what a program does about a signal that it does not
// wait for in a call always lets calls go on. Calls that wait for a signal end all the same. Other signals are left as they are: a program may
// want them to end a read from a terminal, or a wait.

// restarted are the signals that are not for ending a call: what is ignored by a program that says nothing of it, and what comes of time
// in a processor, which does not go on in a call that waits.
var restarted = [...]unix.Signal{unix.SIGCHLD, unix.SIGURG, unix.SIGWINCH, unix.SIGPROF, unix.SIGVTALRM}

// Where the fields of the kernel's struct sigaction begin, and those that are looked at end.
const (
	handlerAt = 0
	flagsAt   = 8
	actionEnd = 16
)

const restart = 0x10000000 // SA_RESTART

// restarting changes what a program is about to do about a signal. Where it cannot, nothing is changed.
func restarting(n *notification) {
	var action [actionEnd]byte
	at := n.args[1]
	if got, err := readMemory(n.pid, action[:], at); err != 0 || got < len(action) {
		return
	}
	flags := action[flagsAt:]
	if handler := binary.NativeEndian.Uint64(action[handlerAt:]); handler <= 1 { // SIG_DFL, SIG_IGN
		return
	}
	binary.NativeEndian.PutUint64(flags, binary.NativeEndian.Uint64(flags)|restart)
	local := unix.Iovec{Base: unsafe.SliceData(flags), Len: uint64(len(flags))}
	remote := unix.RemoteIovec{Base: uintptr(at) + flagsAt, Len: len(flags)}
	_, _, _ = syscall.RawSyscall6(unix.SYS_PROCESS_VM_WRITEV, uintptr(n.pid), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
}
