package gitindex_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/executor/gitindex"
)

// repository is one with a few files, some of them with long names that begin alike.
type repository struct {
	t    *testing.T
	root string
}

func newRepository(t *testing.T, version string) *repository {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not there")
	}
	r := &repository{t, t.TempDir()}
	r.git("init", "-q")
	for _, name := range []string{"a", "a.txt", "dir/one", "dir/" + strings.Repeat("long", 60) + "/x", "dir/" + strings.Repeat("long", 60) + "/y", "z"} {
		r.write(name, name)
	}
	r.git("add", "-A")
	r.git("update-index", "--index-version", version)
	return r
}

func (r *repository) git(args ...string) {
	r.t.Helper()
	c := exec.Command("git", args...)
	c.Dir = r.root
	c.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME="+r.root)
	if out, err := c.CombinedOutput(); err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func (r *repository) write(name, text string) {
	r.t.Helper()
	at := filepath.Join(r.root, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o666); err != nil {
		r.t.Fatal(err)
	}
}

func (r *repository) index() []byte {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.root, ".git", "index"))
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

func (r *repository) entries() []byte {
	r.t.Helper()
	entries, ok := gitindex.Entries(r.index())
	if !ok {
		r.t.Fatal("the index of git is not understood")
	}
	return entries
}

func TestEntriesAreWhatGitTracks(t *testing.T) {
	for _, version := range []string{"2", "4"} {
		t.Run(version, func(t *testing.T) {
			r := newRepository(t, version)
			index, entries := r.index(), r.entries()

			r.write("new", "") // an inode of its own for what has the same content
			if err := os.Rename(filepath.Join(r.root, "new"), filepath.Join(r.root, "a.txt")); err != nil {
				t.Fatal(err)
			}
			r.write("a.txt", "a.txt")
			r.git("update-index", "--refresh")
			if bytes.Equal(r.index(), index) {
				t.Fatal("git noted nothing new")
			}
			if !bytes.Equal(r.entries(), entries) {
				t.Error("the entries are others after git only noted how the files look")
			}

			for _, change := range [][]string{
				{"update-index", "--chmod=+x", "z"},
				{"rm", "-q", "--cached", "a"},
				{"add", "--intent-to-add", "a"}, // has more flags
				{"update-index", "--skip-worktree", "z"},
				{"update-index", "--add", "--cacheinfo", "100644,e69de29bb2d1d6434b8b29ae775ad8c2e48c5391,dir/two"},
			} {
				r.git(change...)
				now := r.entries()
				if bytes.Equal(now, entries) {
					t.Errorf("the entries are the same after git %v", change)
				}
				entries = now
			}
		})
	}
}

func TestDamagedIndicesAreNone(t *testing.T) {
	r := newRepository(t, "4")
	whole := r.index()
	end := bytes.LastIndex(whole, []byte("z\x00"))
	for n := range end {
		if _, ok := gitindex.Entries(whole[:n]); ok {
			t.Fatalf("the first %d bytes of an index are taken for one", n)
		}
	}
	for _, text := range []string{"", "DIRC", "DIRC\x00\x00\x00\x05\x00\x00\x00\x00", "XIRC\x00\x00\x00\x02\x00\x00\x00\x00", "DIRC\x00\x00\x00\x02\xff\xff\xff\xff"} {
		if _, ok := gitindex.Entries([]byte(text)); ok {
			t.Errorf("%q is taken for an index", text)
		}
	}
}

// The entries of a split index are in two files.
func TestSplitIndicesAreNone(t *testing.T) {
	r := newRepository(t, "2")
	r.git("update-index", "--split-index")
	if _, ok := gitindex.Entries(r.index()); ok {
		t.Error("a part of an index is taken for one")
	}
}

func FuzzEntries(f *testing.F) {
	head := "DIRC\x00\x00\x00\x02\x00\x00\x00\x01"
	entry := strings.Repeat("\x01", 60)
	f.Add([]byte(head + entry + "\x00\x01a\x00"))
	f.Add([]byte(head[:7] + "\x04" + head[8:] + entry + "\x00\x01\x00a\x00"))
	f.Add([]byte(head[:7] + "\x03" + head[8:] + entry + "\x40\x01\x20\x00a\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, index []byte) {
		entries, ok := gitindex.Entries(index)
		if !ok {
			return
		}
		// What files looked like is no part of it.
		if len(entries) > 0 && len(index) > 12+24 {
			other := bytes.Clone(index)
			for i := 12; i < 12+24; i++ {
				other[i] ^= 0x55
			}
			if again, ok := gitindex.Entries(other); !ok || !bytes.Equal(again, entries) {
				t.Errorf("the entries hang on how the first file looked")
			}
		}
	})
}
