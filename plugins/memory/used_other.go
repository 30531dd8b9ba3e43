//go:build !linux

package memory

const supported = false

func used(int, int64) int64 { return 0 }
