package workspace_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/workspace"
	"github.com/calyx-build/calyx/hashing"
)

// drawFolder draws what fills a folder: entries whose names meet, so that files become folders and links and back.
func drawFolder(t *rapid.T, label string) func(at string) {
	name := rapid.SampledFrom([]string{"a", "a-b", "b", "c"})
	type entry struct{ path, kind, content string }
	entries := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) entry {
		return entry{
			path:    strings.Join(rapid.SliceOfN(name, 1, 3).Draw(t, "path"), "/"),
			kind:    rapid.SampledFrom([]string{"file", "script", "folder", "link"}).Draw(t, "kind"),
			content: rapid.SampledFrom([]string{"", "one", "two", strings.Repeat("large", 40000)}).Draw(t, "content"),
		}
	}), 0, 12).Draw(t, label)
	return func(at string) {
		_ = os.MkdirAll(at, 0o777)
		for _, e := range entries {
			to := filepath.Join(at, e.path)
			_ = os.MkdirAll(filepath.Dir(to), 0o777)
			// Where an earlier entry is in the way, this one is left out.
			switch e.kind {
			case "file":
				_ = os.WriteFile(to, []byte(e.content), 0o644)
			case "script":
				if os.WriteFile(to, []byte(e.content), 0o755) == nil {
					_ = os.Chmod(to, 0o755)
				}
			case "folder":
				_ = os.MkdirAll(to, 0o777)
			case "link":
				_ = os.Symlink("c", to)
			}
		}
	}
}

func TestFoldersTurnIntoOneAnother(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newLab(t)
		fill := drawFolder(rt, "first")
		first := l.made("out", fill)
		before := l.listing("out")
		second := l.made("other", drawFolder(rt, "second"))
		want := l.listing("other")
		if rapid.Bool().Draw(rt, "in another process") {
			l.reopen()
			if rapid.Bool().Draw(rt, "looked at before") {
				l.state(first)
				l.reopen()
			}
		}
		edited := rapid.Bool().Draw(rt, "edited")
		if edited {
			l.write("out/edited", "precious")
			before = l.listing("out")
		}
		second.Path = "out"
		if n := l.restore(second); n > 1 {
			rt.Fatalf("%d written", n)
		}
		if got := l.listing("out"); got != want {
			rt.Fatalf("out is\n%.500s\nwant\n%.500s", got, want)
		}
		if got := l.state(second); got != workspace.Right {
			rt.Fatalf("state %v", got)
		}
		displaced, err := filepath.Glob(l.at(".calyx/displaced/*/out"))
		l.check(err)
		if edited != (len(displaced) == 1) {
			rt.Fatalf("displaced %q", displaced)
		}
		if edited {
			rel, _ := filepath.Rel(l.root, displaced[0])
			if got := l.listing(rel); got != before {
				rt.Fatalf("displaced is\n%.500s\nwant\n%.500s", got, before)
			}
		}
		first.Path = "out"
		if l.restore(first); !edited && l.listing("out") != before {
			rt.Fatalf("back again it is\n%.500s\nwant\n%.500s", l.listing("out"), before)
		}
	})
}

func TestInAFolderOnlyWhatDiffersIsWritten(t *testing.T) {
	l := newLab(t)
	fill := func(changed string) func(string) {
		return func(at string) {
			l.check(os.MkdirAll(filepath.Join(at, "sub"), 0o777))
			l.check(os.WriteFile(filepath.Join(at, "sub/same"), []byte("same"), 0o644))
			l.check(os.WriteFile(filepath.Join(at, "changed"), []byte(changed), 0o644))
		}
	}
	l.made("out", fill("one"))
	other := l.made("other", fill("two"))
	before, err := os.Lstat(l.at("out/sub/same"))
	l.check(err)
	other.Path = "out"
	l.restore(other)
	after, err := os.Lstat(l.at("out/sub/same"))
	l.check(err)
	if !os.SameFile(before, after) || l.content("out/changed") != "two" {
		t.Errorf("same file: %v; changed %q", os.SameFile(before, after), l.content("out/changed"))
	}
}

