package tensors

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// headLength is how many elements a description shows of each array.
const headLength = 8

// Description is what a file holds, for people.
type Description struct {
	Arrays   []ArrayInfo       `json:"arrays"` // by name
	Metadata map[string]string `json:"metadata,omitempty"`
	Other    []string          `json:"other,omitempty"` // members of an archive that are no arrays
}

// ArrayInfo describes one array.
type ArrayInfo struct {
	Name  string   `json:"name,omitempty"` // empty for the one array of a .npy file
	Dtype string   `json:"dtype"`
	Shape []int64  `json:"shape"`
	Head  []string `json:"head"` // the first elements in logical order
	Count int64    `json:"count"`
}

// Describe reads what size bytes of r hold as the given media type; nil for a media type that has no arrays. Its errors
// are those of LogicalDigest. It reads little: it does not check the elements that it does not show.
func Describe(r io.ReaderAt, size int64, media string) (*Description, error) {
	c, err := read(r, size, media, headOf)
	if c == nil || err != nil {
		return nil, err
	}
	d := &Description{Metadata: c.metadata}
	for _, a := range c.arrays {
		n, _ := a.layout.count() // read has checked it
		d.Arrays = append(d.Arrays, ArrayInfo{
			Name: strings.TrimSuffix(a.name, ".npy"), Dtype: a.layout.dtype.name(), Shape: a.layout.shape, Head: a.head, Count: n,
		})
	}
	slices.SortFunc(d.Arrays, func(a, b ArrayInfo) int { return cmp.Compare(a.Name, b.Name) })
	for _, e := range c.other {
		if e.kind == "member" {
			d.Other = append(d.Other, e.name)
		}
	}
	slices.Sort(d.Other)
	return d, nil
}

// String has a line for each thing that the file holds. Nothing in it can disturb a terminal.
func (d *Description) String() string {
	var b strings.Builder
	for _, a := range d.Arrays {
		fmt.Fprintln(&b, a)
	}
	for _, key := range slices.Sorted(maps.Keys(d.Metadata)) {
		fmt.Fprintf(&b, "%s = %s\n", plain(key), plain(d.Metadata[key]))
	}
	for _, name := range d.Other {
		fmt.Fprintln(&b, plain(name))
	}
	return b.String()
}

// String is the name, the dtype, the shape and the first elements.
func (a ArrayInfo) String() string {
	var parts []string
	if a.Name != "" {
		parts = append(parts, plain(a.Name))
	}
	sizes := make([]string, len(a.Shape))
	for i, n := range a.Shape {
		sizes[i] = strconv.FormatInt(n, 10)
	}
	parts = append(parts, plain(a.Dtype), "["+strings.Join(sizes, " × ")+"]")
	parts = append(parts, a.Head...)
	if int64(len(a.Head)) < a.Count {
		parts = append(parts, "…")
	}
	return strings.Join(parts, " ")
}

// plain quotes what is not plain printable text.
func plain(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		return strconv.Quote(s)
	}
	return s
}

// headOf notes the first elements of an array.
func headOf(a *array, e elements) error {
	n, ok := e.count()
	if !ok {
		return malformed("its shape is larger than any file")
	}
	size := e.dtype.size()
	if size == 0 || size > pieceSize/headLength {
		return nil
	}
	n = min(n, headLength)
	first := make([]byte, n*size)
	if err := e.first(first, n); err != nil {
		return err
	}
	e.dtype.toLittleEndian(first)
	for part := first; len(part) > 0; part = part[size:] {
		a.head = append(a.head, e.dtype.format(part[:size]))
	}
	return nil
}

// first reads the first n elements in logical order.
func (e elements) first(p []byte, n int64) error {
	if !e.transposed() || n == 0 {
		return readFull(e.stream, p)
	}
	at, err := e.at()
	if err != nil {
		return err
	}
	size := e.dtype.size()
	for i := range n {
		if _, err := at.ReadAt(p[i*size:(i+1)*size], e.place(i)*size); err != nil {
			return err
		}
	}
	return nil
}

// place is where the element with the logical number i lies in a Fortran-ordered file.
func (l layout) place(i int64) int64 {
	place, stride := int64(0), product(l.shape)
	for axis := len(l.shape) - 1; axis >= 0; axis-- {
		stride /= l.shape[axis]
		place += i % l.shape[axis] * stride
		i /= l.shape[axis]
	}
	return place
}
