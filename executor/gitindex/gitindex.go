// Package gitindex tells what git tracks by an index from what it notes there of how the files look.
//
// `git status`, `git describe --dirty` and others write the index anew when the time or the inode of a file is not as it was, or too near
// to the index's own: what is tracked stays as it is. The format is that of gitformat-index(5), versions 2 to 4.
package gitindex

import (
	"bytes"
	"encoding/binary"
	"slices"
)

const (
	headSize = 12 // signature, version, number of entries
	statSize = 40 // of an entry: what its file looked like
	modeAt   = 24 // the one part of that which belongs to what is tracked
	nameSize = 20 // the digest of the content
	extended = 0x4000
)

// Entries are those of an index without what their files looked like: mode, digest, flags and path of each. Two indices with the same
// entries track the same. ok is false where the index is damaged, or of a kind that is not understood.
func Entries(index []byte) (all []byte, ok bool) {
	if len(index) < headSize || string(index[:4]) != "DIRC" {
		return nil, false
	}
	version, count := binary.BigEndian.Uint32(index[4:]), binary.BigEndian.Uint32(index[8:])
	if version < 2 || version > 4 {
		return nil, false
	}
	rest := index[headSize:]
	var path []byte
	for range count {
		fixed := statSize + nameSize + 2
		if len(rest) < fixed+2 {
			return nil, false
		}
		if binary.BigEndian.Uint16(rest[fixed-2:])&extended != 0 {
			fixed += 2
		}
		var size int
		if path, size = pathOf(path, rest, fixed, version); size == 0 {
			return nil, false
		}
		all = append(all, rest[modeAt:modeAt+4]...)
		all = append(all, rest[statSize:fixed]...)
		all = append(append(all, path...), 0)
		rest = rest[size:]
	}
	return all, !bytes.HasPrefix(rest, []byte("link")) // the entries are split over two files
}

// pathOf reads the path that follows the fixed part of an entry, and tells how large the entry is; 0: it is damaged.
func pathOf(last, entry []byte, fixed int, version uint32) (path []byte, size int) {
	at, kept := fixed, 0
	if version == 4 { // it begins like the last one, but for so many bytes
		drop, n := varint(entry[at:])
		if n == 0 || drop > len(last) {
			return nil, 0
		}
		at, kept = at+n, len(last)-drop
	}
	length := bytes.IndexByte(entry[at:], 0)
	if length < 0 {
		return nil, 0
	}
	path = slices.Concat(last[:kept], entry[at:at+length])
	at += length + 1
	if version < 4 { // filled up with zeros
		at = (at + 7) / 8 * 8
	}
	if at > len(entry) {
		return nil, 0
	}
	return path, at
}

// varint reads a number as git's packs encode offsets; n is 0 where none is there.
func varint(p []byte) (value, n int) {
	const most = 4 // bytes: a path is shorter than what they can say
	for n < len(p) && n < most {
		c := p[n]
		n++
		value = value<<7 | int(c&0x7f)
		if c&0x80 == 0 {
			return value, n
		}
		value++
	}
	return 0, 0
}
