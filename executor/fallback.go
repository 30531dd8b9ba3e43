package executor

import "container/heap"

// fallbacks are the calls that needed, at any distance, what failed in a build that stops at a failure. One of them may catch that
// and go on: ask for something else, or for the rest. What it needs is built for as long as it runs, or what it makes of the
// failure would be made of the stop.
type fallbacks struct {
	calls map[*node]bool
	// needed are these calls and what they wait for, at any distance.
	needed map[*node]bool
	// moved tells that something is to be dropped, or may be.
	moved bool
}

// stops reports whether the build stops before it comes to n.
func (l *loop) stops(n *node) bool {
	return l.stopping && !l.survey && (l.cut || !l.fall.needed[n])
}

// fallBack keeps the calls that need n, which has failed, from the stop of the build.
func (l *loop) fallBack(n *node) {
	if !l.stopping || l.cut || l.survey {
		return
	}
	l.fall.moved = true
	todo, seen := []*node{n}, map[*node]bool{}
	for len(todo) > 0 {
		top := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, w := range top.wanted {
			if w.off || seen[w.owner] || l.fall.calls[w.owner] {
				continue
			}
			seen[w.owner] = true
			todo = append(todo, w.owner)
			if w.owner.call && (w.owner.state == suspended || w.owner.state == checking) {
				if l.fall.calls == nil {
					l.fall.calls, l.fall.needed = map[*node]bool{}, map[*node]bool{}
				}
				l.fall.calls[w.owner] = true
				l.spare(w.owner)
			}
		}
	}
}

// spare keeps n, and what it waits for, from the stop of the build.
func (l *loop) spare(n *node) {
	todo := []*node{n}
	for len(todo) > 0 {
		top := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if l.fall.needed[top] {
			continue
		}
		l.fall.needed[top] = true
		for _, w := range top.waits {
			todo = append(todo, w.on...)
		}
	}
}

// spareNeeds keeps from the stop what a spared node begins to wait for, also where the stop was there before it.
func (l *loop) spareNeeds(owner *node, needs []*node) {
	if l.cut || !l.fall.needed[owner] {
		return
	}
	for _, n := range needs {
		l.spare(n)
		if n.state == dropped {
			n.to(waiting)
			if n.isStep() {
				l.ahead += l.recorded(n)
			}
			l.soon(func() {
				l.declare(n)
				l.awaitInputs(n)
			})
		}
	}
}

// endFallback leaves what an ended call needed to the stop of the build.
func (l *loop) endFallback(n *node) {
	if !l.fall.calls[n] {
		return
	}
	delete(l.fall.calls, n)
	clear(l.fall.needed)
	for c := range l.fall.calls {
		l.spare(c)
	}
	l.fall.moved = true
}

// dropQueued ends what waits for a slot when the build stops.
func (l *loop) dropQueued() {
	if !l.fall.moved && !l.cut {
		return
	}
	l.fall.moved = false
	for _, q := range l.sched.queues {
		queued := *q
		*q = nil
		for _, n := range queued {
			if l.stops(n) {
				l.drop(n)
			} else {
				heap.Push(q, n)
			}
		}
	}
}
