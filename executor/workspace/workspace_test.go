package workspace_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/workspace"
	"github.com/calyx-build/calyx/hashing"
)

func TestStates(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(l *lab)
		want   workspace.State
	}{
		{"as it was written", func(*lab) {}, workspace.Right},
		{"written again with the same bytes", func(l *lab) { l.write("out", "one") }, workspace.Right},
		{"edited", func(l *lab) { l.write("out", "two") }, workspace.Edited},
		{"made executable", func(l *lab) { l.check(os.Chmod(l.at("out"), 0o755)) }, workspace.Edited},
		{"deleted", func(l *lab) { l.check(os.Remove(l.at("out"))) }, workspace.Absent},
		{"a folder now", func(l *lab) {
			l.check(os.Remove(l.at("out")))
			l.check(os.Mkdir(l.at("out"), 0o777))
		}, workspace.Edited},
		{"a link now", func(l *lab) {
			l.check(os.Rename(l.at("out"), l.at("moved")))
			l.check(os.Symlink("moved", l.at("out")))
		}, workspace.Edited},
	} {
		for _, later := range []bool{false, true} {
			l := newLab(t)
			o := l.madeFile("out", "one")
			if later {
				l.reopen()
			}
			c.change(l)
			if got := l.state(o); got != c.want {
				t.Errorf("%s, later %v: state %v, want %v", c.name, later, got, c.want)
			}
		}
	}
}

func TestAContentIsReadOnceWhileYoungAndThenKnownByItsStat(t *testing.T) {
	l := newLab(t)
	file := l.madeFile("file", "content")
	folder := l.made("folder", func(at string) {
		l.check(os.Mkdir(at, 0o777))
		l.check(os.WriteFile(filepath.Join(at, "x"), []byte("x"), 0o644))
	})
	l.reopen() // looks once more, for it was young
	if l.state(file) != workspace.Right || l.state(folder) != workspace.Right {
		t.Fatal("outputs are not right")
	}
	l.reopen()
	if l.state(file) != workspace.Right || l.state(folder) != workspace.Right {
		t.Fatal("outputs are not right")
	}
	// A record of the digest without a look at the content: it came from the row.
	r, ok := l.ws.Memo().Known(l.at("file"))
	if !ok || r.Racy || r.Digest != file.Value.Digest {
		t.Errorf("the file is known as %+v, %v", r, ok)
	}
	if _, ok := l.ws.Memo().Known(l.at("folder/x")); ok {
		t.Error("a file of an unchanged folder was read")
	}
}

func TestPrepareRemovesOnlyWhatCalyxWrote(t *testing.T) {
	ctx := context.Background()
	t.Run("its own", func(t *testing.T) {
		l := newLab(t)
		o := l.madeFile("a/b/out", "old")
		l.reopen()
		l.check(l.ws.Prepare(ctx, o))
		if l.ws.There(o) || len(l.notes) > 0 {
			t.Errorf("there: %v; notes %q", l.ws.There(o), l.notes)
		}
	})
	t.Run("edited", func(t *testing.T) {
		l := newLab(t)
		o := l.madeFile("a/out", "old")
		l.reopen()
		l.write("a/out", "precious")
		l.check(l.ws.Prepare(ctx, o))
		found, err := filepath.Glob(l.at(".calyx/displaced/*/a/out"))
		l.check(err)
		if len(found) != 1 || len(l.notes) != 1 || !strings.Contains(l.notes[0], `"a/out" was edited`) {
			t.Fatalf("displaced %q, notes %q", found, l.notes)
		}
		if text, _ := os.ReadFile(found[0]); string(text) != "precious" {
			t.Errorf("displaced %q", text)
		}
	})
	t.Run("foreign", func(t *testing.T) {
		l := newLab(t)
		l.write("out", "precious")
		o := workspace.Output{Node: "n", Path: "out"}
		l.check(l.ws.Prepare(ctx, o))
		o.Value.Digest = hashing.Sum([]byte("another"))
		var foreign *workspace.ForeignError
		err := l.ws.Adopt(ctx, o)
		l.check(l.ws.PutBack(o))
		if !errors.As(err, &foreign) || !strings.Contains(err.Error(), `"out"`) || !strings.Contains(foreign.Hint(), "move") {
			t.Errorf("error %v", err)
		}
		if l.content("out") != "precious" {
			t.Error("the file is gone")
		}
		l.noneDisplaced()
	})
	t.Run("foreign and equal", func(t *testing.T) {
		l := newLab(t)
		l.write("out", "the same")
		o := workspace.Output{Node: "n", Path: "out"}
		l.check(l.ws.Prepare(ctx, o))
		l.write("out", "the same")
		o.Value.Digest = hashing.Sum([]byte("the same"))
		l.check(l.ws.Adopt(ctx, o))
		l.check(l.ws.PutBack(o))
		if l.content("out") != "the same" {
			t.Error("the file is gone")
		}
		l.noneDisplaced()
	})
	t.Run("foreign and empty", func(t *testing.T) {
		l := newLab(t)
		l.check(os.Mkdir(l.at("out"), 0o777))
		l.check(l.ws.Prepare(ctx, workspace.Output{Node: "n", Path: "out"}))
	})
	t.Run("a link to a folder of somebody", func(t *testing.T) {
		l := newLab(t)
		l.write("data/precious", "x")
		l.check(os.Symlink("data", l.at("out")))
		if err := l.ws.Prepare(ctx, workspace.Output{Node: "n", Path: "out"}); err == nil {
			t.Error("no error")
		}
		if l.content("data/precious") != "x" {
			t.Error("the file is gone")
		}
	})
}

