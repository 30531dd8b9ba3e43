//go:build linux && (amd64 || arm64)

package watch_test

import (
	"fmt"
	"io"
	"os"
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

// TestNamesSeenAgain runs programs that come to the same names again, when they lead elsewhere or for another purpose: within the
// root, and outside of it.
func TestNamesSeenAgain(t *testing.T) {
	s := starter(t)
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
		{"one name in two folders", `look("a"); os.chdir("in"); look("a"); os.chdir(".."); look("a"); look("a")`, []string{"a s", "in si", "in/a s"}},
		{"from the root and not", `look("b"); look(here + "/b"); read("b"); look(here + "/./in/../b"); look(here + "//b")`, []string{"b cs", "in i"}},
		{"below a descriptor", `at = os.open("in", os.O_PATH); os.stat("a", dir_fd=at); os.stat("a", dir_fd=at); os.access("none", os.R_OK, dir_fd=at)`, []string{"in s", "in/a s", "in/none s"}},
		{"listed again", `os.listdir("in"); os.listdir("in"); os.listdir("in/none") if os.path.exists("in/none") else None`, []string{"in cn", "in/none s"}},
		{"a folder that is not there", `look("none/of/these"); look("none/of"); look("none/of/these")`, []string{"none/of s", "none/of/these s"}},
		{"as if it were a folder", `look("b/"); look("b/."); look("in/"); look("in/.")`, []string{"b s", "in s"}},
		{"at the end of a page", `access(page, "b"); access(page, here + "/in/a")`, []string{"b s", "in/a s"}},
		{"over the end of a page", `access(page + 1, "b"); access(page + 5, here + "/in/a"); access(page + 2, "in/none")`, []string{"b s", "in/a s", "in/none s"}},
		{"where no memory is", `access(3 * page, "")`, nil},
		{"long", `look("./" * 1000 + "b"); look(here + "/." * 1000 + "/in/a"); look("in/" + "x" * 255); look("./" * 1000 + "b")`, []string{"b s", "in/a s", "in/" + strings.Repeat("x", 255) + " s"}},
		{"too long", `look("./" * 3000 + "b"); look("in/a")`, []string{"in/a s"}},
		{"two that change places", `exchange("b", "in/a"); read("b"); read("in/a")`, []string{"b c*", "in/a c*"}},
		{"within a folder as the root", `within("in", "/a"); within("in", "../../a"); within("in", "/none"); look("in/a")`, []string{"in s", "in/a cs", "in/none c"}},
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

// TestRoots runs a program one of whose processes goes to a root of its own, in which there is an absolute link.
func TestRoots(t *testing.T) {
	const denied = 77
	root := folder(t)
	write(t, root, "in/a", "a")
	write(t, root, "b", "b")
	if err := os.Symlink("/a", filepath.Join(root, "in/ln")); err != nil {
		t.Fatal(err)
	}
	status, all, err := watched(t, root, interpreter(t), "-I", "-S", "-B", "-c", helpers+`
look(here + "/b")
child = os.fork()
if not child:
    try:
        os.chroot("in")
    except PermissionError:
        os._exit(1)
    for name in "/a", "/ln", "/../none", here + "/b":
        read(name)
    os._exit(0)
if os.waitpid(child, 0)[1]:
    os._exit(77)
read(here + "/b")
`)
	if status.ExitStatus() == denied {
		t.Skip("a program cannot go to a root of its own here")
	}
	if err != nil || status != 0 {
		t.Fatalf("status %v, error %v", status, err)
	}
	want := []string{"b cs", "in s", "in/a c", "in/ln l", "in/none c", "in" + root + "/b c"}
	slices.Sort(want)
	if got := describe(root, all); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
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

def exchange(one, other):
    if libc.renameat2(-100, one.encode(), -100, other.encode(), 2):
        raise SystemExit(1)

def within(root, name):
    "opens a file as if that folder were the root of all"
    at, how = os.open(root, os.O_PATH), (ctypes.c_uint64 * 3)(0, 0, 0x10)
    libc.syscall(437, at, name.encode(), how, ctypes.c_size_t(ctypes.sizeof(how)))
    os.close(at)

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

// TestChangedAfterwards lets somebody else change a file as soon as the program has read it: what is said to have stood there before is not
// what stands there now.
func TestChangedAfterwards(t *testing.T) {
	s := starter(t)
	for _, place := range []string{"root", "root/.calyx", "elsewhere"} {
		dir := folder(t)
		at := filepath.Join(dir, place, "file")
		write(t, dir, filepath.Join(place, "file"), "old")
		in, goOn := pipe(t)
		said, out := pipe(t)
		w := watch.New(filepath.Join(dir, "root"))
		attr := &syscall.ProcAttr{Dir: dir, Env: os.Environ(), Files: []uintptr{in.Fd(), out.Fd(), 2}}
		pid, err := s.Start(w, "/bin/sh", []string{"sh", "-c", `cat "$0" && read -r line`, at}, attr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(said, make([]byte, 3)); err != nil {
			t.Fatal(err)
		}
		write(t, dir, filepath.Join(place, "file"), "new")
		if _, err := goOn.WriteString("\n"); err != nil {
			t.Fatal(err)
		}
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil || status != 0 {
			t.Fatal(status, err)
		}
		all, err := w.Accesses()
		if err != nil {
			t.Fatal(err)
		}
		now, err := hashing.Lstat(at)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(all, func(a executor.Access) bool { return a.Path == at })
		if i < 0 || all[i].Saw != executor.SawContent || !all[i].Before.IsRegular() || all[i].Before == now {
			t.Errorf("in %s: of %v was seen %+v", place, now, all[max(i, 0)])
		}
	}
}

func pipe(t *testing.T) (from, to *os.File) {
	t.Helper()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = from.Close(), to.Close() })
	return from, to
}
