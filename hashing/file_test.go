package hashing_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/hashing"
)

// now is a clock by which all files are old.
func now() int64 { return 1 << 62 }

// noise are bytes that do not repeat.
var noise = func() []byte {
	data := make([]byte, 40<<20+17)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data) // a generator does not fail
	return data
}()

func TestFileDigestIsTheStandardDigest(t *testing.T) {
	const mib = 1 << 20
	path := filepath.Join(t.TempDir(), "f")
	for _, size := range []int{
		0, 1, 1023, 1024, 1025, 128<<10 - 1, 128 << 10, 128<<10 + 1, mib, 16*mib - 1, 16 * mib, 16*mib + 1, 17*mib - 1024, 17 * mib,
		19*mib + 1025, 31*mib + 5*1024, 32 * mib, 40*mib + 17,
	} {
		if err := os.WriteFile(path, noise[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := hashing.ReadRecord(path, now)
		if err != nil {
			t.Fatal(err)
		}
		if want := hashing.Sum(noise[:size]); r.Digest != want || r.Stat.Size != int64(size) {
			t.Errorf("%d bytes: digest %v of %d bytes, want %v", size, r.Digest, r.Stat.Size, want)
		}
	}
}

func TestParallelDigestsAreTheStandardDigest(t *testing.T) {
	limits := []int{1, 1024, 2048, 15 << 10, 16 << 10, 17 << 10, 32 << 10, hashing.Segment / 2, hashing.Segment}
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(0, 9).Draw(rt, "segments")*hashing.Segment + rapid.SampledFrom(limits).Draw(rt, "limit") + rapid.IntRange(-1, 1).Draw(rt, "off")
		p := noise[:size]
		if got := hashing.SumParallel(p); got != hashing.Sum(p) {
			rt.Fatalf("%d bytes: %v, want %v", size, got, hashing.Sum(p))
		}
		if size == 0 {
			return
		}
		if got, err := hashing.SumOf(bytes.NewReader(p), int64(size), true); err != nil || got != hashing.Sum(p) {
			rt.Fatalf("%d bytes: %v, %v, want %v", size, got, err, hashing.Sum(p))
		}
	})
}

func TestAFileOfAnotherSizeThanItSaidHasChanged(t *testing.T) {
	for _, parallel := range []bool{false, true} {
		for _, size := range []int64{1, 1024, 128 << 10, hashing.Segment, 3*hashing.Segment + 5} {
			r := bytes.NewReader(noise[:size])
			for _, said := range []int64{size - 1, size + 1, size + hashing.Segment} {
				if said == 0 && parallel {
					continue // such a file is not read in parallel
				}
				if d, err := hashing.SumOf(r, said, parallel); !errors.Is(err, hashing.ErrChanged) {
					t.Errorf("%d bytes that said to be %d (parallel: %t): %v, %v", size, said, parallel, d, err)
				}
			}
		}
	}
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	pipe, socket := filepath.Join(dir, "pipe"), filepath.Join(dir, "socket")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	toPipe := filepath.Join(dir, "link")
	if err := os.Symlink("pipe", toPipe); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{dir: "a folder", pipe: "a named pipe", toPipe: "a named pipe", socket: "a socket", "/dev/null": "a device"} {
		var e *hashing.TypeError
		if _, err := hashing.ReadRecord(path, now); !errors.As(err, &e) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if _, err := hashing.NewMemo(now).Files(context.Background(), []string{path}); !errors.As(err, &e) {
			t.Errorf("%s among many: %v", path, err)
		}
	}
	if _, err := hashing.ReadRecord(filepath.Join(dir, "none"), now); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestAFileThatChangedLatelyIsRacy(t *testing.T) {
	hashing.DoubtAll()
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "x")
	st, err := hashing.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	second := int64(time.Second)
	for after, want := range map[int64]bool{-second: true, 0: true, second: true, 3 * second: false} {
		r, err := hashing.ReadRecord(path, func() int64 { return st.Ctime + after })
		if err != nil || r.Racy != want {
			t.Errorf("read %v after it changed: racy %t, %v", time.Duration(after), r.Racy, err)
		}
	}
}

