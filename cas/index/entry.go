package index

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/calyx-build/calyx/hashing"
)

// Kind tells how a blob is kept.
type Kind byte

// The kinds of entries. Their numbers are part of the format.
const (
	Raw  Kind = iota + 1 // the bytes follow
	Zstd                 // the bytes follow, compressed
	File                 // a file holds the bytes; its stat follows
)

// Entry is the value of a blob's row: a byte for the kind, the blob's size, and the content or a stat.
type Entry struct {
	Kind    Kind
	Size    int64 // of the blob
	Content []byte
	Stat    hashing.Stat
}

// HeadSize is the number of bytes that suffice to decode an entry of kind File, and all but the Content of others.
const HeadSize = 1 + 7*binary.MaxVarintLen64

// ErrEntry says that a row holds no entry.
var ErrEntry = errors.New("not a blob's entry")

// Encode returns the row's value.
func (e Entry) Encode() []byte {
	p := make([]byte, 0, HeadSize+len(e.Content))
	p = append(p, byte(e.Kind))
	p = binary.AppendUvarint(p, uint64(e.Size))
	if e.Kind != File {
		return append(p, e.Content...)
	}
	for _, v := range statWords(&e.Stat) {
		p = binary.AppendUvarint(p, v)
	}
	return p
}

// DecodeEntry reads what Encode wrote; Content is a part of p. The error is ErrEntry.
func DecodeEntry(p []byte) (Entry, error) {
	if len(p) == 0 {
		return Entry{}, ErrEntry
	}
	e := Entry{Kind: Kind(p[0])}
	size, n := binary.Uvarint(p[1:])
	if n <= 0 || size > math.MaxInt64 {
		return Entry{}, ErrEntry
	}
	e.Size = int64(size)
	rest := p[1+n:]
	switch e.Kind {
	case Raw, Zstd:
		e.Content = rest
		return e, nil
	case File:
		stat, err := decodeStat(rest)
		e.Stat = stat
		return e, err
	}
	return Entry{}, ErrEntry
}

func statWords(s *hashing.Stat) [6]uint64 {
	return [6]uint64{s.Dev, s.Ino, uint64(s.Size), uint64(s.Mtime), uint64(s.Ctime), uint64(s.Mode)}
}

func decodeStat(p []byte) (hashing.Stat, error) {
	var words [6]uint64
	for i := range words {
		v, n := binary.Uvarint(p)
		if n <= 0 {
			return hashing.Stat{}, ErrEntry
		}
		words[i], p = v, p[n:]
	}
	if len(p) != 0 || words[5] > math.MaxUint32 {
		return hashing.Stat{}, ErrEntry
	}
	return hashing.Stat{
		Dev: words[0], Ino: words[1], Size: int64(words[2]),
		Mtime: int64(words[3]), Ctime: int64(words[4]), Mode: uint32(words[5]),
	}, nil
}

// stored is how many bytes the entry takes, in the database or as a file.
func (e Entry) stored() int64 {
	if e.Kind == File {
		return e.Size
	}
	return int64(len(e.Content))
}
