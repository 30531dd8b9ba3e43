//go:build !linux

package command

// rssUnit is the unit in which the system counts the largest memory of a process: bytes.
const rssUnit = 1
