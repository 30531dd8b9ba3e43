package reports

import (
	"fmt"
	"slices"
	"strings"
)

// dag is a graph of nodes that take time, by number.
type dag struct {
	nodes      []PlanNode
	dependents [][]int
	order      []int // dependencies before dependents
	byName     []int // the place of each node's name among the sorted names
}

// newDAG orders the nodes. The error names a cycle.
func newDAG(nodes []PlanNode) (*dag, error) {
	g := &dag{nodes: nodes, dependents: make([][]int, len(nodes)), order: make([]int, 0, len(nodes))}
	open := make([]int, len(nodes)) // dependencies that are not in the order yet
	for i, n := range nodes {
		for _, d := range n.Deps {
			if d < 0 || d >= len(nodes) {
				panic(fmt.Sprintf("internal error: node %q depends on number %d of %d", n.Name, d, len(nodes)))
			}
			g.dependents[d] = append(g.dependents[d], i)
			open[i]++
		}
		if open[i] == 0 {
			g.order = append(g.order, i)
		}
	}
	for at := 0; at < len(g.order); at++ {
		for _, i := range g.dependents[g.order[at]] {
			if open[i]--; open[i] == 0 {
				g.order = append(g.order, i)
			}
		}
	}
	if len(g.order) < len(nodes) {
		return nil, g.cycle(open)
	}
	g.byName = g.namesInOrder()
	return g, nil
}

func (g *dag) namesInOrder() []int {
	sorted := slices.Clone(g.order)
	slices.SortFunc(sorted, func(a, b int) int { return strings.Compare(g.nodes[a].Name, g.nodes[b].Name) })
	place := make([]int, len(sorted))
	for at, i := range sorted {
		place[i] = at
	}
	return place
}

// cycle finds a cycle among the nodes with open dependencies: each of them has one that is open too.
func (g *dag) cycle(open []int) error {
	at := 0
	for open[at] == 0 {
		at++
	}
	var walk []int
	seen := map[int]int{}
	for {
		if first, ok := seen[at]; ok {
			walk = append(walk[first:], at)
			break
		}
		seen[at] = len(walk)
		walk = append(walk, at)
		for _, d := range g.nodes[at].Deps {
			if open[d] > 0 {
				at = d
				break
			}
		}
	}
	names := make([]string, len(walk))
	for i, n := range walk {
		names[i] = g.nodes[n].Name
	}
	return fmt.Errorf("order the nodes: they need one another: %s", strings.Join(names, " → "))
}

// seconds returns the nodes' times.
func (g *dag) seconds() []float64 {
	s := make([]float64, len(g.nodes))
	for i, n := range g.nodes {
		s[i] = n.Seconds
	}
	return s
}

// tails returns, for each node, the seconds from its start to the end of the longest chain that begins with it.
func (g *dag) tails(seconds []float64) []float64 {
	tails := make([]float64, len(g.nodes))
	for at := len(g.order) - 1; at >= 0; at-- {
		i := g.order[at]
		longest := 0.0
		for _, d := range g.dependents[i] {
			longest = max(longest, tails[d])
		}
		tails[i] = seconds[i] + longest
	}
	return tails
}

// longest returns the longest chain by time, from its first node to its last.
func (g *dag) longest(seconds []float64) Path {
	tails := g.tails(seconds)
	path := Path{Nodes: []PathNode{}}
	next := argmax(tails, g.order)
	if next >= 0 {
		path.Seconds = tails[next]
	}
	for next >= 0 {
		if seconds[next] > 0 {
			path.Nodes = append(path.Nodes, PathNode{Node: g.nodes[next].Name, Seconds: seconds[next]})
		}
		next = argmax(tails, g.dependents[next])
	}
	return path
}

// argmax returns the first of the given numbers whose value is the largest; -1 where none is given.
func argmax(values []float64, among []int) int {
	best := -1
	for _, i := range among {
		if best < 0 || values[i] > values[best] {
			best = i
		}
	}
	return best
}

// stages groups the nodes that take time by the length of the longest chain of such nodes before them: what stands in one
// stage can run at once.
func (g *dag) stages(seconds []float64) [][]string {
	next := make([]int, len(g.nodes)) // the first stage in which a dependent of the node may stand
	stages := [][]string{}
	for _, i := range g.order {
		for _, d := range g.nodes[i].Deps {
			next[i] = max(next[i], next[d])
		}
		if seconds[i] == 0 {
			continue
		}
		if next[i] == len(stages) {
			stages = append(stages, nil)
		}
		stages[next[i]] = append(stages[next[i]], g.nodes[i].Name)
		next[i]++
	}
	return stages
}

// serial returns the seconds of the nodes beside which nothing else can run: those that come after or before every other
// node that takes time. In any topological order such a node is the only sink of the nodes up to it and the only source of
// those from it on.
func (g *dag) serial(seconds []float64) float64 {
	n := len(g.nodes)
	place := make([]int, n)
	for at, i := range g.order {
		place[i] = at
	}
	closes := make([]int, n+1) // how many nodes that take time have their nearest such descendant at a place
	opens := make([]int, n+1)  // how many have their nearest such ancestor at a place
	near := g.nearest(seconds, place)
	for at, i := range g.order {
		if seconds[i] > 0 {
			closes[near.descendant[at]]++
			opens[near.ancestor[at]+1]++
		}
	}
	sources := make([]int, n+1) // of the nodes from a place on
	total := 0.0
	free := 0
	for at := n - 1; at >= 0; at-- {
		// A node is a source of those from `at` on while its nearest ancestor lies before `at`.
		if seconds[g.order[at]] > 0 {
			free++
		}
		free -= opens[at+1]
		sources[at] = free
	}
	sinks := 0
	for at := range n {
		i := g.order[at]
		if seconds[i] == 0 {
			continue
		}
		sinks += 1 - closes[at]
		if sinks == 1 && sources[at] == 1 {
			total += seconds[i]
		}
	}
	return total
}

// neighbours are, by place in the order, the places of the nearest descendant and ancestor that take time: n and -1 where
// there is none.
type neighbours struct{ descendant, ancestor []int }

func (g *dag) nearest(seconds []float64, place []int) neighbours {
	n := len(g.order)
	near := neighbours{make([]int, n), make([]int, n)}
	for at := n - 1; at >= 0; at-- {
		near.descendant[at] = n
		for _, d := range g.dependents[g.order[at]] {
			next := place[d]
			if seconds[d] == 0 {
				next = near.descendant[next]
			}
			near.descendant[at] = min(near.descendant[at], next)
		}
	}
	for at, i := range g.order {
		near.ancestor[at] = -1
		for _, d := range g.nodes[i].Deps {
			last := place[d]
			if seconds[d] == 0 {
				last = near.ancestor[last]
			}
			near.ancestor[at] = max(near.ancestor[at], last)
		}
	}
	return near
}
