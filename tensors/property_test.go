package tensors

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// sample is an array as mathematics sees it: elements in logical order, little endian.
type sample struct {
	kind  string // as in a dtype, without the order: "f4"
	width int    // of the numbers that byte order turns
	size  int
	shape []int
	data  []byte
}

func samples() *rapid.Generator[sample] {
	return rapid.Custom(func(t *rapid.T) sample {
		kinds := []sample{
			{kind: "f4", width: 4, size: 4}, {kind: "i2", width: 2, size: 2}, {kind: "u1", width: 1, size: 1},
			{kind: "c16", width: 8, size: 16}, {kind: "U3", width: 4, size: 12}, {kind: "M8[ns]", width: 8, size: 8},
		}
		s := rapid.SampledFrom(kinds).Draw(t, "kind")
		s.shape = rapid.SliceOfN(rapid.IntRange(0, 5), 0, 4).Draw(t, "shape")
		n := s.size
		for _, d := range s.shape {
			n *= d
		}
		s.data = rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "data")
		return s
	})
}

// spelling is one of the ways to write an array down.
type spelling struct {
	version byte
	big     bool
	fortran bool
	spaces  int
}

func spellings() *rapid.Generator[spelling] {
	return rapid.Custom(func(t *rapid.T) spelling {
		return spelling{
			version: rapid.ByteRange(1, 3).Draw(t, "version"), big: rapid.Bool().Draw(t, "big"),
			fortran: rapid.Bool().Draw(t, "fortran"), spaces: rapid.IntRange(0, 100).Draw(t, "spaces"),
		}
	})
}

// write spells s as a .npy file.
func (s sample) write(as spelling) []byte {
	data := bytes.Clone(s.data)
	order := "<"
	if as.big {
		order = ">"
		for part := data; len(part) > 0; part = part[s.width:] {
			slices.Reverse(part[:s.width])
		}
	}
	fortran := "False"
	if as.fortran {
		fortran = "True"
		data = transpose(data, s.shape, s.size)
	}
	dims := make([]string, len(s.shape))
	for i, d := range s.shape {
		dims[i] = fmt.Sprintf("%d,", d)
	}
	header := fmt.Sprintf("{'descr': '%s%s', 'fortran_order': %s, 'shape': (%s), }", order, s.kind, fortran, strings.Join(dims, " "))
	return npyFile(as.version, padded(header, as.spaces), data)
}

// transpose brings elements in C order into Fortran order, one index after the other.
func transpose(data []byte, shape []int, size int) []byte {
	var out []byte
	count := len(data) / size
	for place := range count {
		from, weight, rest := 0, count, place
		for _, d := range shape {
			weight /= d
			from += rest % d * weight
			rest /= d
		}
		out = append(out, data[from*size:(from+1)*size]...)
	}
	return out
}

func TestSpellingDoesNotCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := samples().Draw(t, "array")
		a, okA, errA := digestOfBytes(s.write(spellings().Draw(t, "one")), MediaNpy)
		b, okB, errB := digestOfBytes(s.write(spellings().Draw(t, "other")), MediaNpy)
		if !okA || !okB || a != b {
			t.Errorf("got %v (%v) and %v (%v)", a, errA, b, errB)
		}
	})
}

func TestMeaningCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := samples().Draw(t, "array")
		other := s
		switch change := rapid.SampledFrom([]string{"element", "shape", "kind"}).Draw(t, "change"); {
		case change == "element" && len(s.data) > 0:
			other.data = bytes.Clone(s.data)
			at := rapid.IntRange(0, len(s.data)-1).Draw(t, "at")
			other.data[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		case change == "kind" && s.kind == "f4":
			other.kind = "i4"
		default:
			other.shape = append(slices.Clone(s.shape), 1)
		}
		a, _, _ := digestOfBytes(s.write(spellings().Draw(t, "one")), MediaNpy)
		b, ok, err := digestOfBytes(other.write(spellings().Draw(t, "other")), MediaNpy)
		if !ok || a == b {
			t.Errorf("got %v and %v (%v)", a, b, err)
		}
	})
}

// Whatever little fits into memory, gathering gives every element its place.
func TestGatherInBlocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := samples().Draw(t, "array")
		if len(s.data) == 0 {
			return
		}
		dims := make([]int64, len(s.shape))
		for i, d := range s.shape {
			dims[i] = int64(d)
		}
		var got []byte
		g := gatherer{
			from:    bytes.NewReader(transpose(s.data, s.shape, s.size)),
			element: int64(s.size),
			limit:   int64(rapid.IntRange(1, 2*len(s.data)).Draw(t, "limit")),
			emit:    func(p []byte) { got = append(got, p...) },
		}
		if err := g.block(0, 1, dims); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, s.data) {
			t.Errorf("got %x, want %x", got, s.data)
		}
	})
}

// Runs that are longer than a piece, and neighbours that are pages apart, take other ways through the gatherer.
func TestGatherLargeMatrices(t *testing.T) {
	for _, shape := range [][]int{{700_000, 2}, {2, 700_000}, {3, 5, 70_000}, {1500, 1500}} {
		s := sample{size: 2, shape: shape, data: make([]byte, 2*product(wide(shape)))}
		for i := range s.data {
			s.data[i] = byte(i * 7 >> 3)
		}
		from := transpose(s.data, shape, s.size)
		for _, limit := range []int64{1 << 16, 1 << 21, gatherLimit} {
			var got []byte
			g := gatherer{from: bytes.NewReader(from), element: 2, limit: limit, emit: func(p []byte) { got = append(got, p...) }}
			if err := g.block(0, 1, wide(shape)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, s.data) {
				t.Errorf("%v with a limit of %d: the elements are out of place", shape, limit)
			}
		}
	}
}

func wide(shape []int) []int64 {
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	return dims
}

func TestGatherOfAFileThatShrank(t *testing.T) {
	g := gatherer{from: bytes.NewReader(make([]byte, 10)), element: 2, limit: 1 << 20, emit: func([]byte) {}}
	if err := g.block(0, 1, []int64{3, 4}); err == nil {
		t.Error("no error")
	}
}

func BenchmarkDigest(b *testing.B) {
	const side = 4096
	for name, header := range map[string]string{
		"little":  `{'descr': '<f4', 'fortran_order': False, 'shape': (4096, 4096), }`,
		"big":     `{'descr': '>f4', 'fortran_order': False, 'shape': (4096, 4096), }`,
		"fortran": `{'descr': '<f4', 'fortran_order': True, 'shape': (4096, 4096), }`,
	} {
		b.Run(name, func(b *testing.B) {
			file := npyFile(1, header, make([]byte, 4*side*side))
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				if _, ok, err := digestOfBytes(file, MediaNpy); !ok {
					b.Fatal(err)
				}
			}
		})
	}
}
