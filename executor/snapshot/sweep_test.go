package snapshot_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/hashing"
)

// later is a clock by which all files are old.
func later() int64 { return time.Now().Add(time.Hour).UnixNano() }

// watched is a folder with one path of each kind, and the snapshot of them.
type watched struct {
	t    *testing.T
	root string
	file string
	s    *snapshot.Snapshot
}

// pathsOf are the kinds of the paths in a watched folder.
var pathsOf = map[string]struct {
	kind   snapshot.Kind
	follow bool
}{
	"source":       {snapshot.File, true},
	"bin/tool":     {snapshot.File, true},
	"out/result":   {snapshot.File, false},
	"src":          {snapshot.Dir, true},
	".":            {snapshot.Dir, true},
	"link":         {snapshot.Link, false},
	"shown":        {snapshot.File, true},
	"none":         {snapshot.Absent, true},
	"no/where":     {snapshot.Absent, true},
	"source/x":     {snapshot.Absent, true},
	"src/a":        {snapshot.Being, true},
	"src/b\nb\xff": {snapshot.File, true},
}

func watch(t *testing.T, clock hashing.Clock) *watched {
	w := &watched{t: t, root: t.TempDir(), file: filepath.Join(t.TempDir(), "snapshot")}
	for _, name := range []string{"source", "bin/tool", "out/result", "src/a", "src/b\nb\xff", "target"} {
		w.write(name, "content of "+name)
	}
	w.must(os.Symlink("target", w.at("link")))
	w.must(os.Symlink("target", w.at("shown")))
	w.must(os.Symlink("loop", w.at("loop")))
	e := snapshot.New()
	memo := hashing.NewMemo(clock)
	n := snapshot.Node{Name: "node"}
	for name, of := range pathsOf {
		p, err := snapshot.Look(w.root, name, of.kind, of.follow, memo)
		w.must(err)
		n.Outputs = append(n.Outputs, e.AddPath(p))
	}
	e.AddNode(n)
	w.must(e.Write(w.file, snapshot.Head{}))
	w.open()
	t.Cleanup(func() { w.must(w.s.Close()) })
	return w
}

func (w *watched) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) open() {
	w.t.Helper()
	if w.s != nil {
		w.must(w.s.Close())
	}
	var err error
	w.s, err = snapshot.Open(w.file)
	w.must(err)
}

func (w *watched) at(name string) string { return filepath.Join(w.root, name) }

func (w *watched) write(name, text string) {
	w.t.Helper()
	w.must(os.MkdirAll(filepath.Dir(w.at(name)), 0o755))
	w.must(os.WriteFile(w.at(name), []byte(text), 0o644))
}

// sweep returns the names of what moved and of what was refreshed.
func (w *watched) sweep(clock hashing.Clock) (found *snapshot.Sweep, moved, refreshed []string) {
	w.t.Helper()
	var told atomic.Int32
	found, err := w.s.Sweep(context.Background(), w.root, hashing.NewMemo(clock), func() { told.Add(1) })
	w.must(err)
	if (told.Load() == 1) == found.Still() {
		w.t.Fatalf("told %d times that something moved, found %d", told.Load(), len(found.Moved))
	}
	for _, i := range found.Moved {
		moved = append(moved, w.s.Path(i).Name)
	}
	for _, r := range found.Refreshed {
		refreshed = append(refreshed, w.s.Path(r.Path).Name)
	}
	slices.Sort(moved)
	slices.Sort(refreshed)
	return found, moved, refreshed
}

