package executor

import (
	"strings"
)

// closesCycle reports whether a wait of n for one of the nodes could never end. Where the cycle leads through a node that
// only follows another one's execution of the same action, it is executed itself; where it leads through one that only
// checks an old trace, that check is given up (it is a difference, rule 4). Then there is no cycle.
func (l *loop) closesCycle(n *node, nodes []*node) bool {
	return l.cycle(n, nodes) != nil
}

// cycle returns the names around a cycle that a wait of n for nodes would close: n first and last. nil: there is none.
func (l *loop) cycle(n *node, nodes []*node) []string {
	for {
		path := l.pathTo(nodes, n)
		if path == nil {
			return nil
		}
		if !l.breakFollowing(path) && !l.breakCheck(path) {
			names := []string{n.name}
			for _, p := range path {
				names = append(names, p.name)
			}
			return names
		}
	}
}

// breakFollowing has the first node in path executed that waits for another one's execution of the same action.
func (l *loop) breakFollowing(path []*node) bool {
	for _, p := range path {
		if p.state != following {
			continue
		}
		p.waits[0].giveUp()
		p.to(queued)
		l.enqueue(p)
		return true
	}
	return false
}

// breakCheck gives up the first check in path.
func (l *loop) breakCheck(path []*node) bool {
	for _, p := range path {
		if p.state != checking {
			continue
		}
		for len(p.waits) > 0 {
			p.waits[0].giveUp()
		}
		c := p.act.check
		c.traces, c.trail = nil, nil
		l.soon(func() {
			if p.state == checking {
				l.checkNext(p)
			}
		})
		return true
	}
	return false
}

// pathTo follows who waits for whom from the nodes to goal, and returns the nodes on the way, goal last.
func (l *loop) pathTo(from []*node, goal *node) []*node {
	came := map[*node]*node{}
	var stack []*node
	push := func(n, parent *node) {
		if _, ok := came[n]; !ok && !n.state.ended() {
			came[n] = parent
			stack = append(stack, n)
		}
	}
	for _, n := range from {
		push(n, nil)
	}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if n == goal {
			return trail(came, n)
		}
		for _, d := range l.waitsFor(n) {
			push(d, n)
		}
	}
	return nil
}

// waitsFor returns what n waits for, or, where nobody asked for it yet, what it will wait for by its declaration.
func (l *loop) waitsFor(n *node) []*node {
	if n.state == idle {
		l.declare(n)
		return n.declaredNodes()
	}
	var on []*node
	for _, w := range n.waits {
		on = append(on, w.on...)
	}
	return on
}

func trail(came map[*node]*node, end *node) []*node {
	var back []*node
	for n := end; n != nil; n = came[n] {
		back = append(back, n)
	}
	for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
		back[i], back[j] = back[j], back[i]
	}
	return back
}

// cycleText spells a cycle as users are shown it.
func cycleText(names []string) string { return strings.Join(names, " -> ") }
