package executor

import (
	"slices"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// check looks for a recorded trace that fits: first complete ones, then along the chain. What a trace observed is brought
// up to date stage by stage, in order, and the first difference ends it (rule 4).
type check struct {
	traces []trace.Trace // complete ones, still to be tried
	stage  int           // of traces[0]
	trail  []fork        // alternatives in the chain that are still to be tried
	// differs is the first difference that the last trace of this workspace showed.
	differs *difference
}

// difference is a stage of the node's last trace in which something was not as it was.
type difference struct{ before, now trace.Stage }

// fork is a place in the chain: the requests to be tried next after what was seen.
type fork struct {
	key      hashing.Digest
	seen     []trace.Stage
	requests []trace.Request
}

func newCheck(n *node) *check {
	c := &check{}
	if r := n.record; r != nil && r.Action == n.key && r.Failure == "" && len(r.Stages) > 0 {
		c.traces = append(c.traces, r.Trace)
	}
	if e := n.act.entry; e != nil {
		c.traces = append(c.traces, e.Hints...)
		c.branch(n.key, nil, e)
	}
	return c
}

func (c *check) branch(key hashing.Digest, seen []trace.Stage, e *trace.Entry) {
	for _, requests := range slices.Backward(e.Next) {
		c.trail = append(c.trail, fork{key, seen, requests})
	}
}

// checkNext goes on with a check; n is in state checking.
func (l *loop) checkNext(n *node) {
	c := n.act.check
	if e := n.act.entry; e != nil && e.Done != nil {
		l.hit(n, *e.Done, nil)
		return
	}
	switch {
	case len(c.traces) > 0:
		l.checkStage(n)
	case len(c.trail) > 0:
		l.checkFork(n)
	default:
		l.miss(n, graph.Reason{})
	}
}

// checkStage compares one stage of a complete trace with now.
func (l *loop) checkStage(n *node) {
	c := n.act.check
	t := c.traces[0]
	if c.stage == len(t.Stages) {
		// A trace of this workspace counts only where the cache still says so: another process may have replaced the result.
		l.checkEnd(n, t)
		return
	}
	want := t.Stages[c.stage]
	l.look(n, want.Requests(), func(now trace.Stage, ok bool) {
		if n.state != checking {
			return
		}
		if ok && slices.Equal(now, want) {
			c.stage++
		} else {
			l.differs(n, want, now)
			c.traces, c.stage = c.traces[1:], 0
		}
		l.checkNext(n)
	})
}

// differs keeps the first difference that the workspace's own last trace shows: it is the reason for the execution.
func (l *loop) differs(n *node, before, now trace.Stage) {
	c := n.act.check
	if c.differs == nil {
		c.differs = &difference{before, now}
	}
}

// checkEnd takes the result of a complete trace that fits.
func (l *loop) checkEnd(n *node, t trace.Trace) {
	if r := n.act.entry.Hinted(t.Stages); r != nil {
		l.hit(n, *r, t.Stages)
		return
	}
	keys := t.Keys()
	last := keys[len(keys)-1]
	l.reading.add(chainRead{last, func(e *trace.Entry) {
		if e != nil && e.Done != nil {
			l.hit(n, *e.Done, t.Stages)
			return
		}
		c := n.act.check
		c.traces, c.stage = c.traces[1:], 0
		l.checkNext(n)
	}})
}

// chainRead is a later key of a chain that somebody wants to read. then runs on the loop; it is given nil where nothing
// stands there.
type chainRead struct {
	key  hashing.Digest
	then func(*trace.Entry)
}

// readChains reads what a batch of checks goes on with. It runs on a worker.
func (l *loop) readChains(batch []chainRead) func() {
	keys := make([]hashing.Digest, len(batch))
	for i, r := range batch {
		keys[i] = r.key
	}
	entries, _, err := l.e.db.Entries(l.ctx, keys)
	return func() {
		if err != nil {
			l.fault(err)
			entries = make([]*trace.Entry, len(batch))
		}
		for i, r := range batch {
			r.then(entries[i])
		}
	}
}

// checkFork follows one alternative of the chain by one stage.
func (l *loop) checkFork(n *node) {
	c := n.act.check
	f := c.trail[len(c.trail)-1]
	c.trail = c.trail[:len(c.trail)-1]
	l.look(n, f.requests, func(now trace.Stage, ok bool) {
		if n.state != checking {
			return
		}
		if !ok {
			l.checkNext(n)
			return
		}
		l.follow(n, trace.Next(f.key, now), append(slices.Clone(f.seen), now))
	})
}

// follow reads what stands under a later key of the chain.
func (l *loop) follow(n *node, key hashing.Digest, seen []trace.Stage) {
	l.reading.add(chainRead{key, func(e *trace.Entry) {
		if e != nil && e.Done != nil {
			l.hit(n, *e.Done, seen)
			return
		}
		if e != nil {
			n.act.check.branch(key, seen, e)
		}
		l.checkNext(n)
	}})
}

// look brings what requests ask for up to date and observes it. ok is false where that closed a cycle, or where something
// failed: met while checking, both are differences and no errors.
func (l *loop) look(n *node, requests []trace.Request, then func(now trace.Stage, ok bool)) {
	targets, err := l.resolve(requests)
	if err != nil || l.closesCycle(n, targets.nodes) {
		l.soon(func() { then(nil, false) })
		return
	}
	l.awaitAll(n, targets.nodes, targets.leaves, func() {
		if n.state != checking {
			return
		}
		if dirty := l.firstDirty(targets.nodes); dirty != nil {
			l.surveyUnsure(n, dirty)
			return
		}
		if slices.ContainsFunc(targets.nodes, unended) {
			l.look(n, requests, then)
			return
		}
		if slices.ContainsFunc(targets.nodes, func(d *node) bool { return !d.answers() }) {
			then(nil, false)
			return
		}
		l.views(targets, func(digests []hashing.Digest, err error) {
			if isMissing(err) {
				l.revive(n, targets.nodes, func(whole bool) {
					switch {
					case n.state != checking:
					case whole:
						l.look(n, requests, then)
					default:
						then(nil, false)
					}
				})
				return
			}
			if err != nil {
				then(nil, false)
				return
			}
			stage := make(trace.Stage, len(requests))
			for i, r := range requests {
				stage[i] = trace.Observation{Request: r, Digest: digests[i]}
			}
			then(stage, true)
		})
	})
}

// firstDirty is, in a survey, the first of the nodes that would run or might.
func (l *loop) firstDirty(nodes []*node) *node {
	if i := slices.IndexFunc(nodes, func(d *node) bool { return d.dirty != clean }); i >= 0 {
		return nodes[i]
	}
	return nil
}
