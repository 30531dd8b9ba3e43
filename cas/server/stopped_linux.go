package server

import (
	"bytes"
	"os"
	"strconv"
)

// isStopped reports whether a process is stopped, by a signal or for a debugger: by the field of /proc/PID/stat (proc(5)) that follows the
// name, which may hold anything.
func isStopped(pid int) bool {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat") // nothing where it has ended
	state := bytes.TrimPrefix(text[bytes.LastIndexByte(text, ')')+1:], []byte(" "))
	return bytes.HasPrefix(state, []byte("T")) || bytes.HasPrefix(state, []byte("t"))
}
