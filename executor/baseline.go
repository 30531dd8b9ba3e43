package executor

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/executor/still"
	"github.com/calyx-build/calyx/hashing"
)

// baseline is the snapshot that a build begins with where something moved, but not the graph. Only the nodes that what moved
// reaches are looked up. All others are as they were: their inputs and outputs were just compared.
type baseline struct {
	s       *snapshot.Snapshot
	swept   *snapshot.Sweep
	reached []bool            // by the snapshot's numbers
	numbers []uint32          // of nodes that the Calyxfile declares, by index, plus one; 0: not in the snapshot
	others  map[string]uint32 // the numbers of all other nodes, by name
	note    still.Note
	left    *snapshot.Snapshot // of the state that the workspace is in, where s is that of an earlier one; see goBack
	cached  int                // steps that were brought back
}

// newBaseline makes a baseline of a snapshot with what the paths that moved reach. nil: the graph.
func newBaseline(s *snapshot.Snapshot, swept *snapshot.Sweep, reached []bool, note still.Note) *baseline {
	b := &baseline{s: s, swept: swept, others: map[string]uint32{}, note: note, reached: reached}
	if b.reached[0] {
		return nil // what the evaluation read
	}
	for i, n := range s.Nodes() {
		note, ok := readNote(n.Data)
		if !ok {
			continue // the facts
		}
		if note.index < 0 {
			b.others[n.Name] = i
			continue
		}
		if more := note.index + 1 - len(b.numbers); more > 0 {
			b.numbers = append(b.numbers, make([]uint32, more)...)
		}
		b.numbers[note.index] = i + 1
	}
	return b
}

func (b *baseline) close() {
	_ = b.s.Close()
	if b.left != nil {
		_ = b.left.Close()
	}
}

// nodeNote is what a snapshot keeps of a node for the engine.
type nodeNote struct {
	index  int // in the graph; -1 for plugins and nodes with arguments
	target bool
	step   bool           // counted
	check  hashing.Digest // of its key and value
}

func (n nodeNote) encode() []byte {
	var flags byte
	if n.target {
		flags |= 1
	}
	if n.step {
		flags |= 2
	}
	data := binary.LittleEndian.AppendUint32([]byte{flags}, uint32(n.index+1))
	return append(data, n.check[:]...)
}

func readNote(data []byte) (n nodeNote, ok bool) {
	if len(data) != 5+len(n.check) {
		return n, false
	}
	n.target, n.step = data[0]&1 != 0, data[0]&2 != 0
	n.index = int(binary.LittleEndian.Uint32(data[1:])) - 1
	copy(n.check[:], data[5:])
	return n, true
}

// valueCheck is what must be equal for the record of a node to be the one that a snapshot speaks of.
func valueCheck(action hashing.Digest, v trace.Value) hashing.Digest {
	view := wholeDigest(v)
	return hashing.Sum(slices.Concat(action[:], view[:]))
}

// number is the snapshot's number of a node.
func (b *baseline) number(n *node) (uint32, bool) {
	if n.index < 0 {
		i, ok := b.others[n.name]
		return i, ok
	}
	if n.index >= len(b.numbers) || b.numbers[n.index] == 0 {
		return 0, false
	}
	return b.numbers[n.index] - 1, true
}

// vouches reports whether n is a declared step that nothing that moved reaches.
func (b *baseline) vouches(n *node) bool {
	return n.index >= 0 && b.spares(n)
}

// spares reports whether n is one of the steps that nothing that moved reaches.
func (b *baseline) spares(n *node) bool {
	if !n.isStep() {
		return false
	}
	i, ok := b.number(n)
	return ok && !b.reached[i]
}

// fits reports whether a record is the one that the snapshot speaks of.
func (b *baseline) fits(n *node, r *trace.NodeRecord) bool {
	i, ok := b.number(n)
	if !ok || r == nil || r.Failure != "" {
		return false
	}
	note, ok := readNote(b.s.Node(i).Data)
	return ok && note.check == valueCheck(r.Action, r.Result.Value)
}

// targets are those of the build's targets that have to be looked at.
func (b *baseline) targets(l *loop) ([]target, error) {
	var all []target
	for i, n := range b.s.Nodes() {
		note, _ := readNote(n.Data)
		if !b.reached[i] || !note.target {
			continue
		}
		if note.index >= 0 {
			all = append(all, target{text: n.Name, n: l.numbered(note.index)})
			continue
		}
		one, err := l.spelled(n.Name)
		if err != nil {
			return nil, err
		}
		all = append(all, target{text: one.name, n: one})
	}
	return all, nil
}

// still counts the steps that nothing reached and that did not have to be brought back.
func (b *baseline) still() (count int) {
	for i, n := range b.s.Nodes() {
		if note, ok := readNote(n.Data); ok && note.step && !b.reached[i] {
			count++
		}
	}
	return count - b.cached
}

// remember seeds the memory of files with what is known of the paths behind the nodes that were reached, and behind their
// stored inputs.
func (b *baseline) remember(e *Engine) {
	moved := map[uint32]bool{}
	for _, i := range b.swept.Moved {
		moved[i] = true
	}
	leaves := map[uint32]bool{}
	for i, reached := range b.reached {
		if !reached {
			continue
		}
		n := b.s.Node(uint32(i))
		for _, d := range append(n.Deps, uint32(i)) {
			for _, leaf := range b.s.Node(d).Leaves {
				leaves[leaf] = true
			}
		}
		for _, p := range n.Outputs {
			if !moved[p] {
				e.rememberPath(b.s.Path(p))
			}
		}
	}
	for leaf := range leaves {
		for _, p := range b.s.Leaf(leaf).Paths {
			if !moved[p] {
				e.rememberPath(b.s.Path(p))
			}
		}
	}
}

// changed names the files that this build saw otherwise than they were when it began. What stands behind the nodes that nothing
// reached was looked at then, and is pinned like what any other node looked at.
func (b *baseline) changed(l *loop) (names []string) {
	pinned := make(map[string]*looked, len(l.pinned))
	for at, p := range l.pinned {
		pinned[l.e.rel(at)] = p
	}
	for i := range b.s.Named(slices.Collect(maps.Keys(pinned))) {
		if _, moved := slices.BinarySearch(b.swept.Moved, i); moved {
			continue
		}
		was := b.s.Path(i)
		is := pinned[was.Name]
		switch was.Kind {
		case snapshot.File:
			if is.kind != lookedFile || is.record.Digest != was.Record.Digest {
				names = append(names, strings.Clone(was.Name))
			}
		case snapshot.Absent:
			if is.kind != lookedNothing {
				names = append(names, strings.Clone(was.Name))
			}
		}
	}
	return names
}
