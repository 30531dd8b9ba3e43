package hashing

import "io"

// SumOf digests r as a file that said to be of that size, in one stream or in parallel.
func SumOf(r io.ReaderAt, size int64, parallel bool) (Digest, error) {
	if parallel {
		return SumAt(r, size)
	}
	return sumStream(r, size)
}

// Segment is what a worker takes of a large file.
const Segment = segment
