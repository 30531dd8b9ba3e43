package memory

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

const supported = true

// used is the memory of a process's group and session in bytes. What forked processes share is counted for each of them at
// first, which is cheap; where that is more than enough, the system has to say what it comes to.
func used(leader int, enough int64) int64 {
	pids := members(leader)
	if n := sum(pids, "status", "RssAnon:"); n <= enough {
		return n
	}
	return sum(pids, "smaps_rollup", "Pss_Anon:")
}

// members are the processes of a group or session, by the fields of /proc/PID/stat (proc(5)) that follow the name, which may
// hold anything.
func members(leader int) (pids []string) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	want := strconv.Itoa(leader)
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it has just ended
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) > 3 && (fields[2] == want || fields[3] == want) {
			pids = append(pids, e.Name())
		}
	}
	return pids
}

// sum adds up a line of a file about each process, in bytes.
func sum(pids []string, file, label string) (total int64) {
	for _, pid := range pids {
		text, err := os.ReadFile("/proc/" + pid + "/" + file)
		if err != nil {
			continue
		}
		_, rest, found := strings.Cut(string(text), "\n"+label)
		if kib := strings.Fields(rest); found && len(kib) > 0 {
			n, _ := strconv.ParseInt(kib[0], 10, 64)
			total += n << 10
		}
	}
	return total
}
