//go:build linux && (amd64 || arm64)

package watch_test

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

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

// BenchmarkWatch runs programs watched and not. Beside the time it reports the processor time of both sides: on a machine with
// other work that is the one to compare.
func BenchmarkWatch(b *testing.B) {
	s := starter(b)
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
		measure(b, w.name+"/watched", func() (int, func(), error) {
			w := watch.New(root)
			pid, err := s.Start(w, argv[0], argv, attributes(b, root))
			return pid, func() { _, _ = w.Accesses() }, err
		})
		measure(b, w.name+"/plain", func() (int, func(), error) {
			pid, err := syscall.ForkExec(argv[0], argv, attributes(b, root))
			return pid, func() {}, err
		})
	}
}

// measure runs programs one after the other; start returns what follows the end of one.
func measure(b *testing.B, name string, start func() (int, func(), error)) {
	b.Run(name, func(b *testing.B) {
		before := processorTime(b)
		for b.Loop() {
			pid, then, err := start()
			if err != nil {
				b.Fatal(err)
			}
			var status syscall.WaitStatus
			if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil || status != 0 {
				b.Fatal(status, err)
			}
			then()
		}
		b.ReportMetric((processorTime(b)-before).Seconds()*1000/float64(b.N), "cpu-ms/op")
	})
}

func processorTime(b *testing.B) time.Duration {
	var total time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		total += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return total
}
