package snapshot

import "github.com/calyx-build/calyx/hashing"

// Edit is a snapshot in the making: an old one, or none, and what differs from it. The numbers that its methods take are
// those of the old snapshot and those that its methods returned; the new snapshot has other numbers. What no node needs is
// left out. It is not safe for concurrent use.
type Edit struct {
	old       *Snapshot
	refreshed map[uint32]hashing.Record // of the old snapshot's paths
	leaves    added[Leaf]
	nodes     added[Node]
	dropped   map[uint32]bool
	paths     list[Path]
	known     map[string]uint32 // the last of paths that were added with a name, by its number
}

// added holds what replaces things of an old snapshot, and what follows them.
type added[T any] struct {
	old      uint32 // how many the old snapshot has
	replaced map[uint32]T
	more     list[T]
}

func (a *added[T]) len() uint32 { return a.old + uint32(a.more.n) }

func (a *added[T]) add(v T) uint32 {
	a.more.add(v)
	return a.len() - 1
}

func (a *added[T]) set(i uint32, v T) {
	if i >= a.old {
		*a.more.at(int(i - a.old)) = v
		return
	}
	if a.replaced == nil {
		a.replaced = map[uint32]T{}
	}
	a.replaced[i] = v
}

func (a *added[T]) get(i uint32, old func(uint32) T) T {
	if i >= a.old {
		return *a.more.at(int(i - a.old))
	}
	if v, ok := a.replaced[i]; ok {
		return v
	}
	return old(i)
}

// New begins an empty snapshot.
func New() *Edit { return Begin(&Snapshot{}, nil) }

// Begin begins with what is in an old snapshot, which must stay open until the new one is written. refreshed are new
// records of its paths.
func Begin(old *Snapshot, refreshed []Refreshed) *Edit {
	e := &Edit{old: old, known: map[string]uint32{}, dropped: map[uint32]bool{}, refreshed: map[uint32]hashing.Record{}}
	e.leaves.old, e.nodes.old = uint32(len(old.leaves)), uint32(len(old.nodes))
	for _, r := range refreshed {
		e.refreshed[r.Path] = r.Record
	}
	return e
}

// AddPath adds a path and returns its number. A path that is the last one of its name that was added has its number.
func (e *Edit) AddPath(p Path) uint32 {
	old := len(e.old.paths)
	if i, ok := e.known[p.Name]; ok && *e.paths.at(int(i) - old) == p {
		return i
	}
	i := uint32(old + e.paths.n)
	e.paths.add(p)
	e.known[p.Name] = i
	return i
}

// AddLeaf adds a leaf and returns its number.
func (e *Edit) AddLeaf(l Leaf) uint32 { return e.leaves.add(l) }

// SetLeaf replaces a leaf: every node that depends on it depends on the new one.
func (e *Edit) SetLeaf(i uint32, l Leaf) { e.leaves.set(i, l) }

// AddNode adds a node and returns its number. Nodes may be added in any order, and may depend on those that come later.
func (e *Edit) AddNode(n Node) uint32 { return e.nodes.add(n) }

// SetNode replaces a node.
func (e *Edit) SetNode(i uint32, n Node) { e.nodes.set(i, n) }

// DropNode leaves a node out. No other node may depend on it.
func (e *Edit) DropNode(i uint32) { e.dropped[i] = true }

func (e *Edit) leaf(i uint32) Leaf { return e.leaves.get(i, e.old.Leaf) }
func (e *Edit) node(i uint32) Node { return e.nodes.get(i, e.old.Node) }

// Keep leaves out every node that none of the roots needs.
func (e *Edit) Keep(roots ...uint32) {
	needed := make([]bool, e.nodes.len())
	stack := append([]uint32{}, roots...)
	for len(stack) > 0 {
		id := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if needed[id] {
			continue
		}
		needed[id] = true
		stack = append(stack, e.node(id).Deps...)
	}
	for id, is := range needed {
		if !is {
			e.dropped[uint32(id)] = true
		}
	}
}
