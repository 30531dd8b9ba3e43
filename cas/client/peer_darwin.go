package client

import (
	"net"

	"golang.org/x/sys/unix"
)

// peer returns the process that listens at the other end of a socket.
func peer(socket *net.UnixConn) (pid int, err error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	controlErr := raw.Control(func(fd uintptr) {
		pid, err = unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	})
	if controlErr != nil {
		return 0, controlErr
	}
	return pid, err
}
