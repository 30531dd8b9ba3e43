package main

import "testing"

// BenchmarkCommandLine is what every start of calyx pays for its commands.
func BenchmarkCommandLine(b *testing.B) {
	for b.Loop() {
		newRoot(newApp())
	}
}
