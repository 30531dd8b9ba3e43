package index_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/index"
)

const dbPath = "cache/db"

// newDisk is a file system in memory that can tell what would be left after a power failure.
func newDisk(t *testing.T) *vfs.MemFS {
	t.Helper()
	disk := vfs.NewCrashableMem()
	root, err := disk.OpenDir("/")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(disk.MkdirAll("cache", 0o755), root.Sync(), root.Close()); err != nil {
		t.Fatal(err)
	}
	return disk
}

func open(t *testing.T, fs vfs.FS) *index.DB {
	t.Helper()
	db, err := index.Open(dbPath, index.Options{FS: fs, Warn: func(text string) { t.Error(text) }})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func put(db *index.DB, key string, size int) error {
	results, err := index.Commit(context.Background(), db, index.Txn{Put: []cas.Row{{Key: []byte(key), Value: make([]byte, size)}}})
	if err == nil && !results[0].Applied {
		return errors.New("not applied")
	}
	return err
}

// expectRows opens what a power failure leaves of a disk, and looks for rows.
func expectRows(t *testing.T, disk *vfs.MemFS, keys []string) {
	t.Helper()
	db := open(t, disk.CrashClone(vfs.CrashCloneCfg{}))
	for _, key := range keys {
		values, err := db.Rows(context.Background(), [][]byte{[]byte(key)}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if values[0] == nil {
			t.Errorf("row %q was committed, and is lost", key)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func expectFull(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), `"cache"`) {
		t.Errorf("error = %v, want one that wraps ENOSPC and names the folder", err)
	}
}

// TestDiskFillsUp lets the n-th write fail, and all after it, for every n that matters.
func TestDiskFillsUp(t *testing.T) {
	for n := int64(0); ; n++ {
		var writes, failures atomic.Int64
		var armed atomic.Bool
		disk := newDisk(t)
		db := open(t, errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if !armed.Load() || op.Kind.ReadOrWrite() != errorfs.OpIsWrite || writes.Add(1) <= n {
				return nil
			}
			failures.Add(1)
			return syscall.ENOSPC
		})))
		armed.Store(true)
		var committed []string
		var err error
		for i := 0; i < 12 && err == nil; i++ {
			key := fmt.Sprintf("row %d", i)
			if err = put(db, key, 3<<20); err == nil { // enough to fill the log, flush, and begin another
				committed = append(committed, key)
			}
		}
		closeErr := db.Close()
		expectRows(t, disk, committed)
		if failures.Load() == 0 {
			if err != nil || closeErr != nil {
				t.Fatal(err, closeErr)
			}
			return
		}
		if err != nil {
			expectFull(t, err)
		} else if closeErr != nil {
			expectFull(t, closeErr)
		}
		n += n / 4 // every early write, then fewer
	}
}

// almostFull is a disk with a little space left.
type almostFull struct {
	vfs.FS
	free atomic.Uint64
}

func (d *almostFull) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free.Load()}, nil
}

// TestDiskAlmostFull makes sure that nothing is begun that could fill the disk, and that reading goes on.
func TestDiskAlmostFull(t *testing.T) {
	disk := newDisk(t)
	small := &almostFull{FS: disk}
	small.free.Store(1 << 30)
	db := open(t, small)
	if err := put(db, "before", 100); err != nil {
		t.Fatal(err)
	}
	small.free.Store(1 << 20)
	expectFull(t, put(db, "meanwhile", 100))
	values, err := db.Rows(context.Background(), [][]byte{[]byte("before"), []byte("meanwhile")}, 0)
	if err != nil || values[0] == nil || values[1] != nil {
		t.Errorf("Rows = %v, %v, want what was committed before", values, err)
	}
	small.free.Store(1 << 30)
	if err := put(db, "after", 100); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	expectRows(t, disk, []string{"before", "after"})
}

// TestAppliedThenDurable applies rows and synchronises some of them. What was applied outlives the process; what was
// synchronised outlives the system too, whatever part of the rest that has written.
func TestAppliedThenDurable(t *testing.T) {
	disk := newDisk(t)
	db := open(t, disk)
	const all = 40
	random := rand.New(rand.NewPCG(3, 3))
	durable := 0
	for n := range all {
		results, err := db.Apply(context.Background(), []index.Txn{{Put: []cas.Row{numbered(n)}}})
		if err != nil || !results[0].Applied {
			t.Fatal(results, err)
		}
		if n%7 == 3 {
			if err := db.Sync(context.Background()); err != nil {
				t.Fatal(err)
			}
			durable = n + 1
		}
		if rows := countRows(t, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: random})); rows != n+1 {
			t.Fatalf("after the end of the process, %d rows of %d are left", rows, n+1)
		}
		for _, percent := range []int{0, 50} {
			if rows := countRows(t, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: random})); rows < durable {
				t.Fatalf("after the end of the system, %d rows are left, and %d were durable", rows, durable)
			}
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if rows := countRows(t, disk.CrashClone(vfs.CrashCloneCfg{})); rows != all {
		t.Errorf("after the database was closed, %d rows of %d are durable", rows, all)
	}
}

func numbered(n int) cas.Row {
	return cas.Row{Key: fmt.Appendf(nil, "n%03d", n), Value: make([]byte, 9000)}
}

// countRows opens a database and counts the rows from the first on, of which none may be missing.
func countRows(t *testing.T, disk vfs.FS) int {
	t.Helper()
	db := open(t, disk)
	n := 0
	err := db.Scan(context.Background(), []byte("n"), func(key, value []byte) bool {
		if want := numbered(n); !bytes.Equal(key, want.Key) || !bytes.Equal(value, want.Value) {
			t.Fatalf("row %d is %q: a row is there, and one that was applied before it is not", n, key)
		}
		n++
		return true
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return n
}