func TestRestore(t *testing.T) {
	l := newLab(t)
	small := l.madeFile("d/small", "small")
	large := l.madeFile("large", strings.Repeat("0123456789abcdef", 20<<10))
	script := l.made("script", func(at string) { l.check(os.WriteFile(at, []byte("#!"), 0o755)) })
	empty := l.madeFile("empty", "")
	all := []workspace.Output{small, large, script, empty}
	before := l.listing("d") + l.listing("large") + l.listing("script") + l.listing("empty")
	if n := l.restore(all...); n != 0 {
		t.Errorf("%d right outputs were written", n)
	}
	l.check(os.RemoveAll(l.at("d")))
	l.check(os.Remove(l.at("large")))
	l.check(os.Remove(l.at("empty")))
	l.check(os.Chmod(l.at("script"), 0o644))
	l.reopen()
	if n := l.restore(all...); n != 4 {
		t.Errorf("%d outputs were written, want 4", n)
	}
	if after := l.listing("d") + l.listing("large") + l.listing("script") + l.listing("empty"); after != before {
		t.Errorf("restored %.300s", after)
	}
	for _, o := range all {
		if info, err := os.Lstat(l.at(o.Path)); err != nil || info.Mode()&0o222 == 0 || links(info) != 1 {
			t.Errorf("%s: %v, %v", o.Path, info, err)
		}
	}
	l.reopen()
	for _, o := range all {
		if got := l.state(o); got != workspace.Right {
			t.Errorf("%s is in state %v", o.Path, got)
		}
	}
}

func TestRestoreAdoptsWhatIsEqual(t *testing.T) {
	l := newLab(t)
	o := l.madeFile("out", "text")
	elsewhere := o
	elsewhere.Path = "copy"
	l.write("copy", "text")
	if got := l.state(elsewhere); got != workspace.Equal {
		t.Errorf("state %v, want Equal", got)
	}
	did, err := l.ws.RestoreAll(context.Background(), []workspace.Output{elsewhere})
	l.check(err)
	if did[0] != (workspace.Restored{Was: workspace.Equal}) {
		t.Errorf("%+v", did)
	}
	l.reopen()
	if got := l.state(elsewhere); got != workspace.Right {
		t.Errorf("state %v, want Right", got)
	}
	l.check(l.ws.Prepare(context.Background(), elsewhere)) // it is calyx's own now
}

