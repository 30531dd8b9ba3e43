package tensors

import (
	"errors"
	"io"
)

// gatherer brings elements in Fortran order (the first index varies fastest) into C order, in blocks of at most limit
// bytes. A matrix of usual proportions is read once; where a row (all elements under one first index) is so long that few
// of them make a block, the file is read once for each block.
type gatherer struct {
	from    io.ReaderAt
	element int64 // bytes, not 0
	limit   int64 // bytes
	emit    func([]byte)
	buffer  []byte
	window  window
}

// block emits the part of the array that begins at element base and has the given dimensions; neighbours along its first
// axis are stride elements apart.
func (g *gatherer) block(base, stride int64, dims []int64) error {
	if len(dims) == 0 {
		return g.rows(base, axis{stride: stride, length: 1}, 1, nil)
	}
	first, inner := axis{stride, dims[0]}, dims[1:]
	if fit := g.limit / (product(inner) * g.element); fit > 0 {
		for i := int64(0); i < first.length; i += fit {
			if err := g.rows(base+i*stride, first, min(fit, first.length-i), inner); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range first.length {
		if err := g.block(base+i*stride, stride*first.length, inner); err != nil {
			return err
		}
	}
	return nil
}

// axis is a direction in an array: how many elements apart its neighbours are, and how many there are.
type axis struct{ stride, length int64 }

// rows emits n neighbours along an axis, each with all that the inner axes hold.
func (g *gatherer) rows(base int64, along axis, n int64, inner []int64) error {
	columns := product(inner)
	g.buffer = resized(g.buffer, n*columns*g.element)
	g.window.aim(along.stride * along.length * g.element)
	places := newOdometer(inner)
	for c := range columns {
		if err := g.column(base+c*along.length*along.stride, along.stride, n, places.next(), columns); err != nil {
			return err
		}
	}
	g.emit(g.buffer)
	return nil
}

// column reads n elements that are stride apart and puts them where they belong: each into a row of its own, of columns
// elements, at the given place.
func (g *gatherer) column(base, stride, n, place, columns int64) error {
	e, to := g.element, place*g.element
	for n > 0 {
		part := min(n, g.together(stride))
		run, err := g.window.read(g.from, base*e, ((part-1)*stride+1)*e)
		if err != nil {
			return err
		}
		for i := range part {
			from := i * stride * e
			copy(g.buffer[to:to+e], run[from:from+e])
			to += columns * e
		}
		base += part * stride
		n -= part
	}
	return nil
}

// together is how many elements that are stride apart are worth one read: those on neighbouring pages are.
func (g *gatherer) together(stride int64) int64 {
	if apart := stride * g.element; apart <= 4096 {
		return max(1, pieceSize/apart)
	}
	return 1
}

func resized(p []byte, size int64) []byte {
	if int64(cap(p)) < size {
		return make([]byte, size)
	}
	return p[:size]
}

// odometer counts through the inner axes in Fortran order and tells the place in C order.
type odometer struct {
	dims, index, weights []int64
	place                int64
}

func newOdometer(dims []int64) *odometer {
	o := &odometer{dims: dims, index: make([]int64, len(dims)), weights: make([]int64, len(dims))}
	weight := int64(1)
	for i := len(dims) - 1; i >= 0; i-- {
		o.weights[i] = weight
		weight *= dims[i]
	}
	return o
}

// next returns the present place and moves on.
func (o *odometer) next() int64 {
	place := o.place
	for i := range o.dims {
		o.index[i]++
		o.place += o.weights[i]
		if o.index[i] < o.dims[i] {
			break
		}
		o.place -= o.dims[i] * o.weights[i]
		o.index[i] = 0
	}
	return place
}

func product(dims []int64) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	return n
}

// window reads from ever farther places: those near one another from one larger read.
type window struct {
	buffer []byte
	start  int64
	ahead  int64 // how much to read at once
}

// aim prepares for reads that are step bytes apart: only near ones share a read.
func (w *window) aim(step int64) {
	w.buffer, w.ahead = w.buffer[:0], 0
	if step < pieceSize/16 {
		w.ahead = pieceSize
	}
}

// read returns n bytes at offset, valid until the next read.
func (w *window) read(r io.ReaderAt, offset, n int64) ([]byte, error) {
	if offset < w.start || offset+n > w.start+int64(len(w.buffer)) {
		if err := w.fill(r, offset, n); err != nil {
			return nil, err
		}
	}
	from := offset - w.start
	return w.buffer[from : from+n], nil
}

func (w *window) fill(r io.ReaderAt, offset, n int64) error {
	size := max(n, w.ahead)
	w.buffer = resized(w.buffer, size)
	got, err := r.ReadAt(w.buffer, offset)
	w.start, w.buffer = offset, w.buffer[:got]
	if int64(got) >= n {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return malformed("it ends too early")
	}
	return err
}
