// Package archive writes blobs and rows of a store into one file, and takes them into another store.
//
// An archive is a line with its format's name, and a Zstandard stream of records, each a byte for its kind and:
//
//	blob  the digest, 32 bytes; the size; the bytes
//	row   the key's size and the key; the value's size and the value
//	end   the number of blobs, the number of rows; the digest of the stream up to here, 32 bytes
//
// Blobs come before rows, rows before the end, nothing after it. Numbers are unsigned varints (encoding/binary).
package archive

import "errors"

// Format is an archive's first line.
const Format = "calyx-archive-1"

const (
	kindBlob = 'b'
	kindRow  = 'r'
	kindEnd  = 'e'
)

const (
	maxKey   = 64 << 10 // bytes
	maxValue = 64 << 20 // bytes
)

// ErrDamaged is wrapped where an archive is cut off, was changed, or is no archive.
var ErrDamaged = errors.New("the archive is damaged")

// Summary counts what an archive held.
type Summary struct {
	Blobs int
	Bytes int64 // of the blobs
	Rows  int
	// Kept is how many rows an import did not take because the store had a value under their keys.
	Kept int
}
