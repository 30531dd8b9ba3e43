package reports

import (
	"os"
	"strconv"
	"strings"
)

// place names where process ids mean the same: this start of the machine, and this process's namespace.
func place() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + space
}

// birth returns when a process started, in ticks since the machine did; ok is false where it has ended.
func birth(pid int) (ticks uint64, ok bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false
	}
	// proc_pid_stat(5): the name may hold anything, so fields count from its last parenthesis: the state is the third, the
	// start the twenty-second.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return 0, false
	}
	ticks, err = strconv.ParseUint(fields[19], 10, 64)
	return ticks, err == nil
}
