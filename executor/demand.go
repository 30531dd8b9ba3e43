package executor

import (
	"maps"
	"slices"
	"sync"

	"github.com/calyx-build/calyx/graph"
)

// demand brings n up to date, unless that is under way or done.
func (l *loop) demand(n *node) {
	if n.state != idle {
		return
	}
	if l.base != nil && l.base.vouches(n) {
		l.ahead += l.recorded(n)
		n.to(loading)
		l.looking.add(n)
		return
	}
	n.to(waiting)
	if n.isStep() {
		l.steps++
		l.ahead += l.recorded(n)
	}
	if l.base != nil && l.base.spares(n) {
		l.sum.Fresh-- // it is counted as one that nothing reached, and will be once more
	}
	l.declare(n)
	l.awaitInputs(n)
}

// awaitInputs goes on with n once everything that it declares has ended.
func (l *loop) awaitInputs(n *node) {
	l.awaitAll(n, n.declaredNodes(), n.leaves, func() { l.inputsReady(n) })
}

// declaredNodes are the nodes that n waits for by its declaration.
func (n *node) declaredNodes() []*node { return slices.Concat(n.deps, n.after) }

func unended(n *node) bool { return !n.state.ended() }

// awaitAll demands nodes and leaves for owner and calls then once all have ended, however they ended.
func (l *loop) awaitAll(owner *node, nodes []*node, leaves []*leaf, then func()) *wait {
	w := &wait{owner: owner, on: nodes, then: then, left: 1}
	owner.waits = append(owner.waits, w)
	l.spareNeeds(owner, nodes)
	for _, n := range nodes {
		if !n.state.ended() {
			w.left++
			n.wanted = append(n.wanted, w)
			if a := l.running[n]; a != nil && a.held {
				l.recordHeld()
			}
			l.soon(func() { l.demand(n) })
		}
	}
	for _, f := range leaves {
		if !f.known {
			w.left++
			l.want(f, w)
		}
	}
	l.arrived(w)
	return w
}

// arrived tells a wait that one of its things has ended.
func (l *loop) arrived(w *wait) {
	if w.left--; w.left > 0 || w.off {
		return
	}
	w.giveUp()
	l.soon(w.then)
}

// giveUp ends a wait; what it waited for goes on.
func (w *wait) giveUp() {
	w.off = true
	if i := slices.Index(w.owner.waits, w); i >= 0 {
		w.owner.waits = slices.Delete(w.owner.waits, i, i+1)
	}
}

// ended tells everybody who waits for n that it has ended.
func (l *loop) ended(n *node) {
	if n.isStep() {
		l.ahead -= l.recorded(n)
	}
	if l.executing[n.key] == n && n.state != done {
		delete(l.executing, n.key)
	}
	if n.state == failed || n.state == blocked {
		l.fallBack(n)
	}
	l.endFallback(n)
	wanted := n.wanted
	n.wanted = nil
	for _, w := range wanted {
		l.arrived(w)
	}
}

// inputsReady goes on once everything that a node declares has ended.
func (l *loop) inputsReady(n *node) {
	if bad := l.notDone(n.declaredNodes()); len(bad) > 0 {
		if slices.ContainsFunc(bad, unended) { // what the cache lost is being made again
			l.awaitInputs(n)
			return
		}
		l.blockedBy(n, bad)
		return
	}
	if l.stops(n) {
		l.drop(n)
		return
	}
	switch {
	case n.isPlugin() && l.isProgram(n):
		l.programReady(n)
	case n.isStored():
		l.storedReady(n)
	case n.isList():
		l.listReady(n)
	default:
		n.hold()
		n.to(lookingUp)
		l.looking.add(n)
	}
}

func (l *loop) notDone(nodes []*node) []*node {
	var bad []*node
	for _, d := range nodes {
		if d.state != done {
			bad = append(bad, d)
		}
	}
	return bad
}

