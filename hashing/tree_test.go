package hashing_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/hashing"
)

func readTreeOf(root string, o hashing.TreeOptions) (*hashing.TreeRead, error) {
	o.Memo = hashing.NewMemo(now)
	return hashing.ReadTree(context.Background(), root, o)
}

func mustRead(t *testing.T, root string, o hashing.TreeOptions) *hashing.TreeRead {
	t.Helper()
	read, err := readTreeOf(root, o)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := hashing.DecodeTree(read.Tree.Encode()); err != nil || !reflect.DeepEqual(back, read.Tree) {
		t.Fatalf("%v came back as %v, %v", read.Tree, back, err)
	}
	return read
}

func file(path, text string) hashing.Entry {
	return hashing.Entry{Path: path, Kind: hashing.FileEntry, Digest: hashing.Sum([]byte(text)), Size: int64(len(text))}
}

func exec(path, text string) hashing.Entry {
	e := file(path, text)
	e.Kind = hashing.ExecEntry
	return e
}

func folder(path string) hashing.Entry { return hashing.Entry{Path: path, Kind: hashing.DirEntry} }

func linked(path, target string) hashing.Entry {
	return hashing.Entry{Path: path, Kind: hashing.LinkEntry, Target: target}
}

func TestOutputsKeepNamesExecBitsEmptyFoldersAndLinks(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "d/f"), "text")
	write(t, filepath.Join(root, "d-e"), "")
	write(t, filepath.Join(root, "new\nline\xff"), "odd")
	write(t, filepath.Join(root, "run"), "#!")
	if err := errors.Join(os.Chmod(filepath.Join(root, "run"), 0o755), os.MkdirAll(filepath.Join(root, "empty"), 0o755)); err != nil {
		t.Fatal(err)
	}
	link(t, "../run", filepath.Join(root, "d/up"))
	link(t, "gone", filepath.Join(root, "dangling"))
	link(t, "d", filepath.Join(root, "to-folder"))
	read := mustRead(t, root, hashing.TreeOptions{})
	want := hashing.Tree{
		folder("d"), file("d-e", ""), file("d/f", "text"), linked("d/up", "../run"), linked("dangling", "gone"), folder("empty"),
		file("new\nline\xff", "odd"), exec("run", "#!"), linked("to-folder", "d"),
	}
	if !reflect.DeepEqual(read.Tree, want) {
		t.Errorf("%+v\nwant %+v", read.Tree, want)
	}
	if err := read.Tree.Check(); err != nil {
		t.Error(err)
	}
	if got := dirs(t, root, read.Dirs); !slices.Equal(got, []string{".", "d", "empty"}) || len(read.Files) != 4 || read.Tree.Size() != 9 {
		t.Errorf("folders %q, %d files, %d bytes", got, len(read.Files), read.Tree.Size())
	}
}

func TestStoredFoldersShowWhatLinksLeadTo(t *testing.T) {
	root, other := t.TempDir(), t.TempDir()
	write(t, filepath.Join(root, "f"), "text")
	write(t, filepath.Join(other, "g"), "outside")
	link(t, "f", filepath.Join(root, "to-file"))
	link(t, other, filepath.Join(root, "to-other"))
	link(t, "gone", filepath.Join(root, "dangling"))
	read := mustRead(t, root, hashing.TreeOptions{Follow: true})
	want := hashing.Tree{
		linked("dangling", "gone"), file("f", "text"), file("to-file", "text"), linked("to-file", "f"), folder("to-other"), linked("to-other", other),
		file("to-other/g", "outside"),
	}
	if !reflect.DeepEqual(read.Tree, want) {
		t.Errorf("%+v\nwant %+v", read.Tree, want)
	}
	if want := []string{filepath.Join(root, "to-other")}; !slices.Equal(read.Outside, want) {
		t.Errorf("outside: %q, want %q", read.Outside, want)
	}
	if want := []string{filepath.Join(root, "dangling")}; !slices.Equal(read.Missing, want) {
		t.Errorf("missing: %q, want %q", read.Missing, want)
	}
}

func TestATreeThatCannotBeReadIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		lay    func(root string) error
		follow bool
		want   string
	}{
		"a link out":                  {func(root string) error { return os.Symlink("../x", filepath.Join(root, "l")) }, false, `"../x"`},
		"an absolute link":            {func(root string) error { return os.Symlink(root, filepath.Join(root, "l")) }, false, "leads out"},
		"a link out by way of a link": {escape, false, "leads out"},
		"a loop":                      {func(root string) error { return os.Symlink(".", filepath.Join(root, "l")) }, true, "lead back"},
		"a link to itself":            {func(root string) error { return os.Symlink("l", filepath.Join(root, "l")) }, true, "symbolic links"},
		"a pipe":                      {func(root string) error { return unix.Mkfifo(filepath.Join(root, "p"), 0o600) }, false, "a named pipe"},
		"a link to a device":          {func(root string) error { return os.Symlink("/dev/null", filepath.Join(root, "l")) }, true, "a device"},
	} {
		root := t.TempDir()
		if err := c.lay(root); err != nil {
			t.Fatal(err)
		}
		if _, err := readTreeOf(root, hashing.TreeOptions{Follow: c.follow}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
	if _, err := readTreeOf(filepath.Join(t.TempDir(), "none"), hashing.TreeOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
}

// escape lays links whose text stays inside and which lead out: a/up is the root, so a/up/.. is above it.
func escape(root string) error {
	return errors.Join(os.Mkdir(filepath.Join(root, "a"), 0o755), os.Symlink("..", filepath.Join(root, "a/up")),
		os.Symlink("up/../x", filepath.Join(root, "a/out")))
}

func TestSkippedAndExcludedPathsAreNotRead(t *testing.T) {
	root := t.TempDir()
	lay(t, root, "a", "b", "c/d", "e/f", "e/g")
	if err := unix.Mkfifo(filepath.Join(root, "c/pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	read := mustRead(t, root, hashing.TreeOptions{
		Skip:    func(rel string, isDir bool) bool { return rel == "c" && isDir || rel == "a" && !isDir },
		Exclude: []string{"e/f", "x/"},
	})
	if want := (hashing.Tree{file("b", ""), folder("e"), file("e/g", "")}); !reflect.DeepEqual(read.Tree, want) {
		t.Errorf("%+v, want %+v", read.Tree, want)
	}
	if _, err := readTreeOf(root, hashing.TreeOptions{Exclude: []string{"["}}); err == nil {
		t.Error("a pattern that is none was taken")
	}
}

func TestATreeFindsItsEntries(t *testing.T) {
	tree := hashing.Tree{folder("d"), file("d/f", "x"), file("e", "y")}
	if e, ok := tree.Find("d/f"); !ok || e != tree[1] {
		t.Errorf("%v, %t", e, ok)
	}
	if e, ok := tree.Find("d/g"); ok {
		t.Errorf("%v", e)
	}
}

// TestHostileTreesAreRefused holds encodings that no folder has.
func TestHostileTreesAreRefused(t *testing.T) {
	huge := "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
	dirEntry := func(path string) string { return "d" + string(rune(len(path))) + path }
	encodings := map[string]string{
		"nothing": "", "another version": "\x02\x00", "no entries": "\x01\x01", "bytes behind": "\x01\x00x", "a huge number": "\x01" + huge,
		"an unknown kind": "\x01\x01z\x01a", "a file without digest": "\x01\x01f\x01a", "a link to nothing": "\x01\x01l\x01a\x00",
		"a link with a zero byte": "\x01\x01l\x01a\x01\x00", "a size beyond": "\x01\x01f\x01a" + strings.Repeat("d", 32) + huge,
		"out of order": "\x01\x02" + dirEntry("b") + dirEntry("a"), "twice": "\x01\x02" + dirEntry("a") + dirEntry("a"),
	}
	for _, p := range []string{"", ".", "..", "../a", "/a", "a/", "a//b", "a/../b", "./a", "a\x00b", "a/..", "a/."} {
		encodings["the path "+p] = "\x01\x01" + dirEntry(p)
	}
	for name, b := range encodings {
		if tree, err := hashing.DecodeTree([]byte(b)); !errors.Is(err, hashing.ErrTree) {
			t.Errorf("%s: %v, %v", name, tree, err)
		}
	}
}

func TestCheckRefusesWhatCalyxNeverWrites(t *testing.T) {
	for name, tree := range map[string]hashing.Tree{
		"a name twice":                {file("a", ""), linked("a", "b")},
		"below a file":                {file("a", ""), file("a/b", "")},
		"below a link":                {linked("a", "c"), file("a/b", ""), folder("c")},
		"no parent":                   {file("a/b", "")},
		"a link out":                  {linked("a", "../b")},
		"an absolute link":            {linked("a", "/b")},
		"a link out by way of a link": {folder("a"), linked("a/out", "up/../x"), linked("a/up", "..")},
		"two links out together":      {linked("a", "b/.."), linked("b", "c/d"), folder("c"), linked("c/d", "../..")},
	} {
		if err := tree.Check(); err == nil {
			t.Errorf("%s was let through", name)
		}
	}
	inside := hashing.Tree{folder("a"), linked("a/l", "up/b/./"), linked("a/up", "../"), folder("b"), linked("loop", "loop/x"), linked("self", ".")}
	if err := inside.Check(); err != nil {
		t.Error(err)
	}
}

func TestAListingTellsNamesAndWhatTheyAre(t *testing.T) {
	root := t.TempDir()
	digest := func() hashing.Digest {
		t.Helper()
		l, err := hashing.List(root, now)
		if err != nil {
			t.Fatal(err)
		}
		return l.Digest
	}
	at := func(name string) string { return filepath.Join(root, name) }
	seen := map[hashing.Digest]string{}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"empty", func() error { return nil }},
		{"a file", func() error { return os.WriteFile(at("a"), nil, 0o600) }},
		{"another", func() error { return os.WriteFile(at("b"), nil, 0o600) }},
		{"a folder instead", func() error { return errors.Join(os.Remove(at("b")), os.Mkdir(at("b"), 0o700)) }},
		{"a link instead", func() error { return errors.Join(os.Remove(at("b")), os.Symlink("a", at("b"))) }},
		{"to elsewhere", func() error { return errors.Join(os.Remove(at("b")), os.Symlink("c", at("b"))) }},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		d := digest()
		if before, twice := seen[d]; twice {
			t.Errorf("%s: the digest is that of %q", step.name, before)
		}
		seen[d] = step.name
	}
	before := digest()
	write(t, at("a"), "content")
	write(t, at("z"), "")
	if err := os.Remove(at("z")); err != nil {
		t.Fatal(err)
	}
	if digest() != before {
		t.Error("the digest counts more than names")
	}
}
