package hashing_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/calyx-build/calyx/hashing"
)

func TestWhereChangesAreToldApartNoRecordIsRacy(t *testing.T) {
	dir := t.TempDir()
	clock, err := hashing.FileClock(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "f")
	write(t, path, "before")
	r, err := hashing.ReadRecord(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	if apart := hashing.TellsApart(r.Stat.Dev); r.Racy == apart {
		t.Fatalf("a file that was just written: racy %t, changes are told apart %t", r.Racy, apart)
	} else if !apart {
		return
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 5000 {
		if _, err := f.WriteAt([]byte("after!"), 0); err != nil {
			t.Fatal(err)
		}
		st, err := hashing.Lstat(path)
		if err != nil || st == r.Stat {
			t.Fatalf("a change left the stat %v as it was, %v", st, err)
		}
		r.Stat = st
	}
}
