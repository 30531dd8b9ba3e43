// Package pipes reads what a plugin process prints: the handshake line, the text of its calls, and the last words.
package pipes

import (
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Output reads the two pipes of a process as text comes, and at once where somebody has to know that nothing is left in
// them: what a call printed before it sent its result is in the pipe when the result arrives, and belongs to its log.
type Output struct {
	pipes []*pipe
	pumps sync.WaitGroup
}

// Source is the read end of a pipe.
type Source struct {
	File  *os.File
	Said  func([]byte) // takes a piece of text, which it must not keep
	Ended func()       // is told that there is no more
}

// NewOutput prepares to read; it owns the files from here on.
func NewOutput(sources ...Source) (*Output, error) {
	o := &Output{}
	for _, s := range sources {
		p := &pipe{Source: s, buf: make([]byte, 32<<10)}
		if err := p.dup(); err != nil {
			return nil, err
		}
		o.pipes = append(o.pipes, p)
	}
	return o, nil
}

// Pump starts to read.
func (o *Output) Pump() {
	for _, p := range o.pipes {
		o.pumps.Go(p.pump)
	}
}

// Drain reads what is in the pipes now.
func (o *Output) Drain() {
	for _, p := range o.pipes {
		p.drain()
	}
}

// Close reads to the end, which is near once the process and its children are gone. A descendant that left the group may
// hold a pipe open; it is not waited for.
func (o *Output) Close() {
	o.Drain()
	for _, p := range o.pipes {
		_ = p.File.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	}
	o.pumps.Wait()
	for _, p := range o.pipes {
		p.release()
	}
}

// pipe is one pipe that two goroutines may read: the pump, and whoever drains.
type pipe struct {
	Source
	mu  sync.Mutex // is held while a piece is read and passed on, so that drain returns after pieces that the pump has read
	buf []byte
	fd  int // a second descriptor of the pipe, or -1: the pump holds the first one's lock while it waits
}

// dup opens the second descriptor.
func (p *pipe) dup() error {
	raw, err := p.File.SyscallConn()
	if err != nil {
		return err
	}
	cerr := raw.Control(func(fd uintptr) { p.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	return errors.Join(cerr, err)
}

func (p *pipe) pump() {
	defer p.Ended()
	raw, err := p.File.SyscallConn()
	if err != nil {
		return
	}
	for ended := false; err == nil && !ended; {
		err = raw.Read(func(fd uintptr) bool {
			var some bool
			some, ended = p.read(int(fd))
			return some || ended
		})
	}
}

// read takes one piece; some is false where there is none now.
func (p *pipe) read(fd int) (some, ended bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := unix.Read(fd, p.buf)
	for err == unix.EINTR {
		n, err = unix.Read(fd, p.buf)
	}
	switch {
	case err == unix.EAGAIN:
		return false, false
	case err != nil || n == 0:
		return false, true
	}
	p.Said(p.buf[:n])
	return true, false
}

func (p *pipe) drain() {
	for some := true; some; {
		some, _ = p.read(p.fd)
	}
}

func (p *pipe) release() {
	_ = unix.Close(p.fd)
	_ = p.File.Close()
}
