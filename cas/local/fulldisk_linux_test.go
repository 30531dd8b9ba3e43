package local_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/local"
)

// TestFullDisk fills a small disk and a very small one through a server, frees it, and goes on.
func TestFullDisk(t *testing.T) {
	for _, size := range []string{"96m", "12m"} {
		t.Run(size, func(t *testing.T) { fullDisk(t, size) })
	}
}

func fullDisk(t *testing.T, size string) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a small disk takes root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	dir := filepath.Join(disk, "cache")
	s := connect(t, dir, silent)
	defer closeStore(t, s)
	committed := fillDisk(t, s, dir, func(n int) error {
		_, err := cas.Commit(context.Background(), s, cas.Txn{Put: []cas.Row{numbered(n)}})
		return err
	})
	if committed == 0 {
		t.Error("nothing was written")
	}
	ballast := filepath.Join(disk, "ballast")
	fillDisk(t, s, ballast, func(int) error {
		file, err := os.OpenFile(ballast, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		_, err = file.Write(make([]byte, 1<<20))
		return errors.Join(err, file.Close())
	})
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutFile(context.Background(), large); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), dir) {
		t.Errorf("error = %v, want one that wraps ENOSPC and names the folder", err)
	}
	local.KillServer(t, dir)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	expectNumbered(t, s, committed)
}

// fillDisk writes until the disk is full, and returns how often that went well.
func fillDisk(t *testing.T, s cas.Store, name string, write func(n int) error) int {
	t.Helper()
	for n := 0; ; n++ {
		err := write(n)
		if err == nil {
			continue
		}
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), name) {
			t.Fatalf("error = %v, want one that wraps ENOSPC and names %q", err, name)
		}
		expectNumbered(t, s, 0)
		return n
	}
}

func numbered(n int) cas.Row {
	return cas.Row{Key: []byte{'n', byte(n >> 8), byte(n)}, Value: make([]byte, 1<<20)}
}

func expectNumbered(t *testing.T, s cas.Store, n int) {
	t.Helper()
	for i := range n {
		rows, err := s.Rows(context.Background(), numbered(i).Key)
		if err != nil || len(rows[0]) != 1<<20 {
			t.Fatalf("row %d was committed, and now it has %d bytes (%v)", i, len(rows[0]), err)
		}
	}
}
