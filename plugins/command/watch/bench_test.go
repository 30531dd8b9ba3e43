//go:build linux && (amd64 || arm64)

package watch_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/calyx-build/calyx/plugins/command/watch"
)

// workloads are what watching is measured with: a start that opens and looks for many files, and one that computes.
var workloads = []struct {
	name string
	argv []string
}{
	{"imports", []string{"python3", "-c", "import json,http.client,email,asyncio,unittest"}},
	{"arithmetic", []string{"python3", "-c", "x = 0\nfor i in range(1_000_000): x += i * i"}},
	{"true", []string{"/bin/true"}},
}

func BenchmarkWatch(b *testing.B) {
	s := &watch.Starter{}
	if err := s.Usable(); err != nil {
		b.Skip("programs cannot be watched here: ", err)
	}
	root := folder(b)
	for _, w := range workloads {
		argv := w.argv
		if argv[0] == "python3" {
			python, err := exec.Command("python3", "-c", "import sys; print(sys.executable, end='')").Output()
			if err != nil {
				b.Log("no Python: ", err)
				continue
			}
			argv = append([]string{string(python)}, argv[1:]...)
		}
		b.Run(w.name+"/watched", func(b *testing.B) {
			for b.Loop() {
				if status, _, err := watchedBy(b, s, root, argv...); err != nil || status != 0 {
					b.Fatal(status, err)
				}
			}
		})
		b.Run(w.name+"/plain", func(b *testing.B) {
			null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				pid, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{Dir: root, Env: os.Environ(), Files: []uintptr{null.Fd(), null.Fd(), 2}})
				if err != nil {
					b.Fatal(err)
				}
				var status syscall.WaitStatus
				if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil || status != 0 {
					b.Fatal(status, err)
				}
			}
		})
	}
}
