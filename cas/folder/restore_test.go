package folder_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/calyx-build/calyx/cas/folder"
	"github.com/calyx-build/calyx/hashing"
)

// TestWhatIsWrittenOver tells which files RestoreBytes writes over: whoever has one of the others open keeps what it was.
func TestWhatIsWrittenOver(t *testing.T) {
	small, shorter, large := []byte("some bytes"), []byte("few"), bytes.Repeat([]byte("x"), 5000)
	for name, c := range map[string]struct {
		old   []byte
		mode  os.FileMode
		new   []byte
		perm  uint32
		spare bool // nobody said that the old one need not be spared
		link  bool // it has another name
		over  bool
	}{
		"small":             {old: small, mode: 0o644, new: shorter, perm: 0o644, over: true},
		"growing":           {old: shorter, mode: 0o644, new: small, perm: 0o644, over: true},
		"to be spared":      {old: small, mode: 0o644, new: shorter, perm: 0o644, spare: true},
		"with another name": {old: small, mode: 0o644, new: shorter, perm: 0o644, link: true},
		"a program":         {old: small, mode: 0o755, new: shorter, perm: 0o755},
		"becomes a program": {old: small, mode: 0o644, new: shorter, perm: 0o755},
		"other permissions": {old: small, mode: 0o600, new: shorter, perm: 0o644},
		"large":             {old: large, mode: 0o644, new: small, perm: 0o644},
		"becomes large":     {old: small, mode: 0o644, new: large, perm: 0o644},
		"becomes empty":     {old: small, mode: 0o644, new: nil, perm: 0o644},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f, err := folder.Open(filepath.Join(dir, "cache"))
			path := filepath.Join(dir, "file")
			err = errors.Join(err, os.WriteFile(path, c.old, 0o600), os.Chmod(path, c.mode))
			if c.link {
				err = errors.Join(err, os.Link(path, filepath.Join(dir, "other")))
			}
			open, openErr := os.Open(path)
			if err := errors.Join(err, openErr); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = open.Close() }()
			said, err := f.RestoreBytes(c.new, path, c.perm, !c.spare)
			stat, statErr := hashing.Lstat(path)
			got, readErr := os.ReadFile(path)
			if err := errors.Join(err, statErr, readErr); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, c.new) || stat != said || stat.Mode&0o777 != c.perm {
				t.Errorf("it holds %d bytes and has the stat %+v; RestoreBytes said %+v", len(got), stat, said)
			}
			seen, err := io.ReadAll(open)
			if want := map[bool][]byte{true: c.new, false: c.old}[c.over]; err != nil || !bytes.Equal(seen, want) {
				t.Errorf("who had it open sees %d bytes, %v; want %d", len(seen), err, len(want))
			}
		})
	}
}
