package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"unsafe"

	"github.com/calyx-build/calyx/hashing"
)

// columns are the sections of a file in the making.
type columns struct {
	text    []byte
	folders []folderRow
	paths   []pathRow
	stats   []hashing.Stat
	digests []hashing.Digest
	leaves  []leafRow
	nodes   []nodeRow
	edges   []uint32
}

// encode makes the content of the file.
func (e *Edit) encode(h Head) (*content, error) {
	if c := e.patch(h); c != nil {
		return c, nil
	}
	order, err := e.order()
	if err != nil {
		return nil, err
	}
	nodes := newNumbering(e.nodes.len())
	leaves := newNumbering(e.leaves.len())
	paths := newNumbering(e.numPaths())
	for _, id := range order {
		nodes.take(id)
		n := e.node(id)
		leaves.take(n.Leaves...)
		paths.take(n.Outputs...)
	}
	for _, id := range leaves.ids {
		paths.take(e.leaf(id).Paths...)
	}
	c := e.columns(len(order), len(leaves.ids), len(paths.ids))
	e.putPaths(c, paths)
	for _, id := range leaves.ids {
		c.putLeaf(e.leaf(id), paths)
	}
	for _, id := range order {
		c.putNode(e.node(id), nodes, leaves, paths)
	}
	if len(c.text) > math.MaxUint32 || len(c.edges) > math.MaxUint32 {
		return nil, errors.New("it would be too large")
	}
	return c.content(h), nil
}

// columns makes room for so many rows, and for text and edges as of the old snapshot.
func (e *Edit) columns(nodes, leaves, paths int) *columns {
	return &columns{
		text: make([]byte, 0, len(e.old.text)+len(e.old.text)/8), edges: make([]uint32, 0, len(e.old.edges)+len(e.old.edges)/8),
		paths: make([]pathRow, 0, paths), stats: make([]hashing.Stat, 0, paths), digests: make([]hashing.Digest, 0, paths),
		leaves: make([]leafRow, 0, leaves), nodes: make([]nodeRow, 0, nodes),
	}
}

func (c *columns) putLeaf(l Leaf, paths *numbering) {
	c.leaves = append(c.leaves, leafRow{Digest: l.Digest, Subject: put(c, l.Subject), Kind: l.Kind, Paths: c.link(l.Paths, paths)})
}

func (c *columns) putNode(n Node, nodes, leaves, paths *numbering) {
	r := nodeRow{
		Name: put(c, n.Name), Data: put(c, n.Data),
		Leaves: c.link(n.Leaves, leaves), Outputs: c.link(n.Outputs, paths), Deps: c.link(n.Deps, nodes),
	}
	r.Flags.set(dirty, n.Dirty)
	c.nodes = append(c.nodes, r)
}

func put[T string | []byte](c *columns, text T) span {
	from := uint32(len(c.text))
	c.text = append(c.text, text...)
	return span{from, uint32(len(c.text))}
}

func (c *columns) link(ids []uint32, to *numbering) span {
	from := uint32(len(c.edges))
	for _, id := range ids {
		c.edges = append(c.edges, to.of[id]-1)
	}
	return span{from, uint32(len(c.edges))}
}

// content is a file but for its preamble.
type content struct {
	head  head
	parts [sections][][]byte // of each section, one behind the other
	over  []overwrite
	size  uint64 // of the whole file
}

// overwrite is a row that differs from the one that the parts have in its place.
type overwrite struct {
	section int
	at      uint64 // in the section
	row     []byte
}

func (c *columns) content(h Head) *content {
	f := &content{
		head: head{Version: version, Binding: h.Binding, Expires: nanoseconds(h.Expires)},
		parts: [sections][][]byte{
			noteSection: {h.Note}, textSection: {c.text}, folderSection: {bytesOf(c.folders)}, pathSection: {bytesOf(c.paths)},
			statSection: {bytesOf(c.stats)}, digestSection: {bytesOf(c.digests)}, leafSection: {bytesOf(c.leaves)},
			nodeSection: {bytesOf(c.nodes)}, edgeSection: {bytesOf(c.edges)},
		},
	}
	f.place()
	return f
}