func TestFoldersThatMayNotBeWrittenTo(t *testing.T) {
	l := newLab(t)
	l.asUser(func() {
		o := l.made("out", func(at string) {
			l.check(os.MkdirAll(filepath.Join(at, "sub"), 0o777))
			l.check(os.WriteFile(filepath.Join(at, "sub/file"), []byte("x"), 0o444))
			l.check(os.Chmod(filepath.Join(at, "sub"), 0o555))
			l.check(os.Chmod(at, 0o555))
		})
		if err := os.WriteFile(l.at("out/new"), nil, 0o644); !errors.Is(err, os.ErrPermission) {
			t.Fatalf("the folder may be written to: %v", err)
		}
		other := l.made("other", func(at string) { l.check(os.MkdirAll(at, 0o777)) })
		other.Path = "out"
		if n := l.restore(other); n != 1 || l.listing("out") != "./" {
			t.Errorf("%d written: %s", n, l.listing("out"))
		}
		l.restore(o)
		l.check(os.Chmod(l.at("out/sub"), 0o555))
		l.check(l.ws.Fail("step", o))
		if l.ws.There(o) {
			t.Error("it is still there")
		}
	})
}

func TestHostileListingsWriteNothingOutside(t *testing.T) {
	d := hashing.Sum([]byte("evil"))
	file := func(p string) hashing.Entry {
		return hashing.Entry{Path: p, Kind: hashing.FileEntry, Digest: d, Size: 4}
	}
	link := func(p, target string) hashing.Entry {
		return hashing.Entry{Path: p, Kind: hashing.LinkEntry, Target: target}
	}
	dir := func(p string) hashing.Entry { return hashing.Entry{Path: p, Kind: hashing.DirEntry} }
	for name, tree := range map[string]hashing.Tree{
		"up":                       {file("../evil")},
		"up, in the middle":        {dir("a"), file("a/../../evil")},
		"absolute":                 {file("/tmp/calyx-evil")},
		"through a link":           {link("a", ".."), file("a/evil")},
		"through a link inside":    {dir("b"), link("c", "b"), file("c/evil")},
		"through an absolute link": {link("a", "/tmp"), file("a/calyx-evil")},
		"a name twice":             {link("a", "b"), file("a")},
		"without a parent":         {file("a/evil")},
		"a link that leads out":    {link("a", "../../x")},
		"no listing at all":        nil,
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			encoded := tree.Encode()
			if tree == nil {
				encoded = []byte("garbage")
			}
			_, err := cas.Commit(context.Background(), l.store, cas.Txn{Blobs: [][]byte{encoded, []byte("evil")}})
			l.check(err)
			before := l.listing(".")
			v := trace.Value{Media: trace.MediaTree, Digest: hashing.Sum(encoded)}
			if _, err := l.ws.Restore(context.Background(), workspace.Output{Node: "n", Path: "sub/out", Value: v}); err == nil || !strings.Contains(err.Error(), `restore the output "sub/out"`) {
				t.Errorf("error %v", err)
			}
			if after := l.listing("."); after != before {
				t.Errorf("written:\n%s\nbefore:\n%s", after, before)
			}
			if _, err := os.Lstat("/tmp/calyx-evil"); !errors.Is(err, os.ErrNotExist) {
				t.Error("written outside")
			}
		})
	}
}

func TestSharedFoldersAreWrittenOnce(t *testing.T) {
	l := newLab(t)
	o := l.made("out", func(at string) {
		l.check(os.MkdirAll(filepath.Join(at, "empty"), 0o777))
		l.check(os.WriteFile(filepath.Join(at, "x"), []byte("x"), 0o755))
	})
	first, err := l.ws.Shared(context.Background(), o.Value)
	l.check(err)
	again, err := l.ws.Shared(context.Background(), o.Value)
	l.check(err)
	rel, _ := filepath.Rel(l.root, first)
	if first != again || l.listing(rel) != l.listing("out") {
		t.Errorf("%q and %q hold %s", first, again, l.listing(rel))
	}
}
