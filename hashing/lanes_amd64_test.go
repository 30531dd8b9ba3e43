package hashing

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/cpu"
	"lukechampine.com/blake3/guts"
)

// TestWholeSegment compares the vectors with the library, in places where a counter is more than 32 bits as well.
func TestWholeSegment(t *testing.T) {
	if !cpu.X86.HasAVX512F {
		t.Skip("this processor has no AVX-512")
	}
	buf, from := make([]byte, segment), rand.NewChaCha8([32]byte{})
	for range 50 {
		_, _ = from.Read(buf)
		for _, counter := range []uint64{0, segment / guts.ChunkSize, 1<<32 - segment/guts.ChunkSize, 1 << 40} {
			if got, want := wholeSegment(buf, counter), guts.ChainingValue(subtree(buf, counter)); got != want {
				t.Fatalf("segment whose first chunk is %d: got %x, the library %x", counter, got, want)
			}
		}
	}
}
