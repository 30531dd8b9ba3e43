//go:build linux && (amd64 || arm64)

package watch_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/calyx-build/calyx/plugins/command/watch"
)

// TestProgramsOfAllKinds runs programs that open files in the ways of their languages: from threads and children, without the
// C library, by vfork and by execve.
func TestProgramsOfAllKinds(t *testing.T) {
	for _, tt := range []struct{ name, tool, file, program string }{
		{"Go, static", "go", "main.go", goProgram},
		{"Python, threads and children", "python3", "main.py", pythonProgram},
		{"Node, asynchronous", "node", "main.js", nodeProgram},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tool, err := exec.LookPath(tt.tool)
			if err != nil {
				t.Skip(err)
			}
			root := folder(t)
			for _, name := range []string{"a", "b", "c"} {
				write(t, root, name, name)
			}
			write(t, root, tt.file, tt.program)
			argv := []string{tool, tt.file}
			if tt.tool == "go" {
				argv = []string{compiled(t, root, tt.file, runtime.GOARCH)}
			}
			status, all, err := watched(t, root, argv...)
			if err != nil || status != 0 {
				t.Fatalf("status %v, error %v", status, err)
			}
			got := strings.Join(describe(root, all), "\n") + "\n"
			for _, want := range []string{"a c", "b c", "c c", "none "} {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not in\n%s", want, got)
				}
			}
		})
	}
}

// compiled builds a static program, outside the folder that is looked at.
func compiled(t *testing.T, root, file, arch string) string {
	t.Helper()
	at := filepath.Join(folder(t), "program")
	c := exec.Command("go", "build", "-o", at, file)
	c.Dir, c.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOARCH="+arch)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return at
}

const goProgram = `package main

import (
	"os"
	"os/exec"
	"sync"
)

func main() {
	var wg sync.WaitGroup
	for range 50 {
		for _, name := range []string{"a", "b"} {
			wg.Go(func() {
				if _, err := os.ReadFile(name); err != nil {
					panic(err)
				}
			})
		}
	}
	wg.Wait()
	if err := exec.Command("/bin/sh", "-c", "cat c").Run(); err != nil {
		panic(err)
	}
	if _, err := os.Stat("none"); err == nil {
		panic("there is none")
	}
}
`

const pythonProgram = `import os, subprocess, threading
thread = threading.Thread(target=lambda: open("a").read())
thread.start()
thread.join()
subprocess.run(["cat", "b"], check=True, stdout=subprocess.DEVNULL)
pid = os.posix_spawn("/bin/cat", ["cat", "c"], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
assert os.waitpid(pid, 0)[1] == 0
assert not os.path.exists("none")
`

const nodeProgram = `const fs = require("fs");
const { execFileSync } = require("child_process");
fs.readFileSync("a");
fs.promises.readFile("b").then(() => {
  execFileSync("cat", ["c"]);
  process.exit(fs.existsSync("none") ? 1 : 0);
});
`

// TestForeignProgramsAreTold runs a 32-bit program: its calls have other numbers.
func TestForeignProgramsAreTold(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil || runtime.GOARCH != "amd64" {
		t.Skip("there is nothing that makes one, or it does not run here")
	}
	root := folder(t)
	write(t, root, "main.go", "package main\n\nfunc main() {}\n")
	program := compiled(t, root, "main.go", "386")
	if err := exec.Command(program).Run(); err != nil {
		t.Skip("32-bit programs do not run here: ", err)
	}
	status, _, err := watched(t, root, "/bin/sh", "-c", program)
	if status != 0 || err == nil || !strings.Contains(err.Error(), "another processor") {
		t.Errorf("status %v, error %v", status, err)
	}
}

// TestEndings compares how programs end with how they end when nobody watches.
func TestEndings(t *testing.T) {
	for line, want := range map[string]syscall.WaitStatus{
		"exit 0": 0, "exit 7": 7 << 8, "kill -TERM $$": syscall.WaitStatus(syscall.SIGTERM), "kill -KILL $$": syscall.WaitStatus(syscall.SIGKILL),
	} {
		status, _, err := watched(t, folder(t), "/bin/sh", "-c", line)
		if err != nil || status != want {
			t.Errorf("%q ends with %v, %v, want %v", line, status, err, want)
		}
	}
}

func TestProgramsThatCannotBeStarted(t *testing.T) {
	s, root := starter(t), folder(t)
	write(t, root, "text", "no program")
	for path, want := range map[string]syscall.Errno{root + "/none": syscall.ENOENT, root: syscall.EACCES, root + "/text": syscall.ENOEXEC} {
		if _, err := s.Start(watch.New(root), path, []string{path}, attributes(t, root)); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", path, err, want)
		}
	}
}
