//go:build !amd64

package hashing

import "lukechampine.com/blake3/guts"

// wholeSegment is the chaining value of a subtree over a whole segment, whose first chunk has number counter.
func wholeSegment(buf []byte, counter uint64) [8]uint32 {
	return guts.ChainingValue(subtree(buf, counter))
}
