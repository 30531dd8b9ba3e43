//go:build amd64 || arm64

package watch

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Starter starts programs that are watched. The zero Starter is ready to use, and safe for concurrent use.
type Starter struct {
	once sync.Once
	stub *os.File
	err  error
}

// Usable reports why programs cannot be watched here; nil: they can. The system is asked once.
func (s *Starter) Usable() error {
	s.once.Do(func() { s.err = s.prepare() })
	return s.err
}

// prepare makes the stub and tries it, with a program that cannot be started: what remains then is the filter.
func (s *Starter) prepare() error {
	if err := mayRead(); err != nil {
		return err
	}
	flags, err := filterFlags()
	if err != nil {
		return err
	}
	if s.stub, err = stubFile(flags, newNonce()); err != nil {
		return err
	}
	null := s.stub.Fd()
	_, _, err = s.launch("", nil, &syscall.ProcAttr{Files: []uintptr{null, null, null}})
	var refused *programError
	if !errors.As(err, &refused) {
		return fmt.Errorf("seccomp user notification: %w", cmp.Or(err, errors.New("an empty name was started")))
	}
	return nil
}

// mayRead reports why the memory of other programs cannot be read.
func mayRead() error {
	scope, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if level, convErr := strconv.Atoi(strings.TrimSpace(string(scope))); err != nil || convErr != nil || level >= 2 && os.Geteuid() != 0 {
		return errors.New("the system lets no program look at another (kernel.yama.ptrace_scope)")
	}
	return nil
}

// filterFlags finds the best flags that the kernel knows. It looks at them before it finds that there is no filter.
func filterFlags() (uint64, error) {
	// The filter keeps no secrets: programs need not be slowed down against guessing ahead (speculative store bypass).
	const plain = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
	var err error
	for _, flags := range []uint64{plain | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, plain} {
		_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(flags), 0)
		if errno == unix.EFAULT {
			return flags, nil
		}
		err = errno
	}
	return 0, fmt.Errorf("seccomp user notification: %w", err)
}

// Start starts a program as syscall.ForkExec does, with three files and in an absolute folder, and watches it and all that it starts with w,
// which is new. The program loses what set-user-ID programs would give it.
func (s *Starter) Start(w *Watch, path string, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	if err := s.Usable(); err != nil {
		return 0, err
	}
	pid, w.listener, err = s.launch(path, argv, attr)
	var refused *programError
	if errors.As(err, &refused) {
		return 0, refused.Errno
	}
	if err != nil {
		return 0, fmt.Errorf("watch it: %w", err)
	}
	w.runs(operand{uint32(pid), attr.Dir, path})
	go w.serve()
	return pid, nil
}

// Close gives back what the Starter holds.
func (s *Starter) Close() error {
	if s.stub == nil {
		return nil
	}
	return s.stub.Close()
}

// launch starts the stub and returns once it has become the program, or failed to.
func (s *Starter) launch(path string, argv []string, attr *syscall.ProcAttr) (pid, listener int, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, -1, fmt.Errorf("make a pair of sockets: %w", err)
	}
	with := *attr
	with.Files = append(slices.Clone(attr.Files[:stubSocket]), uintptr(pair[1]))
	at := "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/" + strconv.Itoa(int(s.stub.Fd()))
	pid, err = syscall.ForkExec(at, append([]string{path}, argv...), &with)
	_ = unix.Close(pair[1])
	defer func() { _ = unix.Close(pair[0]) }()
	if err != nil {
		return 0, -1, fmt.Errorf("start the stub: %w", err)
	}
	if listener, err = receive(pair[0]); err != nil {
		var status syscall.WaitStatus
		_, _ = syscall.Wait4(pid, &status, 0, nil) // it ends by itself
	}
	return pid, listener, err
}

// programError says that all went well until the program was to be started.
type programError struct{ syscall.Errno }

// receive takes the listener that the stub sends, and waits for what follows: the end of the connection, since the program
// does not inherit it, or why it could not be started.
func receive(socket int) (listener int, err error) {
	listener, err = receiveOne(socket)
	switch {
	case err != nil:
		return -1, err
	case listener < 0:
		return -1, errors.New("the stub ended early")
	}
	none, err := receiveOne(socket)
	var errno syscall.Errno
	switch {
	case none >= 0:
		return -1, errors.Join(errors.New("internal error: two listeners"), unix.Close(none), unix.Close(listener))
	case errors.As(err, &errno):
		return -1, errors.Join(&programError{errno}, unix.Close(listener))
	case err != nil:
		return -1, errors.Join(err, unix.Close(listener))
	}
	return listener, nil
}

// receiveOne takes one message: a listener, an error, or the end (-1 and no error).
func receiveOne(socket int) (int, error) {
	var report [8]byte
	rights := make([]byte, unix.CmsgSpace(4))
	for {
		n, controlled, _, _, err := unix.Recvmsg(socket, report[:], rights, unix.MSG_CMSG_CLOEXEC)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return -1, fmt.Errorf("hear from the stub: %w", err)
		case n == len(report):
			return -1, syscall.Errno(-int64(binary.LittleEndian.Uint64(report[:])))
		case n == 0:
			return -1, nil
		}
		return descriptorIn(rights[:controlled])
	}
}

func descriptorIn(rights []byte) (int, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return -1, fmt.Errorf("hear from the stub: %d parts: %w", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, fmt.Errorf("hear from the stub: %d descriptors: %w", len(fds), err)
	}
	return fds[0], nil
}
