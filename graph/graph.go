package graph

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/rows"
)

// Graph is what a Calyxfile declares, in a form that answers from a file's bytes: nodes are decoded when they are asked
// for, so that a build of a few nodes among many pays for those few. Its methods are safe for concurrent use.
type Graph struct {
	Head
	data    []byte
	mapped  bool
	offsets []byte // uint32 per node and one past the end, into data
	byName  []byte // uint32 per node: node numbers in the order of their names
	owners  []byte // uint32 pairs (offset of the path in data, node), in the order of the paths
}

// Head is all of the declarations but the nodes.
type Head struct {
	Workspace Workspace `json:"workspace"`
	Pools     []Pool    `json:"pools,omitempty"`
	Plugins   []Plugin  `json:"plugins,omitempty"`
	Default   []Ref     `json:"default,omitempty"`
	// Extra is the writer's own: the engine keeps what the evaluation read in it.
	Extra []byte `json:"extra,omitempty"`
}

// magic names the format; another number is another format.
const magic = "calyx graph 2\n\x00\x00"

// ErrFormat is returned by Open for bytes that Encode of this version did not write.
var ErrFormat = errors.New("not a graph file of this version")

// Encode writes declarations, with extra kept beside them, in the form that Open reads.
func Encode(d *Declarations, extra []byte) ([]byte, error) {
	head, err := rows.Marshal(Head{Workspace: d.Workspace, Pools: d.Pools, Plugins: d.Plugins, Default: d.Default, Extra: extra})
	if err != nil {
		return nil, fmt.Errorf("encode the graph: %w", err)
	}
	w := writer{data: make([]byte, 0, 64+len(head)+200*len(d.Nodes))}
	w.data = append(w.data, magic...)
	w.data = append(w.data, make([]byte, sumSize+headerSize)...)
	headAt := len(w.data)
	w.data = append(w.data, head...)
	offsets := make([]uint32, 0, len(d.Nodes)+1)
	for _, n := range d.Nodes {
		offsets = append(offsets, uint32(len(w.data)))
		if err := w.node(n); err != nil {
			return nil, fmt.Errorf("encode node %q: %w", n.Name, err)
		}
	}
	offsets = append(offsets, uint32(len(w.data)))
	owners := w.owners(d.Nodes)
	tables := len(w.data)
	w.numbers(offsets)
	w.numbers(namesInOrder(d.Nodes))
	w.numbers(owners)
	header := w.data[len(magic)+sumSize:]
	for i, v := range []int{len(d.Nodes), len(owners) / 2, headAt, len(head), tables} {
		binary.LittleEndian.PutUint32(header[4*i:], uint32(v))
	}
	sum := hashing.SumParallel(w.data[len(magic)+sumSize:])
	copy(w.data[len(magic):], sum[:sumSize])
	return w.data, nil
}

const (
	sumSize    = 16
	headerSize = 5 * 4
)

// writer builds the file's bytes.
type writer struct{ data []byte }

func (w *writer) node(n *Node) error {
	body, err := rows.Marshal(n)
	if err != nil {
		return err
	}
	w.string(n.Name)
	w.data = append(w.data, body...)
	return nil
}

func (w *writer) string(s string) {
	w.data = binary.LittleEndian.AppendUint32(w.data, uint32(len(s)))
	w.data = append(w.data, s...)
}

func (w *writer) numbers(v []uint32) {
	for _, n := range v {
		w.data = binary.LittleEndian.AppendUint32(w.data, n)
	}
}

// owners writes the paths of all outputs and returns (offset, node) pairs in the order of the paths.
func (w *writer) owners(nodes []*Node) []uint32 {
	type owned struct {
		path string
		node int
	}
	var all []owned
	for i, n := range nodes {
		if n.Step == nil {
			continue
		}
		for _, o := range n.Step.Outs {
			all = append(all, owned{o.Path, i})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].path < all[j].path })
	pairs := make([]uint32, 0, 2*len(all))
	for _, o := range all {
		pairs = append(pairs, uint32(len(w.data)), uint32(o.node))
		w.string(o.path)
	}
	return pairs
}

func namesInOrder(nodes []*Node) []uint32 {
	order := make([]uint32, len(nodes))
	for i := range order {
		order[i] = uint32(i)
	}
	sort.Slice(order, func(i, j int) bool { return nodes[order[i]].Name < nodes[order[j]].Name })
	return order
}

// OpenFile opens a file with what Encode wrote, which must not be written to afterwards. It is mapped for the
// life of the process: most builds look at few of its nodes.
func OpenFile(path string) (*Graph, error) {
	data, err := rows.MapFile(path)
	if err != nil {
		return nil, err
	}
	g, err := Open(data)
	if err != nil {
		return nil, errors.Join(err, unix.Munmap(data))
	}
	g.mapped = true
	return g, nil
}

