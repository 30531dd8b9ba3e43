package snapshot

// Touched returns the leaves behind which one of the paths is, and the nodes that own one of them as an output.
func (s *Snapshot) Touched(paths []uint32) (leaves, nodes []uint32) {
	moved := mark(paths, len(s.paths))
	for i := range s.leaves {
		if moved.any(s.edgesOf(s.leaves[i].Paths)) {
			leaves = append(leaves, uint32(i))
		}
	}
	for i := range s.nodes {
		if moved.any(s.edgesOf(s.nodes[i].Outputs)) {
			nodes = append(nodes, uint32(i))
		}
	}
	return leaves, nodes
}

// Reach returns, by number, which nodes are dirty when these leaves differ and these nodes lost their outputs: they, those
// that were dirty before, and all that depends on such.
func (s *Snapshot) Reach(leaves, nodes []uint32) []bool {
	differ := mark(leaves, len(s.leaves))
	reached := mark(nodes, len(s.nodes))
	for i := range s.nodes { // dependencies come first
		r := &s.nodes[i]
		reached[i] = reached[i] || r.Flags.has(dirty) || differ.any(s.edgesOf(r.Leaves)) || reached.any(s.edgesOf(r.Deps))
	}
	return reached
}

// marks is a set of numbers.
type marks []bool

func mark(numbers []uint32, n int) marks {
	m := make(marks, n)
	for _, i := range numbers {
		m[i] = true
	}
	return m
}

func (m marks) any(numbers []uint32) bool {
	for _, i := range numbers {
		if m[i] {
			return true
		}
	}
	return false
}