// place finds where the sections go, once they have all their parts.
func (f *content) place() {
	f.size = uint64(preambleSize + headSize)
	for i := range f.parts {
		n := f.length(i)
		f.head.Sections[i] = section{f.size, f.size + n}
		f.size += n + padding(n)
	}
}

func (f *content) length(section int) (n uint64) {
	for _, p := range f.parts[section] {
		n += uint64(len(p))
	}
	return n
}

func (f *content) add(section int, part []byte) { f.parts[section] = append(f.parts[section], part) }

// put replaces the row with that number.
func (f *content) put(section int, number uint32, row []byte) {
	f.over = append(f.over, overwrite{section, uint64(number) * uint64(len(row)), row})
}

// where is the place of a row in the file.
func (f *content) where(o overwrite) int64 { return int64(f.head.Sections[o.section].From + o.at) }

// padding is what a section of n bytes lacks to end where another one may begin.
func padding(n uint64) uint64 { return -n % sectionsAt }

// write writes the parts of the file, with a preamble that is empty. They go out from where they are: together they may be large.
func (f *content) write(w io.Writer) error {
	pieces := [][]byte{make([]byte, preambleSize), bytesOf([]head{f.head})}
	for i, parts := range f.parts {
		pieces = append(append(pieces, parts...), make([]byte, padding(f.length(i))))
	}
	for _, p := range pieces {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// bytes is the whole file.
func (f *content) bytes() []byte {
	var file bytes.Buffer
	file.Grow(int(f.size))
	_ = f.write(&file) // a buffer takes everything
	for _, o := range f.over {
		copy(file.Bytes()[f.where(o):], o.row)
	}
	seal(file.Bytes())
	return file.Bytes()
}

// seal writes the preamble of a file that is whole otherwise.
func seal(file []byte) {
	*(*preamble)(unsafe.Pointer(unsafe.SliceData(file))) = preambleOf(checksum(file))
}

func preambleOf(sum hashing.Digest) preamble {
	p := preamble{Checksum: sum}
	copy(p.Magic[:], magic)
	return p
}

// order returns the nodes that stay, each after those that it depends on.
func (e *Edit) order() ([]uint32, error) {
	s := sorting{e: e, state: make([]sortState, e.nodes.len())}
	for id := range e.nodes.len() {
		if e.dropped[id] {
			continue
		}
		if err := s.visit(id); err != nil {
			return nil, err
		}
	}
	return s.order, nil
}

type sortState uint8

const (
	unseen sortState = iota
	open
	placed
)

type sorting struct {
	e     *Edit
	state []sortState
	order []uint32
}

func (s *sorting) visit(id uint32) error {
	switch {
	case s.state[id] == placed:
		return nil
	case s.state[id] == open:
		return fmt.Errorf("%q depends on itself", s.e.node(id).Name)
	case s.e.dropped[id]:
		return fmt.Errorf("%q is left out and needed", s.e.node(id).Name)
	}
	s.state[id] = open
	for _, d := range s.e.node(id).Deps {
		if err := s.visit(d); err != nil {
			return err
		}
	}
	s.state[id] = placed
	s.order = append(s.order, id)
	return nil
}

// numbering gives new numbers to the things that are taken, in the order in which they are.
type numbering struct {
	of  []uint32 // the new number plus one; 0: not taken
	ids []uint32 // the old numbers
}

func newNumbering(n uint32) *numbering { return &numbering{of: make([]uint32, n)} }

func (n *numbering) take(ids ...uint32) {
	for _, id := range ids {
		if n.of[id] == 0 {
			n.ids = append(n.ids, id)
			n.of[id] = uint32(len(n.ids))
		}
	}
}
