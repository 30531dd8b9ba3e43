package hashing

import (
	"os"
	"strconv"
	"sync"
	"testing"
)

// TestWithOwnDescriptors runs f often enough that the first thread would have had its turn, whose table is the one that /proc/self/fd
// shows.
func TestWithOwnDescriptors(t *testing.T) {
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			WithOwnDescriptors(func() {
				if folder, err := OpenFolder("/"); err != nil || folder.Close() != nil {
					t.Error("a folder cannot be opened and closed")
				}
			})
		})
	}
	group.Wait()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if shown, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(f.Fd()))); err != nil || shown != f.Name() {
		t.Errorf("the process's descriptor leads to %q (%v), want %q", shown, err, f.Name())
	}
}
