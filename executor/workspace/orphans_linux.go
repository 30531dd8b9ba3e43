package workspace

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// endOrphans kills what a dead process started and left running: processes whose environment names its scratch folder as
// the place for temporary files. They would go on writing to outputs that the next build believes its own.
func endOrphans(scratch string) {
	mark := []byte("\x00TMPDIR=" + scratch + "/")
	for _, pid := range processesWith(mark) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
	}
	for range 100 {
		if len(processesWith(mark)) == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// processesWith finds the processes of this user whose environment holds the mark.
func processesWith(mark []byte) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		env, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err == nil && bytes.Contains(append([]byte{0}, env...), mark) {
			pids = append(pids, pid)
		}
	}
	return pids
}
