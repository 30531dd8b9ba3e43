package command

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes puts a program into a session of its own, so that it has no terminal to ask on and hang, and ends it when
// calyx is killed: a build that follows must not meet it still writing.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit waits for the end of a child without taking its exit status.
func awaitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// largest is the largest memory of a child in bytes. A child is started inside its parent's memory, and the system counts
// that as the child's own: where it used no more than calyx, nothing is known.
func largest(child syscall.Rusage) int64 {
	var self syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &self); err != nil || child.Maxrss <= self.Maxrss {
		return 0
	}
	return child.Maxrss << 10
}

// onlyZombies reports whether all members of a process group have ended, looking through the table of processes.
func onlyZombies(group int) bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		state, of := stateAndGroup(e.Name())
		if of == group && state != "Z" && state != "X" {
			return false
		}
	}
	return true
}

// stateAndGroup reads two fields of /proc/PID/stat (proc(5)); they follow the name, which may hold anything.
func stateAndGroup(pid string) (state string, group int) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return "", 0 // it has just ended
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 3 {
		return "", 0
	}
	group, _ = strconv.Atoi(fields[2])
	return fields[0], group
}