func TestTheClockIsTheFileSystems(t *testing.T) {
	dir := t.TempDir()
	clock, err := hashing.FileClock(dir)
	if err != nil {
		t.Fatal(err)
	}
	before := clock()
	write(t, filepath.Join(dir, "f"), "")
	st, err := hashing.Lstat(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	const tick = int64(100 * time.Millisecond) // more than the coarsest tick of a Linux kernel
	if st.Mtime < before-tick || st.Mtime > clock()+tick {
		t.Errorf("a file was written at %d, between %d and %d", st.Mtime, before, clock())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAMemoReadsOnlyWhatMayHaveChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "one")
	forged := hashing.Sum([]byte("never read"))
	known := func() hashing.Record {
		st, err := hashing.StatFollow(path)
		if err != nil {
			t.Fatal(err)
		}
		return hashing.Record{Digest: forged, Stat: st}
	}
	read := func(m *hashing.Memo) hashing.Digest {
		t.Helper()
		one, err := m.File(path)
		if err != nil {
			t.Fatal(err)
		}
		many, err := m.Files(context.Background(), []string{path})
		if err != nil || many[0] != one {
			t.Fatalf("alone %v, among many %v, %v", one, many, err)
		}
		return one.Digest
	}
	for name, c := range map[string]struct {
		change func(r *hashing.Record)
		want   hashing.Digest
	}{
		"as it was":      {func(*hashing.Record) {}, forged},
		"racy":           {func(r *hashing.Record) { r.Racy = true }, hashing.Sum([]byte("one"))},
		"another device": {func(r *hashing.Record) { r.Stat.Dev++ }, hashing.Sum([]byte("one"))},
		"another inode":  {func(r *hashing.Record) { r.Stat.Ino++ }, hashing.Sum([]byte("one"))},
		"another size":   {func(r *hashing.Record) { r.Stat.Size++ }, hashing.Sum([]byte("one"))},
		"another mtime":  {func(r *hashing.Record) { r.Stat.Mtime++ }, hashing.Sum([]byte("one"))},
		"another ctime":  {func(r *hashing.Record) { r.Stat.Ctime++ }, hashing.Sum([]byte("one"))},
		"another mode":   {func(r *hashing.Record) { r.Stat.Mode ^= 0o100 }, hashing.Sum([]byte("one"))},
	} {
		m := hashing.NewMemo(now)
		r := known()
		c.change(&r)
		m.Seed(path, r)
		if got := read(m); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestAMemoYieldsWhatItKnows(t *testing.T) {
	dir := t.TempDir()
	m := hashing.NewMemo(now)
	want := map[string]hashing.Digest{}
	var paths []string
	for i := range 1000 {
		path := filepath.Join(dir, fmt.Sprint(i%7), fmt.Sprint(i))
		write(t, path, path)
		paths = append(paths, path)
		want[path] = hashing.Sum([]byte(path))
	}
	records, err := m.Files(context.Background(), paths)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records {
		if r.Digest != want[paths[i]] {
			t.Fatalf("%s: %v", paths[i], r.Digest)
		}
	}
	found := 0
	for path, r := range m.All() {
		found++
		if r.Digest != want[path] {
			t.Errorf("%s: %v", path, r.Digest)
		}
	}
	if found != len(want) {
		t.Errorf("%d of %d", found, len(want))
	}
	for range m.All() {
		break
	}
}

func TestTheFirstFileThatCannotBeReadIsNamed(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for i := range 500 {
		path := filepath.Join(dir, fmt.Sprintf("%03d", i))
		if i != 130 && i != 400 {
			write(t, path, "")
		}
		paths = append(paths, path)
	}
	_, err := hashing.NewMemo(now).Files(context.Background(), paths)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), paths[130]) {
		t.Errorf("%v, want %s", err, paths[130])
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := hashing.NewMemo(now).Files(ctx, paths); !errors.Is(err, context.Canceled) {
		t.Errorf("after it was cancelled: %v", err)
	}
}
