package snapshot

import (
	"unsafe"

	"github.com/calyx-build/calyx/hashing"
)

// The file is a preamble, the digest of all that follows it, and a head that says where the sections are. Numbers have
// this machine's byte order and rows this program's layout, so that all can be used where it is mapped: elsewhere the
// version does not read as this one, and there is no snapshot.
const (
	magic   = "calyxsnp"
	version = uint32(2)
)

// preamble is what the checksum does not cover.
type preamble struct {
	Magic    [len(magic)]byte
	Checksum hashing.Digest
}

type head struct {
	Version  uint32
	_        uint32
	Binding  hashing.Digest
	Expires  int64
	Sections [sections]section
}

// section is a stretch of the file, in bytes from its beginning. It begins at a multiple of sectionsAt.
type section struct{ From, To uint64 }

// The sections, in their order in the file.
const (
	noteSection   = iota // the caller's bytes
	textSection          // all names, one after the other
	folderSection        // []folderRow
	pathSection          // []pathRow, in the order in which they are looked at
	statSection          // []hashing.Stat, of the paths
	digestSection        // []hashing.Digest, of the paths
	leafSection          // []leafRow
	nodeSection          // []nodeRow, each after those that it depends on
	edgeSection          // []uint32, of leaves and nodes
	sections
)

// span is a run of bytes of the text, of edges or of paths.
type span struct{ From, To uint32 }

func (s span) len() int { return int(s.To) - int(s.From) }

type folderRow struct {
	Name span // from the root, or absolute
}

type pathRow struct {
	Name   span // in its folder
	Folder uint32
	Kind   Kind
	Flags  flags
	_      [2]byte
}

type leafRow struct {
	Digest  hashing.Digest
	Subject span
	Paths   span // of edges, to paths
	Kind    uint8
	_       [3]byte
}

type nodeRow struct {
	Name, Data span
	Leaves     span // of edges, to leaves
	Outputs    span // of edges, to paths
	Deps       span // of edges, to nodes
	Flags      flags
	_          [3]byte
}

// flags are what rows hold for booleans: any byte is one, whoever wrote the file.
type flags uint8

const (
	follow flags = 1 << iota
	racy
	dirty
)

func (f flags) has(one flags) bool { return f&one != 0 }

func (f *flags) set(one flags, on bool) {
	if on {
		*f |= one
	} else {
		*f &^= one
	}
}

const (
	sectionsAt   = 8
	preambleSize = int(unsafe.Sizeof(preamble{}))
	headSize     = int(unsafe.Sizeof(head{}))
)

// rowsOf shows bytes as rows, in place.
func rowsOf[T any](b []byte) []T {
	if len(b) == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(*new(T))))
}

// bytesOf shows rows as bytes, in place.
func bytesOf[T any](rows []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(rows))), len(rows)*int(unsafe.Sizeof(*new(T))))
}

// checksum is the digest that the preamble of a whole file has to hold.
func checksum(file []byte) hashing.Digest { return hashing.SumParallel(file[preambleSize:]) }
