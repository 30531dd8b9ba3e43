package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// peakOf sums the largest memory, in bytes, of the processes that run this program now: those that a build left behind.
func peakOf(program string) int64 {
	program, err := filepath.EvalSymlinks(program)
	if err != nil {
		return 0
	}
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return 0
	}
	var sum int64
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == program {
			sum += highWater(filepath.Join(filepath.Dir(link), "status"))
		}
	}
	return sum
}

// highWater reads the line "VmHWM: N kB" of a process's status.
func highWater(status string) int64 {
	text, err := os.ReadFile(status)
	if err != nil {
		return 0 // it has ended
	}
	_, after, _ := bytes.Cut(text, []byte("VmHWM:"))
	number, _, _ := bytes.Cut(bytes.TrimSpace(after), []byte(" "))
	kib, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil {
		return 0
	}
	return kib * 1024
}
