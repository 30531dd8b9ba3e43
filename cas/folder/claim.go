package folder

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Claim is how a process says that it owns the folder's database, or is about to. The system keeps it for the process, takes it back when the
// process ends, and tells others whose it is: they need not trust a number in a file, which may be another process's by now.
type Claim struct{ file *os.File }

// NewClaim returns a claim that is not made yet. A process has one at a time: to close one would take back the other.
func (f *Folder) NewClaim() (*Claim, error) {
	file, err := os.OpenFile(f.Claim(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open cache %q: %w", f.path, err)
	}
	return &Claim{file}, nil
}

// Try makes the claim, or returns the process that has made it; 0: it is not known here, as where that is in another container.
func (c *Claim) Try() (made bool, other int, err error) {
	whole := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	err = unix.FcntlFlock(c.file.Fd(), unix.F_SETLK, &whole)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		err = unix.FcntlFlock(c.file.Fd(), unix.F_GETLK, &whole)
		if err == nil && whole.Type != unix.F_UNLCK {
			other = max(0, int(whole.Pid))
		}
		return false, other, err
	}
	return err == nil, 0, err
}

// Close takes it back.
func (c *Claim) Close() error { return c.file.Close() }
