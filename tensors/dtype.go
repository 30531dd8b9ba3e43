package tensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// dtype is the type of an array's elements. Its text spells it canonically, in little endian.
type dtype struct {
	text string
	bits int64 // of one element
	// swaps are the parts of an element that are big-endian in the file, in order.
	swaps []swap
}

// swap is a run of count numbers of width bytes at an offset within an element, whose bytes are in reverse.
type swap struct{ offset, width, count int64 }

// maxElement is the longest element in bytes: longer ones do not fit the pieces that are read at once.
const maxElement = 1 << 20

// size is the length of an element in bytes; dtypes of less than a byte have none.
func (d dtype) size() int64 { return d.bits / 8 }

// numpyKinds holds the sizes in bytes that NumPy has for a kind of number, and how many numbers an element consists of.
var numpyKinds = map[byte]struct {
	sizes []int64
	parts int64
}{
	'b': {[]int64{1}, 1},
	'i': {[]int64{1, 2, 4, 8}, 1},
	'u': {[]int64{1, 2, 4, 8}, 1},
	'f': {[]int64{2, 4, 8, 12, 16}, 1},
	'c': {[]int64{8, 16, 24, 32}, 2},
	'M': {[]int64{8}, 1},
	'm': {[]int64{8}, 1},
}

// numpyDtype reads the `descr` of a .npy header: a string, or the list of a structure's fields.
func numpyDtype(descr any) (dtype, error) {
	var d dtype
	var err error
	switch descr := descr.(type) {
	case string:
		d, err = simpleDtype(descr)
	case pyList:
		d, err = structDtype(descr)
	default:
		return dtype{}, malformed("the dtype is neither a string nor a list of fields")
	}
	if err == nil && d.size() > maxElement {
		return dtype{}, malformed("elements of %d bytes are too long", d.size())
	}
	return d, err
}

// simpleDtype reads a string such as "<f4", ">U10", "|b1" or "<M8[ns]". Native byte order ("=", none, or "|" where it
// matters) would mean something else on another machine and is refused, as are names such as "float32", which NumPy does
// not write.
func simpleDtype(s string) (dtype, error) {
	if strings.HasPrefix(strings.TrimLeft(s, "<>|="), "O") {
		return dtype{}, ErrNeedsCode
	}
	if len(s) < 3 || strings.IndexByte("<>|", s[0]) < 0 {
		return dtype{}, malformed("unknown dtype %q", s)
	}
	order, kind, digits, unit := s[0], s[1], s[2:], ""
	if i := strings.IndexByte(digits, '['); i >= 0 && (kind == 'M' || kind == 'm') {
		digits, unit = digits[:i], digits[i:]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > maxElement || strconv.FormatInt(n, 10) != digits {
		return dtype{}, malformed("unknown dtype %q", s)
	}
	switch kind {
	case 'S', 'V':
		return dtype{text: fmt.Sprintf("|%c%d", kind, n), bits: 8 * n}, nil
	case 'U':
		return number(order, fmt.Sprintf("U%d", n), 4, n)
	}
	known, ok := numpyKinds[kind]
	if !ok || !slices.Contains(known.sizes, n) || unit != "" && !strings.HasSuffix(unit, "]") {
		return dtype{}, malformed("unknown dtype %q", s)
	}
	return number(order, fmt.Sprintf("%c%d%s", kind, n, unit), n/known.parts, known.parts)
}

// number is a dtype of count numbers of width bytes in the given byte order.
func number(order byte, text string, width, count int64) (dtype, error) {
	d := dtype{text: "<" + text, bits: 8 * width * count}
	switch {
	case width == 1:
		d.text = "|" + text
	case order == '|':
		return dtype{}, malformed("dtype %q has no byte order", text)
	case order == '>' && count > 0:
		d.swaps = []swap{{0, width, count}}
	}
	return d, nil
}

// structDtype reads the fields of a structure: (name, dtype) or (name, dtype, shape), where a name may be (title, name).
func structDtype(fields pyList) (dtype, error) {
	var d dtype
	var text []string
	for _, f := range fields {
		field, ok := f.(pyTuple)
		if !ok || len(field) < 2 || len(field) > 3 {
			return dtype{}, malformed("a field of the dtype is not (name, dtype) or (name, dtype, shape)")
		}
		name, err := fieldName(field[0])
		if err != nil {
			return dtype{}, err
		}
		part, err := numpyDtype(field[1])
		if err != nil {
			return dtype{}, err
		}
		if len(field) == 3 {
			if part, err = repeated(part, field[2]); err != nil {
				return dtype{}, err
			}
		}
		for _, s := range part.swaps {
			d.swaps = append(d.swaps, swap{d.size() + s.offset, s.width, s.count})
		}
		if d.bits += part.bits; d.size() > maxElement {
			return dtype{}, malformed("elements of more than %d bytes are too long", maxElement)
		}
		text = append(text, name+" "+part.text)
	}
	d.text = "{" + strings.Join(text, ", ") + "}"
	return d, nil
}

func fieldName(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v), nil
	case pyTuple:
		if len(v) == 2 {
			title, ok1 := v[0].(string)
			name, ok2 := v[1].(string)
			if ok1 && ok2 {
				return strconv.Quote(title) + "/" + strconv.Quote(name), nil
			}
		}
	}
	return "", malformed("a field of the dtype has no name")
}

