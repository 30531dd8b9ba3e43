package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/lease"
	"github.com/calyx-build/calyx/hashing"
)

// Sizes in bytes, chosen for a process that many builds share and that should stay small.
const (
	cacheSize    = 32 << 20
	memTableSize = 16 << 20
)

// Options says how to open a database.
type Options struct {
	FS vfs.FS // nil: the operating system's
	// Warn is told what was found damaged. It must not block.
	Warn func(string)
}

// DB is the Index of the process that owns the database.
type DB struct {
	path   string
	guard  *guard
	lock   *pebble.Lock
	pebble *pebble.DB
	warn   func(string)
	leases *lease.Local

	gaps     gaps
	told     sync.Map // what was found damaged
	queue    queue
	syncs    syncs
	totals   Totals        // as of the last batch; the committer's
	done     chan struct{} // closed when the committer has ended
	closing  sync.Once
	closed   chan struct{}
	closeErr error // set before closed is closed
}

var _ Index = (*DB)(nil)

// Open opens the database in a folder of its own, or makes one. One that is damaged is set aside, told, and replaced by
// an empty one: everything in it can be computed again. One in which a part was found damaged before is mended.
func Open(path string, o Options) (*DB, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	mend(path, o)
	db, err := open(path, o)
	if damaged(err) {
		aside := fmt.Sprintf("%s.damaged-%d", path, time.Now().Unix())
		if renameErr := o.FS.Rename(path, aside); renameErr != nil {
			return nil, fmt.Errorf("open cache %q: %w (and it cannot be set aside: %w)", filepath.Dir(path), err, renameErr)
		}
		o.Warn(fmt.Sprintf("the database of the cache %q was damaged (%v); it is kept as %q, and what it held will be computed again",
			filepath.Dir(path), err, filepath.Base(aside)))
		db, err = open(path, o)
	}
	if err != nil {
		return nil, fmt.Errorf("open cache %q: %w", filepath.Dir(path), err)
	}
	return db, nil
}

// lockError says that the database is in use.
type lockError struct{ error }

func (e lockError) Unwrap() error { return e.error }

// damaged tells a database whose bytes are wrong or gone from one that cannot be opened now. For the former, Pebble has
// more kinds of errors than it marks; the latter is another process's doing or the system's.
func damaged(err error) bool {
	var locked lockError
	var system syscall.Errno
	if err == nil || errors.As(err, &locked) {
		return false
	}
	return pebble.IsCorruptionError(err) || errors.Is(err, os.ErrNotExist) || !errors.As(err, &system)
}

func open(path string, o Options) (*DB, error) {
	d := &DB{path: path, warn: o.Warn, guard: newGuard(o.FS), done: make(chan struct{}), closed: make(chan struct{})}
	d.leases = lease.NewTable().NewLocal()
	opened := make(chan error, 1)
	go func() { opened <- d.open() }()
	select {
	case err := <-opened:
		if err != nil {
			return nil, err
		}
	case <-d.guard.fatal:
		return nil, d.guard.err
	}
	d.queue.init()
	d.syncs.wanted = make(chan struct{}, 1)
	go d.commitLoop()
	go d.syncLoop()
	return d, nil
}

func (d *DB) open() error {
	if err := d.guard.MkdirAll(d.path, 0o755); err != nil {
		return err
	}
	var err error
	if d.lock, err = pebble.LockDirectory(d.path, d.guard); err != nil {
		return lockError{err}
	}
	if d.pebble, err = pebble.Open(d.path, d.options()); err != nil {
		return errors.Join(err, d.lock.Close())
	}
	if d.totals, err = d.loadTotals(); err != nil {
		return errors.Join(err, d.pebble.Close(), d.lock.Close())
	}
	return nil
}

func (d *DB) options() *pebble.Options {
	o := &pebble.Options{
		FS:           d.guard,
		Lock:         d.lock,
		CacheSize:    cacheSize,
		MemTableSize: memTableSize,
		// A later version notes in the log how much of it is durable, which Pebble does not know here: what a power failure
		// leaves would look damaged.
		FormatMajorVersion: pebble.FormatColumnarBlocks,
		Logger:             fatalLogger{d.guard},
		EventListener: &pebble.EventListener{
			BackgroundError: d.guard.background,
			DataCorruption:  func(pebble.DataCorruptionInfo) {}, // whoever reads the block is told
		},
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return o
}

// Broken is closed when the database has failed for good (a full disk met in the middle of a write); Err says why.
// What was committed is on the disk.
func (d *DB) Broken() <-chan struct{} { return d.guard.fatal }

// Err says why the database is broken.
func (d *DB) Err() error { return d.writeError(d.guard.err) }

func (d *DB) writeError(cause error) error {
	err := fmt.Errorf("write to the cache %q: %w", filepath.Dir(d.path), cause)
	if errors.Is(cause, os.ErrNotExist) {
		err = fmt.Errorf("%w (it was removed while it was in use)", err)
	}
	return err
}

// Lease asks for a lease on behalf of this process.
func (d *DB) Lease(ctx context.Context, action hashing.Digest, holding []hashing.Digest) (cas.Lease, error) {
	return d.leases.Lease(ctx, action, holding)
}

// RowsOrLease reads rows, and takes a lease on behalf of this process where the last of them is missing.
func (d *DB) RowsOrLease(ctx context.Context, keys [][]byte, action hashing.Digest, holding []hashing.Digest) ([][]byte, *cas.Lease, error) {
	var taken *cas.Lease
	values, err := d.RowsTrying(ctx, keys, func() bool {
		taken = d.leases.Try(action, holding)
		return taken != nil
	}, func() { taken.Release() })
	if err != nil || values[len(values)-1] != nil {
		taken = nil
	}
	return values, taken, err
}

// RowsTrying is Rows, and tries to take something where the last row is missing: it takes it before it looks, so that nobody
// writes the row in between, and gives it back where the row is there or cannot be read.
func (d *DB) RowsTrying(ctx context.Context, keys [][]byte, try func() bool, giveBack func()) ([][]byte, error) {
	taken := len(keys) > 0 && try()
	values, err := d.Rows(ctx, keys, 0)
	if taken && (err != nil || values[len(keys)-1] != nil) {
		giveBack()
	}
	return values, err
}

// Close writes everything out and closes the database.
func (d *DB) Close() error {
	d.closing.Do(func() {
		d.queue.close()
		go d.close()
	})
	select {
	case <-d.closed:
	case <-d.guard.fatal: // what waits for the database may wait for ever
		return d.Err()
	}
	if d.closeErr != nil {
		return fmt.Errorf("close cache %q: %w", filepath.Dir(d.path), d.closeErr)
	}
	return nil
}

func (d *DB) close() {
	defer close(d.closed)
	<-d.done
	d.syncs.close()
	// Without a flush, the next opening would replay the log.
	d.closeErr = errors.Join(d.pebble.Flush(), d.pebble.Close(), d.lock.Close())
}
