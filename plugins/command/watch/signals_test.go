//go:build linux && (amd64 || arm64)

package watch_test

import (
	"os/exec"
	"testing"
)

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
