package hashing

import (
	"golang.org/x/sys/cpu"
	"lukechampine.com/blake3/guts"
)

// lanes holds sixteen chaining values, word by word.
type lanes [8][16]uint32

// compressChunks computes the chaining values of sixteen chunks, which stand one after the other; the first has number
// counter, a multiple of sixteen.
//
//go:noescape
func compressChunks(out *lanes, chunks *byte, counter uint64)

// compressParents computes the chaining values of the sixteen parents of left's and right's. out may be either of them.
//
//go:noescape
func compressParents(out, left, right *lanes)

// wide is true where the processor has what lanes need. The library is fast on other processors, but where it has
// AVX-512 it gathers each word by itself, which halves its speed on some of them.
var wide = cpu.X86.HasAVX512F

// wholeSegment is the chaining value of a subtree over a whole segment, whose first chunk has number counter.
func wholeSegment(buf []byte, counter uint64) [8]uint32 {
	if !wide {
		return guts.ChainingValue(subtree(buf, counter))
	}
	var level [segment / group]lanes
	for i := range level {
		compressChunks(&level[i], &buf[i*group], counter+uint64(i*guts.MaxSIMD))
	}
	for n := len(level); n > 1; n /= 2 {
		for i := range n / 2 {
			compressParents(&level[i], &level[2*i], &level[2*i+1])
		}
	}
	for range 4 { // sixteen values become one, in the first lane
		compressParents(&level[0], &level[0], &level[0])
	}
	var value [8]uint32
	for i := range value {
		value[i] = level[0][i][0]
	}
	return value
}