// repeated is the dtype of a field that is itself a small array in C order.
func repeated(d dtype, shape any) (dtype, error) {
	if n, ok := shape.(int64); ok {
		shape = pyTuple{n}
	}
	dims, err := dimensions(shape)
	if err != nil {
		return dtype{}, err
	}
	whole := layout{dtype: d, shape: dims}
	size, ok := whole.bytes()
	if !ok || size > maxElement {
		return dtype{}, malformed("elements of more than %d bytes are too long", maxElement)
	}
	r := dtype{text: fmt.Sprintf("%s%v", d.text, dims), bits: 8 * size}
	if len(d.swaps) == 0 {
		return r, nil
	}
	for at := int64(0); at < size; at += d.size() {
		for _, s := range d.swaps {
			r.swaps = append(r.swaps, swap{at + s.offset, s.width, s.count})
		}
	}
	return r, nil
}

// toLittleEndian reverses the big-endian parts of the whole elements in p.
func (d dtype) toLittleEndian(p []byte) {
	switch size := d.size(); {
	case len(d.swaps) == 0:
	case len(d.swaps) == 1 && d.swaps[0].width*d.swaps[0].count == size: // the usual array: nothing but numbers
		reverseEach(p, d.swaps[0].width)
	default:
		for ; int64(len(p)) >= size; p = p[size:] {
			for _, s := range d.swaps {
				reverseEach(p[s.offset:s.offset+s.width*s.count], s.width)
			}
		}
	}
}

// reverseEach reverses the bytes of each number of the given width in p.
func reverseEach(p []byte, width int64) {
	switch width {
	case 4:
		for ; len(p) >= 4; p = p[4:] {
			binary.LittleEndian.PutUint32(p, binary.BigEndian.Uint32(p))
		}
	case 8:
		for ; len(p) >= 8; p = p[8:] {
			binary.LittleEndian.PutUint64(p, binary.BigEndian.Uint64(p))
		}
	default:
		for ; int64(len(p)) >= width; p = p[width:] {
			slices.Reverse(p[:width])
		}
	}
}

// layout tells where an array's elements are.
type layout struct {
	dtype   dtype
	shape   []int64
	fortran bool // the first index varies fastest, not the last
}

// count is the number of elements; false where it is more than can be.
func (l layout) count() (int64, bool) {
	if slices.Contains(l.shape, 0) {
		return 0, true
	}
	n := int64(1)
	for _, d := range l.shape {
		if d > math.MaxInt64/n {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// bytes is the length of all elements; false where it is more than can be, or not a whole number.
func (l layout) bytes() (int64, bool) {
	n, ok := l.count()
	if !ok || l.dtype.bits > 0 && n > math.MaxInt64/l.dtype.bits {
		return 0, false
	}
	bits := n * l.dtype.bits
	return bits / 8, bits%8 == 0
}

// transposed reports whether the elements lie in another order than the logical one.
func (l layout) transposed() bool {
	long := 0
	for _, d := range l.shape {
		if d != 1 {
			long++
		}
	}
	return l.fortran && long > 1
}
