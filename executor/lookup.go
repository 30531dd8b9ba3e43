package executor

import (
	"slices"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// lookUpAlone looks up a node that nothing else would be looked up with. Where nobody keeps it from starting, the lease of
// its action is asked for in the same question: most of the time, it is for calls in turn that nothing is found.
func (l *loop) lookUpAlone() {
	if len(l.looking.items) != 1 || l.looking.busy > 0 || l.survey || l.stopping || l.o.CachedOnly || !l.sched.idle() {
		return
	}
	n := l.looking.items[0]
	if n.state != lookingUp || !n.isStep() {
		return
	}
	l.looking.items = nil
	holding := l.holding(n)
	l.async(func() func() {
		then := l.lookUpWith([]*node{n}, func(keyed []*node, keys []hashing.Digest, _ []*node, _ []string) error {
			return l.readRowsOrLease(keyed[0], keys[0], holding)
		})
		return func() {
			then()
			l.dispatch()
			if n.act == nil {
				return
			}
			if lease := n.act.takeLease(); lease != nil { // it did not start, and who waits holds nothing
				lease.Release()
			}
		}
	})
}

// lookUp computes the keys of a batch of nodes and reads what stands under them. It runs on a worker.
func (l *loop) lookUp(batch []*node) func() { return l.lookUpWith(batch, l.readRows) }

func (l *loop) lookUpWith(batch []*node, read func(keyed []*node, keys []hashing.Digest, all []*node, names []string) error) func() {
	lost, err := l.fetchInline(batch)
	if err == nil && len(lost) > 0 && !l.survey {
		return func() { l.lookUpLater(batch, lost) }
	}
	keys := make([]hashing.Digest, 0, len(batch))
	names := make([]string, 0, len(batch))
	keyed := make([]*node, 0, len(batch))
	for _, n := range batch {
		names = append(names, n.name)
		if n.state == loading {
			continue
		}
		n.act = &action{lookedUp: l.now()}
		n.act.components, n.act.err = l.action(n)
		n.key = keyOf(n.act.components)
		keys = append(keys, n.key)
		keyed = append(keyed, n)
	}
	if err == nil {
		err = read(keyed, keys, batch, names)
	}
	if err == nil {
		l.checkOutputs(keyed)
	}
	return func() {
		if err != nil {
			l.fault(err)
		}
		for _, n := range batch {
			if n.state == loading {
				l.loaded(n)
			} else {
				l.lookedUp(n)
			}
		}
	}
}

// readRows reads the chain entries of keyed nodes and the records of all.
func (l *loop) readRows(keyed []*node, keys []hashing.Digest, all []*node, names []string) error {
	records, entries, raw, err := l.e.db.LookUp(l.ctx, l.e.scope, names, keys)
	if err != nil {
		return err
	}
	for i, n := range all {
		n.record = records[i]
	}
	for i, n := range keyed {
		n.act.entry, n.act.raw = entries[i], raw[i]
	}
	return nil
}

// readRowsOrLease is readRows for one node, with the lease of its action where nothing stands under its key.
func (l *loop) readRowsOrLease(n *node, key hashing.Digest, holding []hashing.Digest) (err error) {
	n.record, n.act.entry, n.act.raw, n.act.lease, err = l.e.db.LookUpOrLease(l.ctx, l.e.scope, n.name, key, holding)
	return err
}

// fetchInline reads the small JSON values among the inputs, which commands get as words, and returns those that are lost.
func (l *loop) fetchInline(batch []*node) (lost []*node, err error) {
	var want []*node
	var digests []hashing.Digest
	l.eachInput(batch, func(d *node) {
		if d.isWord() && d.loadInline() == nil && !slices.Contains(want, d) {
			want = append(want, d)
			digests = append(digests, d.value.Digest)
		}
	})
	if len(want) == 0 {
		return nil, nil
	}
	found, err := l.e.store.Get(l.ctx, digests...)
	for i := range found {
		if found[i] == nil {
			lost = append(lost, want[i])
		}
		want[i].storeInline(found[i])
	}
	return lost, err
}

// lookUpLater looks nodes up once inputs are made again that the cache has lost.
func (l *loop) lookUpLater(batch, lost []*node) {
	for _, n := range batch {
		mine := slices.DeleteFunc(flat(n.deps), func(d *node) bool { return !slices.Contains(lost, d) })
		if len(mine) == 0 {
			l.looking.add(n)
			continue
		}
		l.reviveInputs(n, mine, func() { l.looking.add(n) })
	}
}

// inlineJSON is the size in bytes up to which a JSON value may become words of a command.
const inlineJSON = 64 << 10

// atHand is the size in bytes up to which a result is kept in memory for those who asked for it.
const atHand = 1 << 10

// isWord reports whether the node's value is handed over as text. What stands in the workspace, a stored file or an output,
// is handed over by its path.
func (n *node) isWord() bool {
	return n.value.Media == trace.MediaJSON && n.value.Size <= inlineJSON && !n.isStored() && len(n.outs()) == 0
}

// eachInput visits what nodes are looked up with. What a baseline vouches for is not: the loop may declare it at any time.
func (l *loop) eachInput(batch []*node, f func(d *node)) {
	for _, n := range batch {
		if n.state == loading {
			continue
		}
		for _, d := range n.deps {
			f(d)
			if d.isList() {
				for _, item := range d.deps {
					f(item)
				}
			}
		}
	}
}

// loaded gives a node that is fresh by the snapshot the value that its record holds.
func (l *loop) loaded(n *node) {
	if !l.base.fits(n, n.record) {
		// Another build gave it another result since: the engine decides.
		l.sum.Fresh-- // it is counted as one that nothing reached
		n.to(waiting)
		l.declare(n)
		l.awaitInputs(n)
		return
	}
	n.value = n.record.Result.Value
	n.key = n.record.Action
	n.outcome = Fresh
	n.vouched = true
	n.to(done)
	l.ended(n)
}

// lookedUp decides what becomes of a node whose key is known.
func (l *loop) lookedUp(n *node) {
	if l.stops(n) {
		l.drop(n)
		return
	}
	if l.survey && n.dirtyInput() != nil {
		if reason := l.mustRun(n); reason.Kind != "" { // whatever becomes of its inputs
			l.surveyEnd(n, willRun, []graph.Reason{reason})
			return
		}
		l.surveyDirty(n)
		return
	}
	if isMissing(n.act.err) && !l.survey {
		l.reviveInputs(n, n.deps, func() { l.looking.add(n) })
		return
	}
	if n.act.err != nil {
		l.fail(n, failureOf(n.act.err), nil)
		return
	}
	if reason := l.mustRun(n); reason.Kind != "" {
		l.miss(n, reason)
		return
	}
	n.to(checking)
	n.act.check = newCheck(n)
	l.checkNext(n)
}

// mustRun returns the reason for which nothing that is recorded may be used, if there is one.
func (l *loop) mustRun(n *node) graph.Reason {
	switch {
	case n.lost:
		return graph.Reason{Kind: graph.OutputMissing, Node: n.name, Subject: n.value.Digest.String()}
	case n.isPlugin():
		return graph.Reason{}
	case l.o.ForceAll, l.o.Force && n.target:
		return graph.Reason{Kind: graph.Forced, Node: n.name}
	case n.uncached:
		return graph.Reason{Kind: graph.Uncacheable, Node: n.name}
	}
	return graph.Reason{}
}

// expired reports whether a result is too old for the step that wants it.
func expired(n *node, r trace.Result, now time.Time) bool {
	return n.isStep() && n.decl().Step.TTL > 0 && now.Sub(r.At) >= n.decl().Step.TTL
}

// hit takes a recorded result.
func (l *loop) hit(n *node, r trace.Result, stages []trace.Stage) {
	if expired(n, r, l.began) {
		l.miss(n, graph.Reason{Kind: graph.Expired, Node: n.name, Before: r.At.Format(time.RFC3339), After: n.decl().Step.TTL.String()})
		return
	}
	n.act.result = r
	n.act.stages = stages
	n.take(r.Value)
	l.observedBy(n, stages)
	l.settle(n)
}

// miss has a node executed.
func (l *loop) miss(n *node, reason graph.Reason) {
	if reason.Kind == "" {
		n.chain = l.explain(n)
		reason = n.chain[0]
	} else {
		n.chain = []graph.Reason{reason}
	}
	if !l.survey && n.act != nil {
		n.act.components = nil // many nodes may wait for a slot: they are found again when they are recorded
	}
	switch {
	case l.survey:
		l.surveyEnd(n, willRun, n.chain)
	case l.o.CachedOnly && !n.isPlugin():
		l.fail(n, &Failure{Message: "it would run, and the build may only reuse (--cached-only): " + reason.Text(), Exit: -1, Refused: true}, nil)
	default:
		l.execute(n)
	}
}

// execute has n executed, unless another node is executing the same action, or did so after n looked: then that one's result
// is awaited and looked up (rule 7). Where waiting would close a cycle, both run.
func (l *loop) execute(n *node) {
	leader := l.executing[n.key]
	switch {
	case leader != nil && leader != n && leader.state == done && n.act.lookedUp.Before(leader.doneAt):
		n.to(following)
		l.followed(n, leader)
	case leader == nil, leader == n, leader.state == done, l.pathTo([]*node{leader}, n) != nil:
		l.executing[n.key] = n
		n.to(queued)
		l.enqueue(n)
	default:
		n.to(following)
		l.awaitAll(n, []*node{leader}, nil, func() { l.followed(n, leader) })
	}
}

// followed goes on with a node when the one that executed the same action has ended, however it ended.
func (l *loop) followed(n, leader *node) {
	switch {
	case n.state != following:
	case l.stops(n):
		l.drop(n)
	default:
		n.lost = n.lost && leader.state != done // what was lost has been made again
		n.to(lookingUp)
		l.looking.add(n)
	}
}
