//go:build linux && (amd64 || arm64)

package watch_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/command/watch"
)

// watched runs a program in root and returns how it ended and what it did.
func watched(t testing.TB, root string, argv ...string) (syscall.WaitStatus, []executor.Access, error) {
	t.Helper()
	return watchedBy(t, starter(t), root, argv...)
}

// starter starts programs until the test has ended. Where none can be watched, the test is skipped.
func starter(t testing.TB) *watch.Starter {
	t.Helper()
	s := &watch.Starter{}
	if err := s.Usable(); err != nil {
		t.Skip("programs cannot be watched here: ", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func watchedBy(t testing.TB, s *watch.Starter, root string, argv ...string) (syscall.WaitStatus, []executor.Access, error) {
	t.Helper()
	return watchedIn(t, s, root, root, argv...)
}

// watchedIn runs a program in dir.
func watchedIn(t testing.TB, s *watch.Starter, dir, root string, argv ...string) (syscall.WaitStatus, []executor.Access, error) {
	t.Helper()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		t.Fatal(err)
	}
	w := watch.New(root)
	pid, err := s.Start(w, path, argv, attributes(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
		t.Fatal(err)
	}
	all, err := w.Accesses()
	return status, all, err
}

// attributes start a program in root that reads and prints nothing, except for errors.
func attributes(t testing.TB, root string) *syscall.ProcAttr {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = null.Close() })
	return &syscall.ProcAttr{Dir: root, Env: os.Environ(), Files: []uintptr{null.Fd(), null.Fd(), 2}}
}

// describe writes what was done within root: path, what was seen, and a star where it was changed.
func describe(root string, all []executor.Access) []string {
	var lines []string
	for _, a := range all {
		rel, ok := strings.CutPrefix(a.Path, root+"/")
		if !ok {
			continue
		}
		line := rel + " "
		for i, letter := range "cslni" {
			if a.Saw&(1<<i) != 0 {
				line += string(letter)
			}
		}
		if a.Changed {
			line += "*"
		}
		lines = append(lines, line)
	}
	return lines
}

func write(t testing.TB, root, name, text string) {
	t.Helper()
	at := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o777); err != nil {
		t.Fatal(err)
	}
}

func folder(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// interpreter is the path of Python itself: what PATH names may be a script that looks at files of its own.
func interpreter(t testing.TB) string {
	t.Helper()
	path, err := exec.Command("python3", "-c", "import sys; print(sys.executable, end='')").Output()
	if err != nil {
		t.Skip("no Python: ", err)
	}
	return string(path)
}
