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

func wants(read, write []string) []want {
	var all []want
	add := func(path string, exclusive bool) {
		d := hashing.Sum([]byte(path))
		at := int64(binary.LittleEndian.Uint64(d[:]) >> 2)
		i := slices.IndexFunc(all, func(w want) bool { return w.at == at })
		switch {
		case i < 0:
			all = append(all, want{at, exclusive})
		case exclusive:
			all[i].exclusive = true
		}
	}
	for _, p := range read {
		add(p, false)
	}
	for _, p := range write {
		add(p, true)
	}
	slices.SortFunc(all, func(a, b want) int { return cmp.Compare(a.at, b.at) })
	return all
}

// between is the pause between two looks at locks that another process holds.
const between = 10 * time.Millisecond

// Lock waits until it has shared locks on the paths read and exclusive ones on the paths write, all at once: as long as one
// is missing it holds none, so no two callers can wait for each other. The function that it returns releases them.
func (w *Workspace) Lock(ctx context.Context, read, write []string) (func(), error) {
	l := w.locks
	all := wants(read, write)
	for {
		ok, changed, err := l.try(all)
		if err != nil {
			return nil, fmt.Errorf("lock the paths of a step: %w", err)
		}
		if ok {
			return sync.OnceFunc(func() { l.release(all) }), nil
		}
		timer := time.NewTimer(between)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
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
	close(l.changed)
	l.changed = make(chan struct{})
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

func (l *locks) system(at int64, kind int16) error {
	return unix.FcntlFlock(l.file.Fd(), setLock, &unix.Flock_t{Type: kind, Whence: io.SeekStart, Start: at, Len: 1})
}
