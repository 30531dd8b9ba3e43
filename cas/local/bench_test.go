package local_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/local"
	"github.com/calyx-build/calyx/hashing"
)

func silent(string) {}

// BenchmarkConnect measures the way to the first answer.
func BenchmarkConnect(b *testing.B) {
	first := func(b *testing.B, dir string) *local.Store {
		s := connect(b, dir, silent)
		if _, err := s.Rows(context.Background(), []byte("x")); err != nil {
			b.Fatal(err)
		}
		return s
	}
	b.Run("server is up", func(b *testing.B) {
		dir := b.TempDir()
		up := first(b, dir)
		for b.Loop() {
			closeStore(b, first(b, dir))
		}
		closeStore(b, up)
	})
	b.Run("server is to be started", func(b *testing.B) {
		dir := b.TempDir()
		closeStore(b, first(b, dir))
		for b.Loop() {
			b.StopTimer()
			local.KillServer(b, dir)
			b.StartTimer()
			closeStore(b, first(b, dir))
		}
	})
	b.Run("new cache", func(b *testing.B) {
		for b.Loop() {
			closeStore(b, first(b, b.TempDir()))
		}
	})
}

// BenchmarkCommit measures small transactions, one call each, from many goroutines.
func BenchmarkCommit(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("%d callers", callers), func(b *testing.B) {
			s := connect(b, b.TempDir(), silent)
			defer closeStore(b, s)
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := cas.Commit(context.Background(), s, step()); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
	b.Run("batches of 100", func(b *testing.B) {
		s := connect(b, b.TempDir(), silent)
		defer closeStore(b, s)
		for b.Loop() {
			txns := make([]cas.Txn, 100)
			for i := range txns {
				txns[i] = step()
			}
			if _, err := cas.Commit(context.Background(), s, txns...); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(100*b.N), "µs/txn")
	})
}

// step is a transaction like that of a finished step.
func step() cas.Txn {
	id := serial()
	blob := fmt.Appendf(nil, "the output of step %d", id)
	rows := make([]cas.Row, 4)
	for i, prefix := range []string{"c", "n", "o", "s"} {
		d := hashing.Sum(fmt.Append(nil, prefix, id))
		rows[i] = cas.Row{Key: append([]byte(prefix), d[:]...), Value: make([]byte, 200)}
	}
	return cas.Txn{Blobs: [][]byte{blob}, If: []cas.Row{{Key: rows[0].Key}}, Put: rows}
}

var serial = func() func() int {
	var mu sync.Mutex
	n := 0
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		n++
		return n
	}
}()

const many = 10_000

// fill commits many small blobs and returns their digests.
func fill(b *testing.B, s cas.Store, size int) []hashing.Digest {
	b.Helper()
	digests := make([]hashing.Digest, many)
	var txn cas.Txn
	for i := range digests {
		blob := make([]byte, size)
		copy(blob, fmt.Sprint(i))
		digests[i] = hashing.Sum(blob)
		txn.Blobs = append(txn.Blobs, blob)
	}
	if _, err := cas.Commit(context.Background(), s, txn); err != nil {
		b.Fatal(err)
	}
	return digests
}

// BenchmarkGet reads 10,000 small blobs in batches.
func BenchmarkGet(b *testing.B) {
	for _, batch := range []int{1, 100, many} {
		b.Run(fmt.Sprintf("%d at a time", batch), func(b *testing.B) {
			s := connect(b, b.TempDir(), silent)
			defer closeStore(b, s)
			digests := fill(b, s, 1000)
			for b.Loop() {
				for i := 0; i < many; i += batch {
					if _, err := s.Get(context.Background(), digests[i:i+batch]...); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkRestore writes 10,000 files of 4 KiB, beside cp.
func BenchmarkRestore(b *testing.B) {
	b.Run("one at a time from 8 goroutines", func(b *testing.B) {
		s := connect(b, b.TempDir(), silent)
		defer closeStore(b, s)
		digests := fill(b, s, 4096)
		b.ResetTimer()
		for i := range b.N {
			restoreEach(b, s, digests, target(b, i))
		}
	})
	b.Run("all at once", func(b *testing.B) {
		s := connect(b, b.TempDir(), silent)
		defer closeStore(b, s)
		digests := fill(b, s, 4096)
		b.ResetTimer()
		for i := range b.N {
			restoreAll(b, s, digests, target(b, i))
		}
	})
	b.Run("cp -r", func(b *testing.B) {
		s := connect(b, b.TempDir(), silent)
		defer closeStore(b, s)
		from := target(b, 0)
		restoreAll(b, s, fill(b, s, 4096), from)
		b.ResetTimer()
		for range b.N {
			if out, err := exec.Command("cp", "-r", from, filepath.Join(b.TempDir(), "copy")).CombinedOutput(); err != nil {
				b.Fatal(err, string(out))
			}
		}
	})
}

// target makes the folders for many files.
func target(b *testing.B, i int) string {
	b.Helper()
	b.StopTimer()
	defer b.StartTimer()
	dir := filepath.Join(b.TempDir(), fmt.Sprint(i))
	for j := range 100 {
		if err := os.MkdirAll(filepath.Join(dir, fmt.Sprint(j)), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

func restoreEach(b *testing.B, s cas.Store, digests []hashing.Digest, dir string) {
	b.Helper()
	var group sync.WaitGroup
	for w := range 8 {
		group.Go(func() {
			for i := w; i < len(digests); i += 8 {
				path := filepath.Join(dir, fmt.Sprint(i%100), fmt.Sprint(i))
				if _, err := s.Restore(context.Background(), digests[i], path, 0o644); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func restoreAll(b *testing.B, s cas.Store, digests []hashing.Digest, dir string) {
	b.Helper()
	files := make([]cas.Restoration, len(digests))
	for i, d := range digests {
		files[i] = cas.Restoration{Digest: d, Path: filepath.Join(dir, fmt.Sprint(i%100), fmt.Sprint(i)), Perm: 0o644}
	}
	if _, err := s.RestoreAll(context.Background(), files...); err != nil {
		b.Fatal(err)
	}
}

func closeStore(t testing.TB, s *local.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
