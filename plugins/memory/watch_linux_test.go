package memory_test

import (
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/calyx-build/calyx/plugins/memory"
)

// grows is a shell that holds 200 MB and goes on; in a child of its own, so that the group counts.
const grows = `(s=$(head -c 200000000 /dev/zero | tr "\\0" x); sleep 60) & wait`

func TestWatch(t *testing.T) {
	cmd := exec.Command("sh", "-c", grows)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	const limit = 64 << 20
	stop := memory.Watch(cmd.Process.Pid, func() int64 { return limit }, func(used, most int64) {
		if used <= limit || most != limit {
			t.Errorf("it is said to hold %d bytes of %d", used, most)
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	})
	defer stop()
	if err := cmd.Wait(); err == nil {
		t.Error("it ended by itself")
	}
}

// TestWithin watches a process that stays small until it has ended.
func TestWithin(t *testing.T) {
	cmd := exec.Command("sleep", "0.6")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	stop := memory.Watch(cmd.Process.Pid, func() int64 { asked.Add(1); return 64 << 20 }, func(used, _ int64) {
		t.Errorf("it is said to hold %d bytes", used)
	})
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	stop()
	if asked.Load() == 0 {
		t.Error("nobody looked")
	}
}
