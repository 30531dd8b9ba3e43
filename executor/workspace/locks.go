package workspace

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/hashing"
)

// locks are shared and exclusive locks on paths, across processes and within this one. Across processes they are locks
// on single bytes of one file, at the offset that a path's digest gives: they end with the process, however it ends.
// Within the process, which holds them all through one open file, a table counts them.
type locks struct {
	file    *os.File
	mu      sync.Mutex
	held    map[int64]int // offset → readers, or writer
	changed chan struct{} // closed when something was released
}

// writer stands in the table for an exclusive lock.
const writer = -1

func openLocks(path string) (*locks, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, fmt.Errorf("open the locks of the workspace: %w", err)
	}
	return &locks{file: f, held: map[int64]int{}, changed: make(chan struct{})}, nil
}

func (l *locks) close() error { return l.file.Close() }

// want is one lock that somebody wants.
type want struct {
	at        int64
	exclusive bool
}

// offset is the byte that stands for a path.
func offset(path string) int64 {
	d := hashing.Sum([]byte(path))
	return int64(binary.LittleEndian.Uint64(d[:]) >> 2)
}

// wants are the locks on paths, each once, in order. A path both read and written is written.
func wants(read, write []string) []want {
	exclusive := make(map[int64]bool, len(read)+len(write))
	for _, p := range read {
		exclusive[offset(p)] = false
	}
	for _, p := range write {
		exclusive[offset(p)] = true
	}
	all := make([]want, 0, len(exclusive))
	for at, x := range exclusive {
		all = append(all, want{at, x})
	}
	slices.SortFunc(all, func(a, b want) int { return cmp.Compare(a.at, b.at) })
	return all
}

// toldAfter is how long a caller waits for locks before he is told that it takes longer.
const toldAfter = 20 * time.Millisecond

// between is the pause between two looks at locks that another process holds.
const between = 10 * time.Millisecond

// Lock waits until it has shared locks on the paths read and exclusive ones on the paths write, all at once: as long as one
// is missing it holds none, so no two callers can wait for each other. The function that it returns releases them.
func (w *Workspace) Lock(ctx context.Context, read, write []string) (func(), error) {
	all := wants(read, write)
	if err := w.acquire(ctx, all, func() {}); err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() { w.locks.release(all) }), nil
}

// acquire waits for the locks. Whoever had to wait for another process may have waited for one that was killed: what that
// one noted is taken over before anybody looks at the paths. waits is called once where they are not had soon.
func (w *Workspace) acquire(ctx context.Context, all []want, waits func()) error {
	for waited := false; ; waited = true {
		ok, changed, err := w.locks.try(all)
		switch {
		case err != nil:
			return fmt.Errorf("lock the paths of a step: %w", err)
		case ok && waited:
			w.journal.takeOver()
			return nil
		case ok:
			return nil
		case !waited:
			late := time.AfterFunc(toldAfter, waits)
			defer late.Stop()
		}
		timer := time.NewTimer(between)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// try takes all locks or none.
func (l *locks) try(all []want) (bool, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range all {
		if n := l.held[w.at]; n == writer || n > 0 && w.exclusive {
			return false, l.changed, nil
		}
	}
	for i, w := range all {
		if l.held[w.at] > 0 {
			l.held[w.at]++ // the process has it already
			continue
		}
		kind := int16(unix.F_RDLCK)
		if w.exclusive {
			kind = unix.F_WRLCK
		}
		err := l.system(w.at, kind)
		if err == nil {
			l.count(w)
			continue
		}
		l.drop(all[:i])
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
			err = nil
		}
		return false, l.changed, err
	}
	return true, nil, nil
}

func (l *locks) count(w want) {
	if w.exclusive {
		l.held[w.at] = writer
	} else {
		l.held[w.at]++
	}
}

func (l *locks) release(all []want) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(all)
	l.tell()
}

func (l *locks) drop(all []want) {
	for _, w := range all {
		if l.held[w.at] > 1 {
			l.held[w.at]--
			continue
		}
		delete(l.held, w.at)
		// Unlocking a byte that this open file has locked cannot fail in a way that could be mended.
		_ = l.system(w.at, unix.F_UNLCK)
	}
}

// soften turns an exclusive lock into a shared one, without a moment in between.
func (l *locks) soften(w *want) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !w.exclusive {
		return nil
	}
	if err := l.system(w.at, unix.F_RDLCK); err != nil {
		return fmt.Errorf("lock the paths of a step: %w", err)
	}
	w.exclusive = false
	l.held[w.at] = 1
	l.tell()
	return nil
}

// tell wakes whoever waits for this process's locks.
func (l *locks) tell() {
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *locks) system(at int64, kind int16) error {
	return unix.FcntlFlock(l.file.Fd(), setLock, &unix.Flock_t{Type: kind, Whence: io.SeekStart, Start: at, Len: 1})
}
