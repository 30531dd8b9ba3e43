package hashing

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// ErrChanged is returned where a file became shorter or longer while it was read.
var ErrChanged = errors.New("the file changed while it was read")

// TypeError is returned for what has no content to digest: a socket, a device, a pipe, a folder where a file is wanted.
type TypeError struct {
	Path string
	Mode uint32 // as in Stat
}

func (e *TypeError) Error() string {
	return fmt.Sprintf("read %q: it is %s, not a file", e.Path, typeName(e.Mode))
}

func typeName(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return "a folder"
	case unix.S_IFSOCK:
		return "a socket"
	case unix.S_IFIFO:
		return "a named pipe"
	case unix.S_IFCHR, unix.S_IFBLK:
		return "a device"
	case unix.S_IFLNK:
		return "a symbolic link"
	}
	return "of an unknown type"
}

// ReadRecord digests the content of a regular file (links are followed), with all cores where it is large. clock is that
// of its file system.
func ReadRecord(path string, clock Clock) (Record, error) {
	return readAt(unix.AT_FDCWD, path, path, clock)
}

// readAt digests the file name in the open folder dir; path is for messages.
func readAt(dir int, name, path string, clock Clock) (Record, error) {
	// Opening must not wait for a pipe's other end, nor make a terminal this process's own.
	fd, err := openAt(dir, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC)
	if err != nil {
		return Record{}, &os.PathError{Op: "open", Path: path, Err: openError(dir, name, path, err)}
	}
	defer func() { _ = unix.Close(fd) }()
	st, err := Fstat(fd)
	if err != nil {
		return Record{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	r := Record{Stat: st}
	if !r.Stat.IsRegular() {
		return Record{}, &TypeError{Path: path, Mode: r.Stat.Mode}
	}
	r.Racy = r.Stat.IsRacy(clock())
	if r.Digest, err = sumDescriptor(fd, r.Stat.Size); err != nil {
		return Record{}, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return r, nil
}

// openError gives a socket, which cannot be opened, the same error as other things that are no files.
func openError(dir int, name, path string, err error) error {
	if st, statErr := statAt(dir, name, 0); statErr == nil && !st.IsRegular() {
		return &TypeError{Path: path, Mode: st.Mode}
	}
	return err
}

func openAt(dir int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

func sumDescriptor(fd int, size int64) (Digest, error) {
	switch f := descriptor(fd); {
	case size >= parallelFrom:
		return SumAt(f, size)
	case size < streamBuffer:
		return sumSmall(f, int(size))
	default:
		return sumStream(f, size)
	}
}

// descriptor reads from an open file without moving its position.
type descriptor int

// pread reads once. At the file's end it returns 0.
func (d descriptor) pread(p []byte, off int64) (int, error) {
	for {
		n, err := unix.Pread(int(d), p, off)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}

// ReadAt implements io.ReaderAt.
func (d descriptor) ReadAt(p []byte, off int64) (int, error) {
	total := 0
	for total < len(p) {
		n, err := d.pread(p[total:], off+int64(total))
		total += n
		if err == nil && n == 0 {
			err = io.EOF
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

const streamBuffer = 128 << 10

// stream is what one goroutine needs to digest files one after the other.
type stream struct {
	h   *Hasher
	buf []byte
}

var streams = sync.Pool{New: func() any { return &stream{NewHasher(), make([]byte, streamBuffer)} }}

// sumSmall digests a file that fits the buffer with room for a byte, so that one read shows that there is no more. (A file
// of /proc says that it is empty and is not.)
func sumSmall(f descriptor, size int) (Digest, error) {
	s := streams.Get().(*stream)
	defer streams.Put(s)
	at, err := f.pread(s.buf[:size+1], 0)
	for n := at; err == nil && n > 0 && at < size; at += n {
		n, err = f.pread(s.buf[at:size+1], int64(at))
	}
	switch {
	case err != nil:
		return Digest{}, err
	case at != size:
		return Digest{}, ErrChanged
	}
	return Sum(s.buf[:size]), nil
}

// sumStream digests size bytes, and makes sure that there are no more.
func sumStream(r io.ReaderAt, size int64) (Digest, error) {
	s := streams.Get().(*stream)
	defer streams.Put(s)
	s.h.Reset()
	for at := int64(0); ; {
		n, err := r.ReadAt(s.buf, at)
		at += int64(n)
		_, _ = s.h.Write(s.buf[:n])
		switch {
		case errors.Is(err, io.EOF) && at == size:
			return s.h.Sum(), nil
		case errors.Is(err, io.EOF), at > size:
			return Digest{}, ErrChanged
		case err != nil:
			return Digest{}, err
		}
	}
}
