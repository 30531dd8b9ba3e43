package command

import (
	"errors"
	"syscall"
	"unsafe"
)

// attributes puts a program into a session of its own, so that it has no terminal to ask on and hang.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// What <sys/wait.h> says of waitid.
const (
	idIsPid  = 1
	exited   = 0x04
	noReap   = 0x20
	infoSize = 128
)

// awaitExit waits for the end of a child without taking its exit status.
func awaitExit(pid int) {
	var info [infoSize]byte
	for {
		_, _, err := syscall.Syscall6(syscall.SYS_WAITID, idIsPid, uintptr(pid), uintptr(unsafe.Pointer(&info)), exited|noReap, 0, 0)
		if !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

// largest is the largest memory of a child in bytes.
func largest(child syscall.Rusage) int64 { return child.Maxrss }

// onlyZombies is false: orphans are reaped by launchd at once.
func onlyZombies(int) bool { return false }
