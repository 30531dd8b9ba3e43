package state_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/calyx-build/calyx/graph/state"
)

// writerVariable makes the test program another process, which sets values of its own, one after the other.
const writerVariable = "CALYX_TEST_WRITER"

const setsPerWriter = 20

func TestMain(m *testing.M) {
	if who := os.Getenv(writerVariable); who != "" {
		s, err := state.Open("json:"+os.Args[1], os.Args[2])
		for i := 0; i < setsPerWriter && err == nil; i++ {
			_, err = s.Set("main", map[string]any{fmt.Sprintf("%s-%d", who, i): int64(i)})
		}
		if err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestProcessesLoseNoChangeOfOneAnother(t *testing.T) {
	// Two workspaces use one file, one of them through a link.
	file := filepath.Join(t.TempDir(), "shared.json")
	link := filepath.Join(t.TempDir(), "link.json")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i, path := range []string{file, link, file, link} {
		root := t.TempDir()
		group.Go(func() {
			c := exec.Command(os.Args[0], path, root)
			c.Env = append(os.Environ(), fmt.Sprintf("%s=w%d", writerVariable, i))
			if text, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, text)
			}
		})
	}
	group.Wait()
	s, err := state.Open("json:"+file, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	values, err := s.Values("main")
	if err != nil || len(values) != 4*setsPerWriter {
		t.Errorf("%d values, want %d; %v", len(values), 4*setsPerWriter, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info, err)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the file there are %v, %v", entries, err)
	}
}