func TestRestoreKeepsGoingPastOneThatCannotBe(t *testing.T) {
	l := newLab(t)
	a, b, c := l.madeFile("a", "a"), l.madeFile("b", "b"), l.madeFile("c", "c")
	lost := a
	lost.Path, lost.Value.Digest = "lost", hashing.Sum([]byte("never stored"))
	wrong := a // a listing that calyx never wrote: in an archive that somebody made, for instance
	blob := hashing.Tree{{Path: "../escaped", Kind: hashing.DirEntry}}.Encode()
	_, err := l.store.Apply(context.Background(), cas.Txn{Blobs: [][]byte{blob}})
	l.check(err)
	wrong.Path, wrong.Value = "wrong", trace.Value{Media: trace.MediaTree, Digest: hashing.Sum(blob), Size: 1}
	foreign := c
	foreign.Path = "foreign"
	l.write("foreign", "precious")
	l.check(os.Remove(l.at("a")))
	l.check(os.Remove(l.at("b")))
	got, err := l.ws.RestoreAll(context.Background(), []workspace.Output{a, lost, foreign, b, c, wrong})
	l.check(err)
	var foreignErr *workspace.ForeignError
	if !got[0].Written || !errors.Is(got[1].Err, cas.ErrMissing) || !errors.As(got[2].Err, &foreignErr) || !got[3].Written || got[4] != (workspace.Restored{Was: workspace.Right}) || !errors.Is(got[5].Err, cas.ErrMissing) {
		t.Errorf("%+v", got)
	}
	if l.content("a") != "a" || l.content("b") != "b" || l.content("foreign") != "precious" {
		t.Error("wrong contents")
	}
}

func TestFailKeepsWhatAFailedStepLeft(t *testing.T) {
	ctx := context.Background()
	l := newLab(t)
	outs := []workspace.Output{{Node: "n/1", Path: "x/out"}, {Node: "n/1", Path: "y/out"}, {Node: "n/1", Path: "none"}}
	for _, round := range []string{"first", "second"} {
		l.check(l.ws.Prepare(ctx, outs...))
		l.write("x/out", round)
		if round == "first" {
			l.write("y/out/deep", round)
		}
		l.check(l.ws.Fail("n/1", outs...))
	}
	dirs, err := filepath.Glob(l.at(".calyx/failed/*"))
	l.check(err)
	if len(dirs) != 1 {
		t.Fatalf("%q", dirs)
	}
	rel, _ := filepath.Rel(l.root, dirs[0])
	if got := l.listing(rel); got != "./\nx/\nx/out = second" {
		t.Errorf("kept %s", got)
	}
	if l.ws.There(outs[0]) {
		t.Error("the partial output is still there")
	}
}

func TestRemoveLeavesWhatSomebodyEdited(t *testing.T) {
	ctx := context.Background()
	l := newLab(t)
	l.madeFile("gone/a", "a")
	l.madeFile("gone/b", "b")
	l.madeFile("kept", "k")
	l.reopen()
	l.write("gone/b", "precious")
	owned := func(p string) bool { return p == "kept" }
	standing, err := l.ws.Standing(ctx, []string{"gone/a", "gone/b", "never"})
	l.check(err)
	if !standing["gone/a"] || standing["gone/b"] || standing["never"] {
		t.Fatalf("standing: %v", standing)
	}
	var all []workspace.Output
	l.check(l.ws.Recorded(ctx, func(o workspace.Output) bool { all = append(all, o); return !owned(o.Path) || true }))
	gone, err := l.ws.Remove(ctx, all[:2]...)
	l.check(err)
	if !slices.Equal(gone, []string{"gone/a"}) || l.content("gone/b") != "precious" || l.content("kept") != "k" {
		t.Errorf("removed %q", gone)
	}
	if gone, err = l.ws.Remove(ctx, all[2]); err != nil || !slices.Equal(gone, []string{"kept"}) {
		t.Errorf("removed %q, %v", gone, err)
	}
}

func TestCaptureErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		out   workspace.Output
		write func(l *lab)
		want  string
	}{
		{"missing, and a similar name", workspace.Output{Path: "d/out.txt"}, func(l *lab) { l.write("d/out.text", "") }, `did not write its output "d/out.txt" (there is "d/out.text")`},
		{"missing, and other names", workspace.Output{Path: "d/out.txt"}, func(l *lab) { l.write("d/log", "") }, `(in "d" there are ["log"])`},
		{"a file for a folder", workspace.Output{Path: "out", Dir: true}, func(l *lab) { l.write("out", "") }, "declared as a folder"},
		{"a link", workspace.Output{Path: "out"}, func(l *lab) { l.check(os.Symlink("x", l.at("out"))) }, "a symbolic link"},
		{"a link out of the folder", workspace.Output{Path: "out"}, func(l *lab) {
			l.write("out/x", "")
			l.check(os.Symlink("../secret", l.at("out/link")))
		}, "leads out of its folder"},
		{"a pipe in the folder", workspace.Output{Path: "out"}, func(l *lab) {
			l.write("out/x", "")
			makePipe(l, l.at("out/pipe"))
		}, "a named pipe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			c.write(l)
			_, err := l.ws.Capture(context.Background(), c.out)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestNamesOfAnyBytes(t *testing.T) {
	l := newLab(t)
	for _, name := range []string{"with space", "-rf", "new\nline", "not utf-8 \xff", `"quoted"`, strings.Repeat("x", 253), strings.Repeat("deep/", 300) + "x"} {
		o := l.madeFile(name, "content")
		folder := l.made(name+".d", func(at string) {
			l.check(os.MkdirAll(at, 0o777))
			l.check(os.WriteFile(filepath.Join(at, filepath.Base(name)), nil, 0o644))
		})
		l.check(os.RemoveAll(l.at(o.Path)))
		l.check(os.RemoveAll(l.at(folder.Path)))
		if n := l.restore(o, folder); n != 2 || l.content(name) != "content" {
			t.Errorf("%q: restored %d", name, n)
		}
	}
	_, err := l.ws.Capture(context.Background(), workspace.Output{Path: strings.Repeat("long/", 1000)})
	if err == nil || !strings.Contains(err.Error(), "file name too long") {
		t.Errorf("a path that is too long: %.200v", err)
	}
}

func TestACopyOfAWorkspaceIsAnother(t *testing.T) {
	l := newLab(t)
	id, err := workspace.ID(l.root)
	l.check(err)
	if again, err := workspace.ID(l.root); err != nil || again != id || len(id) != 16 {
		t.Errorf("%q, then %q, %v", id, again, err)
	}
	other := t.TempDir()
	l.check(os.CopyFS(other, os.DirFS(l.root)))
	if copied, err := workspace.ID(other); err != nil || copied == id {
		t.Errorf("the copy has the id %q too (%v)", copied, err)
	}
	if l.content(".calyx/.gitignore") != "*\n" {
		t.Error("the folder does not ignore itself")
	}
}

func TestManyProcessesAgreeOnOneID(t *testing.T) {
	root := t.TempDir()
	if err := workspace.Create(root); err != nil {
		t.Fatal(err)
	}
	ids := make([]string, 16)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() { ids[i], _ = workspace.ID(root) })
	}
	group.Wait()
	if all := slices.Compact(ids); len(all) != 1 || all[0] == "" {
		t.Errorf("%q", ids)
	}
}

func TestScratchFoldersAreEmpty(t *testing.T) {
	l := newLab(t)
	seen := map[string]bool{}
	for i := range 20 {
		dir, err := l.ws.Scratch()
		l.check(err)
		names, err := os.ReadDir(dir)
		l.check(err)
		if len(names) != 0 {
			t.Fatalf("%s holds %v", dir, names)
		}
		seen[dir] = true
		if i%2 == 1 {
			l.check(os.MkdirAll(filepath.Join(dir, "left", "behind"), 0o777))
		}
		l.check(l.ws.Recycle(dir))
	}
	if len(seen) != 10 { // one is used again as long as it is left empty
		t.Errorf("%d folders", len(seen))
	}
	first, err := l.ws.Scratch()
	l.check(err)
	second, err := l.ws.Scratch()
	l.check(err)
	if first == second {
		t.Error("two steps share a folder")
	}
}
