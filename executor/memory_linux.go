package executor

import "golang.org/x/sys/unix"

// TotalMemory is the machine's memory in bytes: the budget that `mem` draws on.
func TotalMemory() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 1 << 40
	}
	return int64(info.Totalram) * int64(info.Unit)
}
