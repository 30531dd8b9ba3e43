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

// TellsApart reports whether the file system of a device was seen to tell changes apart.
var TellsApart = tellsApart

// DoubtAll forgets of which file systems that was seen.
func DoubtAll() { apart.Clear() }
