package index

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// guard stands between Pebble and the disk. Pebble ends its process or panics where a write fails (a full disk, a
// folder that was removed), or goes on with broken invariants; a library must do neither. So the first write that fails
// is the last: it, whatever would be written after it, and whoever meets a fatal error, wait for ever. Everybody else is
// told through fatal. What was acknowledged before is on the disk, as after a power failure.
type guard struct {
	vfs.FS
	fatal chan struct{}
	once  sync.Once
	err   error // set before fatal is closed
	log   atomic.Pointer[logFile]
}

func newGuard(fs vfs.FS) *guard { return &guard{FS: fs, fatal: make(chan struct{})} }

func (g *guard) fail(err error) {
	g.once.Do(func() {
		g.err = err
		close(g.fatal)
	})
}

// hold lets nothing be written after a failure.
func (g *guard) hold() {
	select {
	case <-g.fatal:
		select {}
	default:
	}
}

func (g *guard) check(err error) {
	if err != nil {
		g.fail(err)
		select {}
	}
}

func (g *guard) file(name string, f vfs.File, err error) (vfs.File, error) {
	g.check(err)
	guarded := guardedFile{f, g}
	if filepath.Ext(name) != logExtension {
		return &guarded, nil
	}
	log := &logFile{guardedFile: guarded}
	g.log.Store(log)
	return log, nil
}

// Create creates a file.
func (g *guard) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	g.hold()
	f, err := g.FS.Create(name, c)
	return g.file(name, f, err)
}

// OpenReadWrite opens a file to be written.
func (g *guard) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	g.hold()
	f, err := g.FS.OpenReadWrite(name, c, o...)
	return g.file(name, f, err)
}

// OpenDir opens a folder to be synchronised.
func (g *guard) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &guardedFile{f, g}, nil
}

// ReuseForWrite renames an old file, to be written again.
func (g *guard) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	g.hold()
	f, err := g.FS.ReuseForWrite(from, to, c)
	return g.file(to, f, err)
}

// Link links a file.
func (g *guard) Link(from, to string) error {
	g.hold()
	g.check(g.FS.Link(from, to))
	return nil
}

// Rename renames a file.
func (g *guard) Rename(from, to string) error {
	g.hold()
	g.check(g.FS.Rename(from, to))
	return nil
}

// MkdirAll makes a folder.
func (g *guard) MkdirAll(dir string, perm os.FileMode) error {
	g.hold()
	g.check(g.FS.MkdirAll(dir, perm))
	return nil
}

// guardedFile is a file under guard.
type guardedFile struct {
	vfs.File
	guard *guard
}

// Write writes.
func (f *guardedFile) Write(p []byte) (int, error) {
	f.guard.hold()
	n, err := f.File.Write(p)
	f.guard.check(err)
	return n, nil
}

// WriteAt writes.
func (f *guardedFile) WriteAt(p []byte, at int64) (int, error) {
	f.guard.hold()
	n, err := f.File.WriteAt(p, at)
	f.guard.check(err)
	return n, nil
}

// Sync makes what was written durable.
func (f *guardedFile) Sync() error {
	f.guard.check(f.File.Sync())
	return nil
}

// SyncData makes the data that was written durable.
func (f *guardedFile) SyncData() error {
	f.guard.check(f.File.SyncData())
	return nil
}

// SyncTo makes a part of it durable.
func (f *guardedFile) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	f.guard.check(err)
	return full, nil
}

// logExtension is that of the files to which Pebble writes what it is told, before anything else.
const logExtension = ".log"

// logFile is Pebble's log, of which one is written at a time. Pebble goes on as soon as the system has what it wrote, so
// that this outlives the process; it becomes durable by syncLog, or when the log is closed.
type logFile struct {
	guardedFile
	mu     sync.Mutex
	closed bool
}

// Sync does nothing yet.
func (f *logFile) Sync() error { return nil }

// SyncData does nothing yet.
func (f *logFile) SyncData() error { return nil }

// Close makes all of it durable before another log is begun.
func (f *logFile) Close() error {
	f.sync()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return f.File.Close()
}

func (f *logFile) sync() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.guard.check(f.File.SyncData())
	}
}

// syncLog makes durable what was written to the log. What stands in an earlier one is so already.
func (g *guard) syncLog() {
	if log := g.log.Load(); log != nil {
		log.sync()
	}
}

// fatalLogger receives what Pebble logs.
type fatalLogger struct{ guard *guard }

// Infof ignores progress reports.
func (fatalLogger) Infof(string, ...any) {}

// Errorf ignores errors that Pebble also returns.
func (fatalLogger) Errorf(string, ...any) {}

// Fatalf never returns.
func (l fatalLogger) Fatalf(format string, args ...any) { l.guard.check(cause(format, args)) }

// background is told why a flush or a compaction failed. Pebble would try again for ever, and stall all writers
// meanwhile. Where a block is damaged it leaves that part alone from then on.
func (g *guard) background(err error) {
	if !pebble.IsCorruptionError(err) {
		g.fail(err)
	}
}

// cause finds the error (a full disk, say) among the arguments, for callers that test for it.
func cause(format string, args []any) error {
	for _, a := range args {
		if err, ok := a.(error); ok {
			return err
		}
	}
	return fmt.Errorf(format, args...)
}
