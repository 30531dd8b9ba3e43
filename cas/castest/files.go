package castest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

func testFiles(t *testing.T, suite Suite) {
	ctx := context.Background()

	t.Run("put a file and have its bytes", func(t *testing.T) {
		s := suite.open(t)
		for _, content := range everyBlob() {
			path := write(t, content)
			got, err := s.PutFile(ctx, path)
			check(t, err)
			if got.Digest != hashing.Sum(content) || got.Size != int64(len(content)) || got.Stat != statOf(t, path) {
				t.Errorf("PutFile of %d bytes = %s, %d, %+v", len(content), got.Digest, got.Size, got.Stat)
			}
			if small := len(content) <= cas.InlineLimit; small != (got.Inline != nil) {
				t.Errorf("PutFile of %d bytes returned %d of them", len(content), len(got.Inline))
			}
			if got.Inline != nil {
				put(t, s, got.Inline)
			}
			expectBlobs(t, s, []hashing.Digest{got.Digest}, [][]byte{content})
		}
	})

	t.Run("take a file", func(t *testing.T) {
		s := suite.open(t)
		for _, content := range everyBlob() {
			path := write(t, content)
			got, err := s.TakeFile(ctx, path)
			check(t, err)
			if got.Digest != hashing.Sum(content) || got.Size != int64(len(content)) {
				t.Errorf("TakeFile of %d bytes = %s, %d", len(content), got.Digest, got.Size)
			}
			if got.Inline != nil {
				put(t, s, got.Inline)
			}
			expectBlobs(t, s, []hashing.Digest{got.Digest}, [][]byte{content})
		}
	})

	t.Run("take a file that has another name", func(t *testing.T) {
		s := suite.open(t)
		content := bytes.Repeat([]byte("x"), cas.InlineLimit+1)
		path := write(t, content)
		other := path + "-other"
		check(t, os.Link(path, other))
		got, err := s.TakeFile(ctx, path)
		check(t, err)
		check(t, os.WriteFile(other, []byte("changed"), 0o600))
		expectBlobs(t, s, []hashing.Digest{got.Digest}, [][]byte{content})
	})

	t.Run("put what is not there", func(t *testing.T) {
		s := suite.open(t)
		if _, err := s.PutFile(ctx, filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("error = %v, want one that wraps os.ErrNotExist", err)
		}
	})

	t.Run("open", func(t *testing.T) {
		s := suite.open(t)
		for _, content := range everyBlob() {
			d := put(t, s, content)[0]
			for range 2 {
				path, err := s.Open(ctx, d)
				check(t, err)
				expectFile(t, path, content, 0o444)
			}
		}
		if _, err := s.Open(ctx, hashing.Sum([]byte("gone"))); !errors.Is(err, cas.ErrMissing) {
			t.Errorf("error = %v, want ErrMissing", err)
		}
	})

	t.Run("restore", func(t *testing.T) {
		s := suite.open(t)
		for i, content := range everyBlob() {
			d := put(t, s, content)[0]
			path := filepath.Join(t.TempDir(), "a name with\nstrange\xffbytes")
			if i%3 == 0 {
				check(t, os.WriteFile(path, []byte("older"), 0o600))
			}
			for _, perm := range []uint32{0o644, 0o755, 0o444, 0o666} {
				stat, err := s.Restore(ctx, d, path, perm)
				check(t, err)
				expectFile(t, path, content, os.FileMode(perm))
				if stat != statOf(t, path) {
					t.Errorf("Restore returned %+v, the file has %+v", stat, statOf(t, path))
				}
			}
			expectAlone(t, path)
			check(t, os.Chmod(path, 0o644))
			check(t, os.WriteFile(path, []byte("edited"), 0o644))
			expectBlobs(t, s, []hashing.Digest{d}, [][]byte{content})
		}
		if _, err := s.Restore(ctx, hashing.Sum([]byte("gone")), filepath.Join(t.TempDir(), "x"), 0o644); !errors.Is(err, cas.ErrMissing) {
			t.Errorf("error = %v, want ErrMissing", err)
		}
	})
}

func testRestoreAll(t *testing.T, suite Suite) {
	ctx := context.Background()
	s := suite.open(t)
	dir := t.TempDir()
	var files []cas.Restoration
	var contents [][]byte
	for i := range 300 {
		content := text(uint64(i%200), 1000*(i%200)) // up to the limits, some of them twice
		contents = append(contents, content)
		files = append(files, cas.Restoration{
			Digest: hashing.Sum(content), Path: filepath.Join(dir, fmt.Sprint(i)), Perm: []uint32{0o644, 0o755}[i%2],
		})
	}
	put(t, s, contents...)
	stats, err := s.RestoreAll(ctx, files...)
	check(t, err)
	for i, f := range files {
		expectFile(t, f.Path, contents[i], os.FileMode(f.Perm))
		if stats[i] != statOf(t, f.Path) {
			t.Errorf("file %d: RestoreAll returned %+v, it has %+v", i, stats[i], statOf(t, f.Path))
		}
	}
	files[250].Digest = hashing.Sum([]byte("gone"))
	if _, err := s.RestoreAll(ctx, files...); !errors.Is(err, cas.ErrMissing) || !strings.Contains(err.Error(), files[250].Digest.String()) {
		t.Errorf("error = %v, want one that wraps ErrMissing and names the blob", err)
	}
}

func write(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(path, content, 0o644))
	return path
}

func expectFile(t *testing.T, path string, content []byte, perm os.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	check(t, err)
	if !bytes.Equal(got, content) {
		t.Errorf("%q has %d bytes, want other %d", path, len(got), len(content))
	}
	info, err := os.Lstat(path)
	check(t, err)
	if info.Mode() != perm {
		t.Errorf("%q has mode %v, want %v", path, info.Mode(), perm)
	}
}

// expectAlone makes sure that the file is the only thing in its folder, and has only this name.
func expectAlone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	check(t, err)
	if len(entries) != 1 {
		t.Errorf("beside the restored file there is more: %v", entries)
	}
	info, err := os.Lstat(path)
	check(t, err)
	if links := info.Sys().(*syscall.Stat_t).Nlink; links != 1 {
		t.Errorf("the restored file has %d links, want 1", links)
	}
}

func statOf(t *testing.T, path string) hashing.Stat {
	t.Helper()
	stat, err := hashing.Lstat(path)
	check(t, err)
	return stat
}