func TestSweepFindsExactlyWhatMoved(t *testing.T) {
	old := time.Unix(1e9, 5)
	for _, c := range []struct {
		name             string
		change           func(w *watched)
		moved, refreshed []string
	}{
		{"nothing", func(*watched) {}, nil, nil},
		{"content", func(w *watched) { w.write("source", "other") }, []string{"source"}, nil},
		{"content of equal length, times set back", func(w *watched) {
			w.write("source", "CONTENT OF SOURCE")
			w.must(os.Chtimes(w.at("source"), old, old))
		}, []string{"source"}, nil},
		{"touched", func(w *watched) { w.must(os.Chtimes(w.at("source"), old, old)) }, nil, []string{"source"}},
		{"written again alike", func(w *watched) { w.write("out/result", "content of out/result") }, nil, []string{"out/result"}},
		{"deleted", func(w *watched) { w.must(os.Remove(w.at("out/result"))) }, []string{"out/result"}, nil},
		{"its folder deleted", func(w *watched) { w.must(os.RemoveAll(w.at("out"))) }, []string{".", "out/result"}, nil},
		{"replaced by a folder", func(w *watched) {
			w.must(os.Remove(w.at("out/result")))
			w.must(os.Mkdir(w.at("out/result"), 0o755))
		}, []string{"out/result"}, nil},
		{"replaced by a pipe", func(w *watched) {
			w.must(os.Remove(w.at("out/result")))
			w.must(unix.Mkfifo(w.at("out/result"), 0o644))
		}, []string{"out/result"}, nil},
		{"replaced by a link to the same", func(w *watched) {
			w.must(os.Rename(w.at("out/result"), w.at("out/moved")))
			w.must(os.Symlink("moved", w.at("out/result")))
		}, []string{"out/result"}, nil},
		{"a new file in a folder", func(w *watched) { w.write("src/c", "") }, []string{"src"}, nil},
		{"a file that came and went", func(w *watched) {
			w.write("src/c", "")
			w.must(os.Remove(w.at("src/c")))
		}, nil, []string{"src"}},
		{"a name becomes a link", func(w *watched) {
			w.must(os.Rename(w.at("src/a"), w.at("bin/a")))
			w.must(os.Symlink("../bin/a", w.at("src/a")))
		}, []string{"src"}, []string{"src/a"}},
		{"made executable", func(w *watched) { w.must(os.Chmod(w.at("bin/tool"), 0o755)) }, []string{"bin/tool"}, nil},
		{"made private", func(w *watched) { w.must(os.Chmod(w.at("bin/tool"), 0o600)) }, nil, []string{"bin/tool"}},
		{"only its being counts", func(w *watched) { w.write("src/a", "other") }, nil, []string{"src/a"}},
		{"its being ends", func(w *watched) { w.must(os.Remove(w.at("src/a"))) }, []string{"src", "src/a"}, nil},
		{"the link itself does not count the content", func(w *watched) { w.write("target", "other") }, []string{"shown"}, nil},
		{"the links point elsewhere", func(w *watched) {
			for _, l := range []string{"link", "shown"} {
				w.must(os.Remove(w.at(l)))
				w.must(os.Symlink("source", w.at(l)))
			}
		}, []string{".", "link", "shown"}, nil},
		{"what was absent is there", func(w *watched) { w.write("none", "") }, []string{".", "none"}, nil},
		{"what was absent is there as a link to nothing", func(w *watched) { w.must(os.Symlink("nothing", w.at("none"))) }, []string{"."}, nil},
		{"what was absent is there, and its folder", func(w *watched) { w.write("no/where", "") }, []string{".", "no/where"}, nil},
		{"what was absent is a loop of links", func(w *watched) { w.must(os.Rename(w.at("loop"), w.at("none"))) }, []string{"."}, nil},
		{"a name that is no text", func(w *watched) { w.write("src/b\nb\xff", "") }, []string{"src/b\nb\xff"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := watch(t, later)
			c.change(w)
			_, moved, refreshed := w.sweep(later)
			if !slices.Equal(moved, c.moved) {
				t.Errorf("moved: %q, want %q", moved, c.moved)
			}
			for _, r := range c.refreshed {
				if !slices.Contains(refreshed, r) {
					t.Errorf("refreshed: %q, want %q among them", refreshed, r)
				}
			}
		})
	}
}

func TestRacyPathsAreReadOnceMore(t *testing.T) {
	now := func() int64 { return time.Now().UnixNano() }
	w := watch(t, now)
	_, moved, refreshed := w.sweep(now)
	if len(moved) > 0 || !slices.Contains(refreshed, "source") || !slices.Contains(refreshed, "src") || !slices.Contains(refreshed, "link") {
		t.Fatalf("shortly after: moved %q, refreshed %q", moved, refreshed)
	}
	found, _, _ := w.sweep(later)
	w.must(w.s.Refresh(w.file, found.Refreshed))
	w.open()
	_, moved, refreshed = w.sweep(later)
	if len(moved)+len(refreshed) > 0 {
		t.Fatalf("refreshed long after: moved %q, refreshed %q", moved, refreshed)
	}
}

func TestRefreshedPathsAreReadNoMore(t *testing.T) {
	w := watch(t, later)
	old := time.Unix(1e9, 0)
	w.must(os.Chtimes(w.at("source"), old, old))
	found, _, _ := w.sweep(later)
	w.must(w.s.Refresh(w.file, found.Refreshed))
	w.open()
	if _, moved, refreshed := w.sweep(later); len(moved)+len(refreshed) > 0 {
		t.Fatalf("moved %q, refreshed %q", moved, refreshed)
	}
}

func TestSweepEndsWithItsContext(t *testing.T) {
	w := watch(t, later)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.s.Sweep(ctx, w.root, hashing.NewMemo(later), func() {}); err == nil {
		t.Error("a sweep that was cancelled has an answer")
	}
}

func TestLookRefusesAnotherKind(t *testing.T) {
	w := watch(t, later)
	for name, kind := range map[string]snapshot.Kind{
		"src": snapshot.File, "source": snapshot.Dir, "target": snapshot.Link, "bin": snapshot.Absent, "none": snapshot.Being,
	} {
		if _, err := snapshot.Look(w.root, name, kind, false, hashing.NewMemo(later)); err == nil {
			t.Errorf("%s was looked at as %d", name, kind)
		}
	}
}
