//go:build !linux || !(amd64 || arm64)

package hashing

func isLocal(int) bool { return false }

func localStat(dir int, name string, flags int) (Stat, error) { return rawStat(dir, name, flags) }