// blockedBy ends n because of what failed among its inputs.
func (l *loop) blockedBy(n *node, bad []*node) {
	// A plugin is no node that the user knows: where it cannot be started or described, the steps that use it have failed.
	if i := slices.IndexFunc(bad, func(d *node) bool { return d.isPlugin() && d.state == failed && d.failure != nil }); i >= 0 && !l.survey {
		f := *bad[i].failure
		l.fail(n, &f, nil)
		return
	}
	var roots []string
	stopped := true
	for _, d := range bad {
		switch d.state {
		case failed:
			roots = append(roots, d.name)
			stopped = false
		case blocked:
			roots = append(roots, d.blockedBy...)
			stopped = false
		}
	}
	if stopped {
		l.drop(n)
		return
	}
	slices.Sort(roots)
	n.blockedBy = slices.Compact(roots)
	n.to(blocked)
	n.outcome = Blocked
	if l.survey {
		n.chain = blockedChain(n, bad)
	} else {
		l.lacked(bad...)
		if !n.isList() { // the steps of a matrix have outcomes, and their list none, whatever becomes of them
			l.sum.Blocked++
			l.tell(NodeDone{Node: n.name, Outcome: Blocked, Blocked: n.blockedBy})
		}
	}
	l.ended(n)
}

// drop ends a node that the build will not come to.
func (l *loop) drop(n *node) {
	n.to(dropped)
	l.ended(n)
}

// declare finds what n depends on by its declaration.
func (l *loop) declare(n *node) {
	if n.declared {
		return
	}
	n.declared = true
	switch {
	case n.isPlugin():
		l.declarePlugin(n)
	case n.isStored():
		n.leaves = l.storedLeaves(n.decl())
	case n.isList():
		for _, r := range n.decl().List {
			n.deps = append(n.deps, l.named(r.Node))
		}
	default:
		l.declareStep(n)
	}
}

func (l *loop) declareStep(n *node) {
	s := *n.decl().Step
	s.Args = n.argumentsOf(&s)
	add := func(r graph.Ref) {
		if d := l.named(r.Node); !slices.Contains(n.deps, d) {
			n.deps = append(n.deps, d)
		}
	}
	s.Refs(add)
	if s.Call != nil {
		n.deps = append(n.deps, l.plugin(s.Call.Plugin))
	}
	for _, name := range s.After {
		n.after = append(n.after, l.named(name))
	}
	for _, v := range s.Env {
		l.stepVars[v.Name] = true
	}
	n.leaves = l.stepLeaves(&s)
}

func (n *node) given(arg string) bool {
	return slices.ContainsFunc(n.args, func(p argument) bool { return p.Key == arg })
}

// named returns the node with a declared name. That there is one was checked when the Calyxfile was evaluated.
func (l *loop) named(name string) *node {
	if n, ok := l.nodes.find(name); ok {
		return n
	}
	i, ok := l.g.Find(name)
	if !ok {
		panic("internal error: no node " + name)
	}
	return l.numbered(i)
}

func (l *loop) numbered(i int) *node {
	if n, ok := l.nodes.find(l.g.Name(i)); ok {
		return n
	}
	decl := l.g.Node(i)
	n := newNode(decl.Name, decl)
	n.index = i
	if l.large && n.isStep() {
		n.from = l.g
		n.letGo()
	}
	return l.nodes.add(decl.Name, n)
}

// nodeTable holds the nodes of a build by name. It is safe for concurrent use: workers follow references.
type nodeTable struct {
	mu     sync.RWMutex
	byName map[string]*node
}

func (t *nodeTable) find(name string) (*node, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n, ok := t.byName[name]
	return n, ok
}

// add adds n under a name, and returns the node that is there: the first one.
func (t *nodeTable) add(name string, n *node) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	if there, ok := t.byName[name]; ok {
		return there
	}
	t.byName[name] = n
	return n
}

func (t *nodeTable) all() []*node {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.Collect(maps.Values(t.byName))
}
