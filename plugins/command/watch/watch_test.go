//go:build linux && (amd64 || arm64)

package watch_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/plugins/command/watch"
)

// watched runs a program in root and returns how it ended and what it did.
func watched(t testing.TB, root string, argv ...string) (syscall.WaitStatus, []executor.Access, error) {
	t.Helper()
	s := &watch.Starter{}
	if err := s.Usable(); err != nil {
		t.Skip("programs cannot be watched here: ", err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	return watchedBy(t, s, root, argv...)
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
	s := &watch.Starter{}
	if err := s.Usable(); err != nil {
		t.Skip("programs cannot be watched here: ", err)
	}
	root := folder(t)
	write(t, root, "text", "no program")
	for path, want := range map[string]syscall.Errno{root + "/none": syscall.ENOENT, root: syscall.EACCES, root + "/text": syscall.ENOEXEC} {
		if _, err := s.Start(watch.New(root), path, []string{path}, attributes(t, root)); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", path, err, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
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

// TestShellSights runs shell lines and compares what they did in their folder: c for content, s for status, l for a link,
// n for names, i for what it is itself, a star for what was changed.
func TestShellSights(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		want       []string
	}{
		{"nothing", ":", nil},
		{"a file is read", "read x < in/a", []string{"in/a c"}},
		{"a file is not there", "cat in/none 2> /dev/null || :", []string{"in/none c"}},
		{"a file is looked for", "test -e in/a; test -e in/none || :", []string{"in/a s", "in/none s"}},
		{"a folder is listed", "ls in > /dev/null", []string{"in csn"}},
		{"a link is followed", "cat ln > /dev/null", []string{"in/a c", "ln l"}},
		{"a link to a folder is followed", "cat dir/a > /dev/null", []string{"dir l", "in/a c"}},
		{"a link is asked for", "readlink ln > /dev/null", []string{"ln l"}},
		{"dots are resolved as the system does", "cat dir/../in/./a > /dev/null", []string{"dir l", "in/a c"}},
		{"elsewhere", "cd in && cat a > /dev/null && (cd .. && cat b > /dev/null)", []string{"b c", "in s", "in/a c"}},
		{"a folder that is gone into is not there", "cd none 2> /dev/null || :", []string{"none s"}},
		{"a link is gone through", "cd dir; cat a > /dev/null", []string{"dir l", "in s", "in/a c"}},
		{"whether it is a link", "test -L b; test -L ln", []string{"b i", "ln i"}},
		{"a file is made", "echo > out", []string{"out *"}},
		{"its own file is read", "echo > out; cat out > /dev/null", []string{"out *"}},
		{"a file is appended to", "echo >> b", []string{"b c*"}},
		{"a file is removed", "rm -f b", []string{"b i*"}},
		{"a file is moved", "mv b c", []string{"b c*", "c *"}},
		{"a folder is made", "mkdir d", []string{"d i*"}},
		{"a link is made", "ln -s b c && cat c > /dev/null", []string{"b c", "c i*"}},
		{"a script is run", "./run", []string{"b c", "run c"}},
		{"a script that was read is run", "cat ./named > /dev/null; ./named", []string{"named c", "sh l"}},
		{"a script is run that was another before", "./run; echo '#!./sh' > run; ./run", []string{"b c", "run c*", "sh l"}},
		{"one name for what is elsewhere later", "cat /proc/self/cwd/a 2> /dev/null; cd in; cat /proc/self/cwd/a > /dev/null", []string{"a c", "in s", "in/a c"}},
		{"links in a circle", "cat round/x 2> /dev/null || :", []string{"back l", "round l", "round/x c"}},
		{"in a pipeline", "cat b | cat in/a - | cat > /dev/null", []string{"b c", "in/a c"}},
		{"through a descriptor", "cat /dev/fd/4 4< b > /dev/null", []string{"b c"}},
		{"in the background", ": > done; (cat b > done &); while ! test -s done; do :; done", []string{"b c", "done *"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := folder(t)
			write(t, root, "in/a", "a\n")
			write(t, root, "b", "b\n")
			write(t, root, "run", "#!/bin/sh\ncat b > /dev/null\n")
			write(t, root, "named", "#!./sh\n")
			for link, to := range map[string]string{"ln": "in/a", "dir": "in", "sh": "/bin/sh", "round": "back/", "back": "./round"} {
				if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
					t.Fatal(err)
				}
			}
			status, all, err := watched(t, root, "/bin/sh", "-c", tt.line)
			if err != nil || status != 0 {
				t.Fatalf("status %v, error %v", status, err)
			}
			if got := describe(root, all); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
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

// TestNamesSeenAgain runs programs that come to the same names again, when they lead elsewhere or for another purpose: within the
// root, and outside of it.
func TestNamesSeenAgain(t *testing.T) {
	s := &watch.Starter{}
	if err := s.Usable(); err != nil {
		t.Skip("programs cannot be watched here: ", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	python := interpreter(t)
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"status, then content", `look("b"); look("b"); read("b"); read("b")`, []string{"b cs"}},
		{"a link followed and not", `look("ln"); os.lstat("ln"); os.readlink("ln"); os.lstat("ln")`, []string{"in/a s", "ln li"}},
		{"a link not followed, then followed", `os.lstat("ln"); read("ln")`, []string{"in/a c", "ln li"}},
		{"a link that must be none", `look("b"); refused("ln", os.O_NOFOLLOW)`, []string{"b s", "ln ci"}},
		{"a link into the folder above", `look("up/b"); look("up/c"); look("up/b")`, []string{"b s", "c s", "up l"}},
		{"replaced by a link", `look("b"); look("b"); os.unlink("b"); os.symlink("in/a", "b"); look("b")`, []string{"b s*", "in/a s"}},
		{"a link replaced by a file", `look("ln"); os.unlink("ln"); write("ln"); look("ln"); read("ln")`, []string{"in/a s", "ln l*"}},
		{"a folder's link replaced", `look("dir/a"); os.unlink("dir"); os.symlink(".", "dir"); look("dir/b"); look("dir/a")`, []string{"a s", "b s", "dir l*", "in/a s"}},
		{"a folder replaced by a link", `look("in/a"); os.rename("in", "old"); os.symlink(".", "in"); look("in/b"); look("in/a")`, []string{"a s", "b s", "in c*", "in/a s", "old *"}},
		{"removed", `look("b"); os.unlink("b"); look("b"); read("b")`, []string{"b s*"}},
		{"renamed", `look("b"); os.rename("b", "c"); look("b"); look("c")`, []string{"b cs*", "c *"}},
		{"made by itself", `look("c"); look("c"); write("c"); look("c"); read("c")`, []string{"c cs*"}},
		{"one name in two folders", `look("a"); os.chdir("in"); look("a"); os.chdir(".."); look("a"); look("a")`, []string{"a s", "in s", "in/a s"}},
		{"from the root and not", `look("b"); look(here + "/b"); read("b"); look(here + "/./in/../b"); look(here + "//b")`, []string{"b cs"}},
		{"below a descriptor", `at = os.open("in", os.O_PATH); os.stat("a", dir_fd=at); os.stat("a", dir_fd=at); os.access("none", os.R_OK, dir_fd=at)`, []string{"in s", "in/a s", "in/none s"}},
		{"listed again", `os.listdir("in"); os.listdir("in"); os.listdir("in/none") if os.path.exists("in/none") else None`, []string{"in cn", "in/none s"}},
		{"a folder that is not there", `look("none/of/these"); look("none/of"); look("none/of/these")`, []string{"none/of s", "none/of/these s"}},
		{"as if it were a folder", `look("b/"); look("b/."); look("in/"); look("in/.")`, []string{"b s", "in s"}},
		{"at the end of a page", `access(page, "b"); access(page, here + "/in/a")`, []string{"b s", "in/a s"}},
		{"over the end of a page", `access(page + 1, "b"); access(page + 5, here + "/in/a"); access(page + 2, "in/none")`, []string{"b s", "in/a s", "in/none s"}},
		{"where no memory is", `access(3 * page, "")`, nil},
		{"long", `look("./" * 1000 + "b"); look(here + "/." * 1000 + "/in/a"); look("in/" + "x" * 255); look("./" * 1000 + "b")`, []string{"b s", "in/a s", "in/" + strings.Repeat("x", 255) + " s"}},
		{"too long", `look("./" * 3000 + "b"); look("in/a")`, []string{"in/a s"}},
		{"from threads", threads, []string{"b s", "in/a s", "made i*", "t0 s", "t1 s", "t2 s", "t3 s", "t4 s", "t5 s", "t6 s", "t7 s"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, within := range []bool{true, false} {
				dir, root := folder(t), folder(t)
				if within {
					root = dir
				}
				write(t, dir, "in/a", "a")
				write(t, dir, "b", "b")
				for link, to := range map[string]string{"ln": "in/a", "dir": "in", "up": dir} {
					if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
						t.Fatal(err)
					}
				}
				status, all, err := watchedIn(t, s, dir, root, python, "-I", "-S", "-B", "-c", helpers+tt.text)
				if err != nil || status != 0 {
					t.Fatalf("status %v, error %v", status, err)
				}
				if got := describe(dir, all); !slices.Equal(got, tt.want) {
					t.Errorf("within the root %v: got %q, want %q", within, got, tt.want)
				}
				for _, a := range all {
					if a.Before == (hashing.Stat{}) && a.Path == dir+"/b" {
						t.Errorf("within the root %v: %+v", within, a)
					}
				}
			}
		})
	}
}

const helpers = `import ctypes, os, threading
here, page = os.getcwd(), os.sysconf("SC_PAGE_SIZE")
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]

def access(end, name):
    "asks for a name whose text ends there, in two pages behind which there is nothing"
    memory = libc.mmap(None, 3 * page, 3, 0x22, -1, 0)
    libc.mprotect(ctypes.c_void_p(memory + 2 * page), page, 0)
    text = name.encode() + b"\0"
    if name:
        ctypes.memmove(memory + end - len(text), text, len(text))
    libc.access(ctypes.c_void_p(memory + end - len(text)), 0)

def look(name):
    try:
        os.stat(name)
    except OSError:
        pass

def read(name):
    try:
        os.close(os.open(name, os.O_RDONLY))
    except OSError:
        pass

def write(name):
    os.close(os.open(name, os.O_WRONLY | os.O_CREAT))

def refused(name, flags):
    try:
        os.open(name, flags)
    except OSError:
        return
    raise SystemExit(1)

`

const threads = `
def work(number):
    for _ in range(200):
        look("b"); look(here + "/in/a"); look("t%d" % number)

all = [threading.Thread(target=work, args=[n]) for n in range(8)]
for thread in all: thread.start()
for _ in range(50):
    os.symlink("b", "made"); os.unlink("made")
for thread in all: thread.join()
`

// TestManyNames runs a program that comes to so many names that what is known of them is laid out anew, while memory is collected.
func TestManyNames(t *testing.T) {
	python, root := interpreter(t), folder(t)
	ended := make(chan struct{})
	var collected sync.WaitGroup
	collected.Go(func() {
		for {
			select {
			case <-ended:
				return
			default:
				runtime.GC()
			}
		}
	})
	status, all, err := watched(t, root, python, "-I", "-S", "-B", "-c", `import os
for _ in range(2):
    for n in range(3000):
        os.path.exists("d%d/%s" % (n % 7, n)); os.path.lexists("/none/%d" % n)
`)
	close(ended)
	collected.Wait()
	if err != nil || status != 0 {
		t.Fatalf("status %v, error %v", status, err)
	}
	got := map[string]executor.Sight{}
	for _, a := range all {
		got[a.Path] = a.Saw
	}
	for n := range 3000 {
		for p, want := range map[string]executor.Sight{fmt.Sprintf("%s/d%d/%d", root, n%7, n): executor.SawStatus, fmt.Sprintf("/none/%d", n): executor.SawItself} {
			if got[p] != want {
				t.Fatalf("of %q was seen %v", p, got[p])
			}
		}
	}
}

// TestLeftBehind lets a process go on when the program that started it has ended: its calls are answered and nothing is noted.
func TestLeftBehind(t *testing.T) {
	python, root := interpreter(t), folder(t)
	for _, name := range []string{"go", "done"} {
		if err := syscall.Mkfifo(filepath.Join(root, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(t, root, "main.py", `import os
open("go").read()
for n in range(5000):
    os.path.exists(str(n))
os.mkdir("made")
for n in range(5000):
    os.path.exists("made/%d" % n)
open("done", "w").write("all")
`)
	status, all, err := watched(t, root, "/bin/sh", "-c", python+" -I -S -B main.py &")
	if err != nil || status != 0 {
		t.Fatalf("status %v, error %v", status, err)
	}
	if err := os.WriteFile(filepath.Join(root, "go"), nil, 0); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "done"))
	if err != nil || string(text) != "all" {
		t.Fatalf("got %q, %v", text, err)
	}
	if got := describe(root, all); slices.Contains(got, "0 s") || slices.Contains(got, "made *") {
		t.Errorf("got %q", got)
	}
}

// handlers prints whether calls go on after a signal that is handled, as Python's handlers do not ask for.
const handlers = `
import ctypes, signal
def restarts(number):
    signal.signal(number, lambda *_: None)
    old = (ctypes.c_byte * 256)()
    ctypes.CDLL(None).sigaction(number, None, old)
    return bool(ctypes.c_int.from_buffer(old, 8 + 128).value & 0x10000000) # struct sigaction of glibc
always = sum(map(restarts, [signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGPROF, signal.SIGVTALRM]))
raise SystemExit(always + 10 * sum(map(restarts, [signal.SIGALRM, signal.SIGTERM, signal.SIGUSR1])))
`

// A call that waits to be noted is interrupted when a child ends, or a profiler's timer: it must not fail for that.
func TestASignalThatNothingWaitsForFailsNoCall(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	if err := exec.CommandContext(t.Context(), python, "-c", handlers).Run(); err != nil {
		t.Skip("Python's handlers let calls go on here: ", err)
	}
	if status, _, err := watched(t, t.TempDir(), python, "-c", handlers); err != nil || status.ExitStatus() != 5 {
		t.Errorf("status %v, error %v", status.ExitStatus(), err)
	}
}
