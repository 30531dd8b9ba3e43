package hashing_test

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/hashing"
)

// lay writes empty files under root.
func lay(t testing.TB, root string, files ...string) {
	t.Helper()
	for _, f := range files {
		write(t, filepath.Join(root, f), "")
	}
}

func link(t testing.TB, target, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func glob(t testing.TB, root, pattern string, o hashing.GlobOptions) *hashing.GlobRead {
	t.Helper()
	o.Clock = now
	got, err := hashing.Glob(context.Background(), root, pattern, o)
	if err != nil {
		t.Fatalf("%s: %v", pattern, err)
	}
	return got
}

// dirs are the folders that were listed, from root.
func dirs(t testing.TB, root string, read []hashing.DirRead) (names []string) {
	t.Helper()
	for _, d := range read {
		rel, err := filepath.Rel(root, d.Path)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, rel)
	}
	return names
}

var globFiles = []string{
	"a.go", "b.txt", ".hidden", "x/a.go", "x/y/a.go", "x/y/z/b.go", "a/x/a.go", "a/a/a.go", "q/w.md", "n\nn/\xff.go", "-/[x].go", "{b,c}/d.go", "x/{y}/*.go",
}

func TestGlobMatchesLikeDoublestar(t *testing.T) {
	root := t.TempDir()
	lay(t, root, globFiles...)
	segments := rapid.SampledFrom([]string{"**", "*", "a", "x", "y", "a.go", "*.go", "?", "{a,x}", "{x/y,q}", "[a-q]", "[!x]", "{x,{a/a,a/x}}", "n*", `\[x\].go`, `\{b,c\}`, "{a.go,y/**}", "[{].go", "{*,x/*}.go"})
	patterns := rapid.Map(rapid.SliceOfN(segments, 1, 4), func(s []string) string { return strings.Join(s, "/") })
	rapid.Check(t, func(rt *rapid.T) {
		pattern, exclude := patterns.Draw(rt, "pattern"), rapid.SliceOfN(patterns, 0, 1).Draw(rt, "exclude")
		want, err := doublestar.Glob(os.DirFS(root), pattern, doublestar.WithFilesOnly())
		if err != nil {
			rt.Fatal(err)
		}
		want = slices.DeleteFunc(want, func(f string) bool { return covered(exclude, f) })
		slices.Sort(want)
		want = slices.Compact(want)
		if got := glob(t, root, pattern, hashing.GlobOptions{Exclude: exclude}); !slices.Equal(got.Paths, want) {
			rt.Fatalf("%s without %q: %q, want %q", pattern, exclude, got.Paths, want)
		}
	})
}

// covered reports whether a pattern matches the path or a folder that it is in.
func covered(patterns []string, p string) bool {
	for ; p != "."; p = path.Dir(p) {
		if slices.ContainsFunc(patterns, func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, p) }) {
			return true
		}
	}
	return false
}

func TestGlobListsOnlyWhatCanMatch(t *testing.T) {
	root := t.TempDir()
	lay(t, root, "a.go", "x/a.go", "x/y/a.go", "x/y/z/b.go", "a/x/a.go", "q/w.md")
	for pattern, want := range map[string][]string{
		"*.go":        {"."},
		"x/*.go":      {"x"},
		"*/*.go":      {".", "a", "q", "x"},
		"x/**/b.go":   {"x", "x/y", "x/y/z"},
		"{x/y,a/x}/*": {"a/x", "x/y"},
		"?/y/*":       {".", "a", "q", "x", "x/y"},
	} {
		if got := dirs(t, root, glob(t, root, pattern, hashing.GlobOptions{}).Dirs); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
}

func TestGlobSkipsFolders(t *testing.T) {
	root := t.TempDir()
	lay(t, root, "a.go", "x/a.go", "y/a.go")
	got := glob(t, root, "**", hashing.GlobOptions{Skip: func(rel string, isDir bool) bool { return rel == "x" && isDir || rel == "a.go" }})
	if !slices.Equal(got.Paths, []string{"y/a.go"}) || !slices.Equal(dirs(t, root, got.Dirs), []string{".", "y"}) {
		t.Errorf("%q in %q", got.Paths, dirs(t, root, got.Dirs))
	}
}

func TestGlobFollowsLinksAndSaysWhatIsMissing(t *testing.T) {
	root, other := t.TempDir(), t.TempDir()
	lay(t, root, "d/a.go")
	lay(t, other, "b.go")
	link(t, other, filepath.Join(root, "other"))
	link(t, "..", filepath.Join(root, "d/up"))
	link(t, "gone.go", filepath.Join(root, "d/dangling.go"))
	link(t, "loop.go", filepath.Join(root, "loop.go"))
	link(t, "gone", filepath.Join(root, "unrelated"))
	got := glob(t, root, "**/*.go", hashing.GlobOptions{})
	if want := []string{"d/a.go", "other/b.go"}; !slices.Equal(got.Paths, want) {
		t.Errorf("%q, want %q", got.Paths, want)
	}
	for _, missing := range []string{"d/dangling.go", "loop.go", "unrelated"} { // the last could become a folder
		if !slices.Contains(got.Missing, filepath.Join(root, missing)) {
			t.Errorf("%s is not among the missing %q", missing, got.Missing)
		}
	}
	got = glob(t, root, "none/below/*.go", hashing.GlobOptions{})
	if len(got.Paths) > 0 || !slices.Equal(got.Missing, []string{filepath.Join(root, "none/below")}) {
		t.Errorf("%q, missing %q", got.Paths, got.Missing)
	}
	if got := glob(t, "/nowhere", filepath.Join(other, "*.go"), hashing.GlobOptions{}); !slices.Equal(got.Paths, []string{filepath.Join(other, "b.go")}) {
		t.Errorf("absolute: %q", got.Paths)
	}
}

func TestGlobRefusesPatterns(t *testing.T) {
	for _, c := range []struct{ pattern, exclude string }{{"[", "x"}, {"x", "{"}, {strings.Repeat("{a/b,c}", 12), "x"}} {
		if _, err := hashing.Glob(context.Background(), t.TempDir(), c.pattern, hashing.GlobOptions{Exclude: []string{c.exclude}, Clock: now}); err == nil {
			t.Errorf("%q without %q was taken", c.pattern, c.exclude)
		}
	}
}
