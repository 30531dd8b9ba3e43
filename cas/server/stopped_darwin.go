package server

import "golang.org/x/sys/unix"

// stopped is SSTOP of sys/proc.h.
const stopped = 4

// isStopped reports whether a process is stopped, by a signal or for a debugger.
func isStopped(pid int) bool {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	return err == nil && info.Proc.P_stat == stopped
}
