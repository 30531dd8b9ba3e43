package snapshot_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/hashing"
)

// small is the content of a file with something in every section.
func small(t testing.TB) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "snapshot")
	e := snapshot.New()
	p := e.AddPath(snapshot.Path{Name: "dir/file", Kind: snapshot.File, Record: hashing.Record{Digest: hashing.Sum(nil), Racy: true}})
	out := e.AddPath(snapshot.Path{Name: "/out", Kind: snapshot.Dir, Follow: true})
	l := e.AddLeaf(snapshot.Leaf{Kind: 3, Subject: "leaf", Paths: []uint32{p}})
	first := e.AddNode(snapshot.Node{Name: "first", Leaves: []uint32{l}, Outputs: []uint32{out}})
	e.AddNode(snapshot.Node{Name: "second", Deps: []uint32{first}, Dirty: true, Data: []byte("data")})
	if err := e.Write(file, snapshot.Head{Note: []byte("note")}); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// openBytes opens a file with this content.
func openBytes(t *testing.T, file string, content []byte) error {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := snapshot.Open(file)
	if err == nil {
		return s.Close()
	}
	if !errors.Is(err, snapshot.ErrNone) {
		t.Fatalf("the error is %v", err)
	}
	return err
}

func TestADamagedFileIsNoSnapshot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snapshot")
	content := small(t)
	if err := openBytes(t, file, content); err != nil {
		t.Fatal(err)
	}
	for i := range content {
		content[i] ^= 0x10
		if openBytes(t, file, content) == nil {
			t.Errorf("byte %d was changed, and it opened", i)
		}
		content[i] ^= 0x10
		if openBytes(t, file, content[:i]) == nil {
			t.Errorf("it was cut to %d bytes, and it opened", i)
		}
	}
	if openBytes(t, file, append(content, 0)) == nil {
		t.Error("a byte was added, and it opened")
	}
}

func TestWhatIsNoFileIsNoSnapshot(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{dir, filepath.Join(dir, "none"), pipe, "/dev/null"} {
		if _, err := snapshot.Open(at); !errors.Is(err, snapshot.ErrNone) {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestWhatKilledWritersLeftIsRemoved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snapshot")
	at := map[string]time.Time{
		"snapshot.new-old": time.Now().Add(-2 * time.Hour), "snapshot.new-fresh": time.Now(), "snapshot2": time.Now().Add(-2 * time.Hour),
	}
	for name, mtime := range at {
		path := filepath.Join(filepath.Dir(file), name)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, mtime, mtime)); err != nil {
			t.Fatal(err)
		}
	}
	if err := snapshot.New().Write(file, snapshot.Head{}); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(file + "*")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{file, file + ".new-fresh", file + "2"}; !slices.Equal(left, want) {
		t.Errorf("left: %q, want %q", left, want)
	}
}

// FuzzOpen makes the checksum right, so that what only a hostile writer would write is read too.
func FuzzOpen(f *testing.F) {
	f.Add(small(f))
	f.Fuzz(func(_ *testing.T, content []byte) {
		s, err := snapshot.Parse(snapshot.Seal(append([]byte(nil), content...)))
		if err != nil {
			return
		}
		var paths, leaves []uint32
		for i := range uint32(s.NumPaths()) {
			paths = append(paths, i)
			_ = s.Path(i).Name + s.Path(i).Record.Digest.Hex()
		}
		for i, l := range s.Leaves() {
			leaves = append(leaves, i)
			_ = l.Subject + "."
		}
		for _, n := range s.Nodes() {
			_ = n.Name + string(n.Data)
		}
		_, nodes := s.Touched(paths)
		s.Reach(leaves, nodes)
	})
}
