package tensors

import (
	"errors"
	"io"
)

const (
	// pieceSize is how much is read at once.
	pieceSize = 1 << 20
	// gatherLimit is how much of a transposed array is held at once.
	gatherLimit = 64 << 20
)

// elements is where the elements of one array can be read.
type elements struct {
	layout
	stream io.Reader                   // all of them, as they lie in the file
	at     func() (io.ReaderAt, error) // the same at any place; may have to read all of it first
}

// logical hands the elements to emit, piece by piece, in C order and little endian, and sees to it that nothing follows
// them. A piece is only valid during the call.
func (e elements) logical(emit func([]byte)) error {
	if size, ok := e.bytes(); !e.transposed() || !ok || size == 0 {
		return e.sequence(emit)
	}
	at, err := e.at()
	if err != nil {
		return err
	}
	g := gatherer{from: at, element: e.dtype.size(), limit: gatherLimit, emit: func(p []byte) {
		e.dtype.toLittleEndian(p)
		emit(p)
	}}
	return g.block(0, 1, e.shape)
}

// sequence hands on elements that lie in the logical order already.
func (e elements) sequence(emit func([]byte)) error {
	left, ok := e.bytes()
	if !ok {
		return malformed("its shape is larger than any file")
	}
	size := max(1, e.dtype.size())
	piece := make([]byte, min(left, pieceSize/size*size))
	for left > 0 {
		piece = piece[:min(left, int64(len(piece)))]
		if err := readFull(e.stream, piece); err != nil {
			return err
		}
		e.dtype.toLittleEndian(piece)
		emit(piece)
		left -= int64(len(piece))
	}
	return ended(e.stream)
}

// ended is an error where the stream goes on, or where its end is not as it should be (the checksum of an archive).
func ended(r io.Reader) error {
	n, err := io.ReadFull(r, make([]byte, 1))
	if n > 0 {
		return malformed("something follows the data")
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