// Open reads what Encode wrote. It keeps data, which must not change afterwards.
func Open(data []byte) (*Graph, error) {
	start := len(magic) + sumSize
	if len(data) < start+headerSize || string(data[:len(magic)]) != magic {
		return nil, ErrFormat
	}
	sum := hashing.SumParallel(data[start:])
	if string(sum[:sumSize]) != string(data[len(magic):start]) {
		return nil, ErrFormat
	}
	// The checksum makes the rest this package's own words.
	var h [5]int
	for i := range h {
		h[i] = int(binary.LittleEndian.Uint32(data[start+4*i:]))
	}
	nodes, owners, headAt, headLen, tables := h[0], h[1], h[2], h[3], h[4]
	g := &Graph{data: data}
	g.offsets = data[tables : tables+4*(nodes+1)]
	g.byName = data[tables+4*(nodes+1) : tables+4*(2*nodes+1)]
	g.owners = data[tables+4*(2*nodes+1) : tables+4*(2*nodes+1)+8*owners]
	if err := rows.Unmarshal(data[headAt:headAt+headLen], &g.Head); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return g, nil
}

// Is reports whether the graph is the one that was encoded so.
func (g *Graph) Is(encoded []byte) bool { return bytes.Equal(g.data, encoded) }

// Unload gives the memory of a mapped file back until somebody asks for a node.
func (g *Graph) Unload() {
	if g.mapped {
		_ = unix.Madvise(g.data, unix.MADV_DONTNEED)
	}
}

// Len is the number of nodes; they are numbered from 0 in the order of their declaration.
func (g *Graph) Len() int { return len(g.byName) / 4 }

func number(table []byte, i int) int { return int(binary.LittleEndian.Uint32(table[4*i:])) }

func (g *Graph) text(at int) string {
	n := int(binary.LittleEndian.Uint32(g.data[at:]))
	return string(g.data[at+4 : at+4+n])
}

// Name returns the name of node i.
func (g *Graph) Name(i int) string { return g.text(number(g.offsets, i)) }

// Node decodes node i.
func (g *Graph) Node(i int) *Node {
	at, end := number(g.offsets, i), number(g.offsets, i+1)
	skip := 4 + int(binary.LittleEndian.Uint32(g.data[at:]))
	var n Node
	if err := rows.Unmarshal(g.data[at+skip:end], &n); err != nil {
		panic(fmt.Sprintf("internal error: node %d of a checked graph file: %v", i, err))
	}
	return &n
}

// Find returns the number of the node with that name.
func (g *Graph) Find(name string) (int, bool) {
	at := sort.Search(g.Len(), func(i int) bool { return g.Name(number(g.byName, i)) >= name })
	if at == g.Len() {
		return 0, false
	}
	i := number(g.byName, at)
	return i, g.Name(i) == name
}

// Owner returns the node that owns path (clean, as outputs are spelled): an output, or a place inside an output folder.
func (g *Graph) Owner(p string) (int, bool) {
	for {
		if i, ok := g.owner(p); ok {
			return i, true
		}
		parent := path.Dir(p)
		if parent == p || parent == "." {
			return 0, false
		}
		p = parent
	}
}

func (g *Graph) owner(p string) (int, bool) {
	at := g.firstOutput(p)
	if at == len(g.owners)/8 || g.text(number(g.owners, 2*at)) != p {
		return 0, false
	}
	return number(g.owners, 2*at+1), true
}

// Outputs calls yield for every output path and its node, in the order of the paths, until yield returns false.
func (g *Graph) Outputs(yield func(path string, node int) bool) {
	for i := range len(g.owners) / 8 {
		if !yield(g.text(number(g.owners, 2*i)), number(g.owners, 2*i+1)) {
			return
		}
	}
}

// Under reports whether any output lies in the folder dir.
func (g *Graph) Under(dir string) bool {
	prefix := strings.TrimSuffix(dir, "/") + "/"
	at := g.firstOutput(prefix)
	return at < len(g.owners)/8 && strings.HasPrefix(g.text(number(g.owners, 2*at)), prefix)
}

// firstOutput is the place of the first output path that is not before p.
func (g *Graph) firstOutput(p string) int {
	return sort.Search(len(g.owners)/8, func(i int) bool { return g.text(number(g.owners, 2*i)) >= p })
}

// Folders returns the names of the folders in the folder dir in which outputs lie, in order. The workspace is ".".
func (g *Graph) Folders(dir string) []string {
	prefix := strings.TrimPrefix(strings.TrimSuffix(dir, "/")+"/", "./")
	var names []string
	for at := g.firstOutput(prefix); at < len(g.owners)/8; {
		rest, ok := strings.CutPrefix(g.text(number(g.owners, 2*at)), prefix)
		if !ok && prefix != "" {
			break
		}
		name, _, isFolder := strings.Cut(rest, "/")
		if !isFolder || name == "" { // an output itself, or an absolute path
			at++
			continue
		}
		names = append(names, name)
		at = g.firstOutput(prefix + name + "0") // "0" follows "/"
	}
	return names
}

// Names returns the names of all nodes, in order.
func (g *Graph) Names() []string {
	names := make([]string, g.Len())
	for i := range names {
		names[i] = g.Name(number(g.byName, i))
	}
	return names
}

// Declarations decodes all nodes.
func (g *Graph) Declarations() *Declarations {
	d := &Declarations{Workspace: g.Workspace, Pools: g.Pools, Plugins: g.Plugins, Default: g.Default, Nodes: make([]*Node, g.Len())}
	for i := range d.Nodes {
		d.Nodes[i] = g.Node(i)
	}
	return d
}
