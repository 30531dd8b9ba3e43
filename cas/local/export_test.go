package local

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/client"
	"github.com/calyx-build/calyx/cas/folder"
	"github.com/calyx-build/calyx/cas/index"
	"github.com/calyx-build/calyx/hashing"
)

// Damage flips a bit in the file of a blob, or in its row.
func Damage(t *testing.T, store cas.Store, d hashing.Digest) {
	t.Helper()
	s := store.(*Store)
	found, err := s.entries(context.Background(), []hashing.Digest{d}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if found[0].Kind == index.File {
		damageFile(t, s.folder.BlobPath(d))
		return
	}
	row := append([]byte(nil), found[0].row...)
	row[len(row)-1] ^= 1
	if _, err := s.index.Apply(context.Background(), []index.Txn{found[0].replaceBy(row)}); err != nil {
		t.Fatal(err)
	}
}

func damageFile(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// ServerPid returns the process that serves a folder, 0 where there is none.
func ServerPid(t testing.TB, dir string) int {
	t.Helper()
	f, err := folder.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := client.ServerPid(context.Background(), f)
	return pid
}

// KillServer kills the process that serves a folder, if there is one.
func KillServer(t testing.TB, dir string) {
	t.Helper()
	if pid := ServerPid(t, dir); pid != 0 {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
}
