package tensors

import (
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf8"
)

// The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

const (
	npyMagic = "\x93NUMPY"
	// maxHeader is the longest header of a .npy file that is read; NumPy itself refuses more than 10,000 bytes.
	maxHeader = 64 << 10
	maxDims   = 64 // as in NumPy 2
)

// readNpy reads a file with one array.
func readNpy(r io.ReaderAt, size int64, visit visitor) (*contents, error) {
	l, start, err := readNpyHeader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, err
	}
	if length, ok := l.bytes(); !ok || length != size-start {
		return nil, malformed("the header tells of another length than the %d bytes of data", size-start)
	}
	a := array{layout: l}
	data := io.NewSectionReader(r, start, size-start)
	if err := visit(&a, elements{layout: l, stream: data, at: func() (io.ReaderAt, error) { return data, nil }}); err != nil {
		return nil, err
	}
	return &contents{format: "npy", arrays: []array{a}}, nil
}

// readNpyHeader reads the header at the start of r; it returns the header's length too.
func readNpyHeader(r io.Reader) (layout, int64, error) {
	var start [len(npyMagic) + 2]byte
	if err := readFull(r, start[:]); err != nil {
		return layout{}, 0, err
	}
	if string(start[:len(npyMagic)]) != npyMagic {
		return layout{}, 0, malformed("it does not begin as a .npy file")
	}
	major, minor := start[len(npyMagic)], start[len(npyMagic)+1]
	if major < 1 || major > 3 || minor != 0 {
		return layout{}, 0, malformed("unknown version %d.%d of the .npy format", major, minor)
	}
	length, width, err := npyHeaderLength(r, major)
	if err != nil {
		return layout{}, 0, err
	}
	text := make([]byte, length)
	if err := readFull(r, text); err != nil {
		return layout{}, 0, err
	}
	l, err := parseNpyHeader(text, major)
	return l, int64(len(start)) + width + length, err
}

// npyHeaderLength reads the length of the header's text, and returns the width of that number too.
func npyHeaderLength(r io.Reader, major byte) (length, width int64, err error) {
	number := make([]byte, 4)
	if major == 1 {
		err = readFull(r, number[:2])
		width = 2
	} else {
		err = readFull(r, number)
		width = 4
	}
	length = int64(binary.LittleEndian.Uint32(number))
	if err == nil && length > maxHeader {
		err = malformed("its header of %d bytes is too long", length)
	}
	return length, width, err
}

func parseNpyHeader(text []byte, major byte) (layout, error) {
	decoded := string(text)
	if major < 3 {
		decoded = latin1(text)
	} else if !utf8.Valid(text) {
		return layout{}, malformed("its header is not UTF-8")
	}
	v, err := parseLiteral(decoded, major < 3)
	if err != nil {
		return layout{}, err
	}
	d, ok := v.(pyDict)
	descr, ok1 := d["descr"]
	fortran, ok2 := d["fortran_order"].(bool)
	shape, ok3 := d["shape"]
	if !ok || !ok1 || !ok2 || !ok3 || len(d) != 3 {
		return layout{}, malformed("its header does not hold just descr, fortran_order and shape")
	}
	l := layout{fortran: fortran}
	if l.shape, err = dimensions(shape); err != nil {
		return layout{}, err
	}
	l.dtype, err = numpyDtype(descr)
	return l, err
}

// dimensions reads a shape.
func dimensions(v any) ([]int64, error) {
	t, ok := v.(pyTuple)
	if !ok || len(t) > maxDims {
		return nil, malformed("its shape is not a tuple of at most %d numbers", maxDims)
	}
	dims := make([]int64, len(t))
	for i, item := range t {
		n, ok := item.(int64)
		if !ok || n < 0 {
			return nil, malformed("its shape is not made of natural numbers")
		}
		dims[i] = n
	}
	return dims, nil
}

func latin1(text []byte) string {
	runes := make([]rune, len(text))
	for i, b := range text {
		runes[i] = rune(b)
	}
	return string(runes)
}

// readFull reads all of p; that the content ends before is malformed content.
func readFull(r io.Reader, p []byte) error {
	_, err := io.ReadFull(r, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("it ends too early")
	}
	return err
}
