package tensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The format: https://github.com/huggingface/safetensors#format

// maxSafetensorsHeader is the longest JSON header that is read. The format allows three times as much; a model of a
// hundred thousand tensors needs a third of it.
const maxSafetensorsHeader = 32 << 20

// safetensorsBits holds the dtypes of the format, each with the bits of an element. The data are little endian.
var safetensorsBits = map[string]int64{
	"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
	"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
	"U16": 16, "I16": 16, "F16": 16, "BF16": 16,
	"U32": 32, "I32": 32, "F32": 32,
	"U64": 64, "I64": 64, "F64": 64, "C64": 64,
}

// readSafetensors reads a file of named tensors.
func readSafetensors(r io.ReaderAt, size int64, visit visitor) (*contents, error) {
	text, err := safetensorsHeader(r, size)
	if err != nil {
		return nil, err
	}
	header, err := parseSafetensors(text)
	if err != nil {
		return nil, err
	}
	start := 8 + int64(len(text))
	if err := checkOffsets(header.tensors, size-start); err != nil {
		return nil, err
	}
	c := &contents{format: "safetensors", metadata: header.metadata}
	for _, t := range header.tensors {
		a := array{name: t.name, layout: t.layout}
		data := io.NewSectionReader(r, start+t.begin, t.end-t.begin)
		if err := visit(&a, elements{layout: t.layout, stream: data}); err != nil {
			return nil, err
		}
		c.arrays = append(c.arrays, a)
	}
	return c, nil
}

// safetensorsHeader reads the length at the start of the file, and the JSON text of that length.
func safetensorsHeader(r io.ReaderAt, size int64) ([]byte, error) {
	whole := io.NewSectionReader(r, 0, size)
	var length [8]byte
	if err := readFull(whole, length[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > uint64(size-8) {
		return nil, malformed("it ends too early")
	}
	if n > maxSafetensorsHeader {
		return nil, malformed("its header of %d bytes is too long", n)
	}
	text := make([]byte, n)
	return text, readFull(whole, text)
}

// tensor is an entry of a header: a layout, and where its data begin and end after the header.
type tensor struct {
	name       string
	layout     layout
	begin, end int64
}

// checkOffsets is an error where the data of the tensors overlap, leave holes or do not fill the file, all of which the
// format forbids. It sorts the tensors by their data.
func checkOffsets(tensors []tensor, size int64) error {
	slices.SortFunc(tensors, func(a, b tensor) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	at := int64(0)
	for _, t := range tensors {
		length, ok := t.layout.bytes()
		if t.begin != at || t.end < t.begin || !ok || t.end-t.begin != length {
			return malformed("the data of tensor %q are not where they should be", t.name)
		}
		at = t.end
	}
	if at != size {
		return malformed("the tensors do not fill the %d bytes of data", size)
	}
	return nil
}

// safetensorsContents is a parsed header.
type safetensorsContents struct {
	metadata map[string]string
	tensors  []tensor
}

// parseSafetensors reads a header token by token: encoding/json would let duplicate names pass.
func parseSafetensors(text []byte) (safetensorsContents, error) {
	if !utf8.Valid(text) || len(text) == 0 || text[0] != '{' {
		return safetensorsContents{}, malformed("its header is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	h := &header{d: d}
	var c safetensorsContents
	err := h.object(func(name string) error {
		if name == "__metadata__" {
			c.metadata = map[string]string{}
			return h.object(func(key string) (err error) {
				c.metadata[key], err = h.text()
				return err
			})
		}
		t, err := h.tensor(name)
		c.tensors = append(c.tensors, t)
		return err
	})
	if err != nil {
		return safetensorsContents{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return safetensorsContents{}, malformed("its header has something after its end")
	}
	return c, nil
}

// header is a JSON text under way.
type header struct{ d *json.Decoder }

func (h *header) token() (json.Token, error) {
	t, err := h.d.Token()
	if err != nil {
		return nil, malformed("its header is not JSON: %v", err)
	}
	return t, nil
}

// delimiter reads one of the four brackets.
func (h *header) delimiter(want json.Delim) error {
	t, err := h.token()
	if err != nil {
		return err
	}
	if t != want {
		return malformed("its header holds %v, where %v was expected", t, want)
	}
	return nil
}

// text reads a string. encoding/json replaces what is no character (a lone surrogate) by U+FFFD, so that different texts
// would look alike: a string with that character is refused.
func (h *header) text() (string, error) {
	t, err := h.token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok || strings.ContainsRune(s, utf8.RuneError) {
		return "", malformed("its header holds %v, where a text was expected", t)
	}
	return s, nil
}

// object reads an object; member reads the value of each name.
func (h *header) object(member func(name string) error) error {
	if err := h.delimiter('{'); err != nil {
		return err
	}
	names := map[string]bool{}
	for h.d.More() {
		name, err := h.text()
		if err != nil {
			return err
		}
		if names[name] {
			return malformed("its header names %q twice", name)
		}
		names[name] = true
		if err := member(name); err != nil {
			return err
		}
	}
	return h.delimiter('}')
}

// numbers reads an array of natural numbers.
func (h *header) numbers() ([]int64, error) {
	if err := h.delimiter('['); err != nil {
		return nil, err
	}
	numbers := []int64{}
	for h.d.More() {
		t, err := h.token()
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(fmt.Sprint(t), 10, 63)
		if _, ok := t.(json.Number); !ok || err != nil {
			return nil, malformed("its header holds %v, where a natural number was expected", t)
		}
		numbers = append(numbers, int64(n))
	}
	return numbers, h.delimiter(']')
}

// tensor reads the description of one tensor.
func (h *header) tensor(name string) (tensor, error) {
	t := tensor{name: name}
	var offsets []int64
	fields := 0
	err := h.object(func(field string) (err error) {
		fields++
		switch field {
		case "dtype":
			t.layout.dtype, err = h.dtype()
		case "shape":
			t.layout.shape, err = h.numbers()
		case "data_offsets":
			offsets, err = h.numbers()
		default:
			err = malformed("tensor %q has an unknown field %q", name, field)
		}
		return err
	})
	if err != nil {
		return tensor{}, err
	}
	if fields != 3 || len(offsets) != 2 || len(t.layout.shape) > maxDims {
		return tensor{}, malformed("tensor %q lacks a dtype, a shape of at most %d numbers or two data_offsets", name, maxDims)
	}
	t.begin, t.end = offsets[0], offsets[1]
	return t, nil
}

func (h *header) dtype() (dtype, error) {
	name, err := h.text()
	if err != nil {
		return dtype{}, err
	}
	bits, ok := safetensorsBits[name]
	if !ok {
		return dtype{}, malformed("unknown dtype %q", name)
	}
	return dtype{text: name, bits: bits}, nil
}
