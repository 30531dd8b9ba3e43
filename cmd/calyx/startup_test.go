package main

import (
	"runtime"
	"testing"
)

// Every command line begins with making all the commands, so what they hold ready must be little. It is counted in bytes,
// which are the same on every machine.
func TestCommandsAreCheapToMake(t *testing.T) {
	const most = 2 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	newRoot(newApp())
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > most {
		t.Errorf("making the commands allocates %d bytes, want at most %d", n, most)
	}
}
