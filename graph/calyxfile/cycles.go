package calyxfile

import (
	"slices"
	"strings"

	"github.com/calyx-build/calyx/graph"
)

// color is how far the search has come with a node.
type color uint8

const (
	white color = iota // not seen
	grey               // on the path from the root
	black              // done: no new cycle goes through it
)

// visit is a node on the search's path, with the nodes that it needs and are not looked at yet.
type visit struct {
	node *declared
	rest []*declared
}

// findCycles searches depth first for nodes that need themselves and reports every cycle that closes. It keeps its own
// stack: a chain may be a hundred thousand steps long.
func (l *linker) findCycles() {
	for _, root := range l.nodes {
		if root.color == white {
			l.search(root)
		}
	}
}

func (l *linker) search(root *declared) {
	stack := []visit{{root, l.needs(root)}}
	root.color = grey
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if len(top.rest) == 0 {
			top.node.color = black
			stack = stack[:len(stack)-1]
			continue
		}
		next := top.rest[0]
		top.rest = top.rest[1:]
		switch next.color {
		case white:
			next.color = grey
			stack = append(stack, visit{next, l.needs(next)})
		case grey:
			l.reportCycle(stack, next)
		}
	}
}

// reportCycle prints the part of the path that begins with the node that closes it.
func (l *linker) reportCycle(stack []visit, first *declared) {
	at := slices.IndexFunc(stack, func(v visit) bool { return v.node == first })
	var names []string
	for _, v := range stack[at:] {
		names = append(names, v.node.Name)
	}
	names = append(names, first.Name)
	l.add(Error{Pos: first.Pos, Msg: "a cycle: " + strings.Join(names, " -> ")})
}

// needs returns the nodes that come before d.
func (l *linker) needs(d *declared) []*declared {
	var all []*declared
	add := func(name string) { all = append(all, l.byName[name]) }
	for _, ref := range d.List {
		add(ref.Node)
	}
	if d.Step == nil {
		return all
	}
	addRef := func(ref graph.Ref) { add(ref.Node) }
	d.Step.Refs(addRef)
	for _, name := range d.Step.After {
		add(name)
	}
	if d.Step.Call != nil {
		cmd := l.pluginNames[d.Step.Call.Plugin].Cmd
		for i := range cmd {
			cmd[i].Refs(addRef)
		}
		for _, v := range l.pluginNames[d.Step.Call.Plugin].Env {
			if v.Value != nil {
				v.Value.Refs(addRef)
			}
		}
	}
	return all
}
