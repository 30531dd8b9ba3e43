//go:build !linux

package executor

// totalMemory is the budget that `mem` draws on: unlimited where the system is not asked.
func totalMemory() int64 { return 1 << 50 }
