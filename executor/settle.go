package executor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/workspace"
	"github.com/calyx-build/calyx/graph"
)

// checkOutputs looks whether the outputs of nodes that will be reused stand in the workspace, so that most of them need
// no more. It runs on a worker.
func (l *loop) checkOutputs(batch []*node) {
	var nodes []*node
	var outs []workspace.Output
	for _, n := range batch {
		e := n.act.entry
		if n.act.err != nil || e == nil || e.Done == nil || len(n.outs()) == 0 {
			continue
		}
		for _, o := range l.outputsWith(n, e.Done.Value) {
			nodes = append(nodes, n)
			outs = append(outs, o)
		}
	}
	ws, err := l.e.workspace()
	if err != nil || len(outs) == 0 {
		return
	}
	states, err := ws.LookAll(l.ctx, outs)
	if err != nil {
		return // the outputs stay unknown, and restoring them shows the error
	}
	for i, n := range nodes {
		n.act.found(outs[i], states[i])
	}
}

// found notes how one of the outputs stands: the worst of them counts.
func (a *action) found(o workspace.Output, s workspace.State) {
	if found := checkOf(o, s); found > a.outputs {
		a.outputs, a.wrongPath = found, o.Path
	}
}

func checkOf(o workspace.Output, s workspace.State) outputCheck {
	switch {
	case o.Value.Digest.IsZero():
		return outputsLost
	case s == workspace.Right:
		return outputsRight
	case s == workspace.Equal:
		return outputsEqual
	case s == workspace.Edited, s == workspace.Foreign:
		return outputsEdited
	}
	return outputsMissing // nothing is there, or what calyx wrote for another instance or step
}

// outputsWith are the outputs of a node with the values that they hold where its value is v.
func (l *loop) outputsWith(n *node, v trace.Value) []workspace.Output {
	return l.outputsOf(&node{name: n.name, kind: n.kind, owned: n.owned, args: n.args, value: v, state: done})
}

// settle sees to it that a reused node's outputs are right, then ends it.
func (l *loop) settle(n *node) {
	if n.act.outputs == outputsUnknown && len(n.outs()) == 0 {
		n.act.outputs = outputsRight
	}
	switch {
	case l.survey:
		l.surveyReused(n)
	case n.act.outputs == outputsRight:
		l.reused(n)
	default:
		n.to(settling)
		l.settling.add(n)
	}
}

// restore makes the outputs of a batch of nodes right. It runs on a worker.
func (l *loop) restore(batch []*node) func() {
	var owner []*node
	var outs []workspace.Output
	for _, n := range batch {
		for _, o := range l.outputsOf(n) {
			owner = append(owner, n)
			outs = append(outs, o)
		}
	}
	end := l.breakSilence(batch[0], usesFiles)
	results, err := l.restoreAll(l.uncut, outs)
	end()
	return func() {
		errs := map[*node]error{}
		for _, n := range batch {
			n.act.outputs, n.act.wrongPath = outputsRight, ""
		}
		for i, n := range owner {
			switch {
			case err != nil:
				errs[n] = err
			case outs[i].Value.Digest.IsZero():
				errs[n] = fmt.Errorf("output %q: %w", outs[i].Path, cas.ErrMissing)
			case results[i].Err != nil && errs[n] == nil:
				errs[n] = results[i].Err
			case results[i].Written:
				n.act.found(outs[i], results[i].Was)
			}
		}
		for _, n := range batch {
			l.settled(n, errs[n])
		}
	}
}

// restoreAll makes outputs right. It waits for other builds that use them as long as ctx allows.
func (l *loop) restoreAll(ctx context.Context, outs []workspace.Output) ([]workspace.Restored, error) {
	ws, err := l.e.workspace()
	if err != nil {
		return nil, err
	}
	unlock, err := ws.Lock(ctx, nil, paths(outs))
	if err != nil {
		return nil, err
	}
	defer unlock()
	return ws.RestoreAll(l.ctx, outs)
}

func (l *loop) settled(n *node, err error) {
	switch {
	case err == nil:
		l.outbox.applied = l.outbox.applied || n.act.outputs != outputsRight
		l.reused(n)
	case l.cut:
		l.drop(n)
	case isMissing(err):
		l.lostBlob(n)
	default:
		l.fail(n, failureOf(err), nil)
	}
}

// lostBlob has a node executed again whose recorded result the cache can no longer show.
func (l *loop) lostBlob(n *node) {
	n.lost = true
	n.chain = []graph.Reason{{Kind: graph.OutputMissing, Node: n.name, Subject: n.value.Digest.String(), After: "lost from the cache"}}
	l.execute(n)
}

// reused ends a node whose recorded result stands.
func (l *loop) reused(n *node) {
	r := n.act.result
	n.outcome = Cached
	// Fresh means that nothing at all had to be taken: the last trace here is this one, and its outputs stood.
	if n.act.outputs == outputsRight && l.repeats(n) {
		n.outcome = Fresh
	}
	if n.outcome == Fresh || n.isPlugin() {
		l.close(n, r)
		return
	}
	n.chain = l.reuseChain(n)
	rows, err := l.recordRows(n, r, n.act.stages, varies(n, r, n.act.stages))
	if err != nil {
		l.fault(err)
	}
	l.inflight++
	l.commits.add(commit{txn: cas.Txn{Put: rows}, done: func(_ cas.TxnResult, err error) {
		l.inbox.post(func() {
			l.inflight--
			l.outbox.applied = true
			if err != nil {
				l.unrecorded("record the result of "+strconv.Quote(n.name), err)
			}
			l.close(n, r)
		})
	}})
}

// sameTrace reports whether a reused node saw what it saw when it was built here last.
func (n *node) sameTrace() bool {
	rec := n.record
	return rec != nil && rec.Failure == "" && rec.Action == n.key && trace.SameStages(rec.Stages, n.act.stages)
}

// repeats reports whether what a reused node takes is what it had here last.
func (l *loop) repeats(n *node) bool {
	return n.sameTrace() && n.record.Result.Value == n.act.result.Value && !expired(n, n.record.Result, l.began)
}

// reuseChain is why a reused node is not fresh. Where it sees something else than last time, its outputs are those of
// that time, and nobody edited them.
func (l *loop) reuseChain(n *node) []graph.Reason {
	switch {
	case n.sameTrace() && n.act.outputs == outputsMissing:
		return []graph.Reason{{Kind: graph.OutputMissing, Node: n.name, Subject: n.act.wrongPath}}
	case n.sameTrace() && n.act.outputs == outputsEdited:
		return []graph.Reason{{Kind: graph.OutputEdited, Node: n.name, Subject: n.act.wrongPath}}
	}
	return l.explain(n)
}

// close ends a reused node.
func (l *loop) close(n *node, r trace.Result) {
	l.warnOverridden(n)
	l.counted(n, 1)
	l.slim(n, r)
	n.doneAt = l.now()
	n.to(done)
	if n.outcome == Fresh {
		l.pass(n)
	}
	if n.outcome == Cached || l.o.Verbose {
		l.announce(n, NodeDone{Node: n.name, Outcome: n.outcome, Reason: n.reason(), Value: n.value, Usual: r.Seconds, Log: r.Log, Deps: n.dependencies()})
	}
	l.ended(n)
}

// executed ends an executed node.
func (l *loop) executed(a *attempt, n *node, r trace.Result) {
	l.warnOverridden(n)
	l.counted(n, 1)
	n.doneAt = l.now()
	seconds := a.outcome.Ended.Sub(a.outcome.Started).Seconds()
	d := NodeDone{
		Node: n.name, Outcome: Executed, Reason: n.reason(), Value: n.value, Started: a.outcome.Started, Seconds: seconds,
		Worker: a.grant.slot, Log: r.Log, Metrics: a.metrics, Deps: n.dependencies(), Self: seconds - a.waited.Seconds(),
		Waited: a.started.Sub(n.inputsDone()).Seconds(), CPU: a.outcome.CPU.Seconds(),
	}
	l.slim(n, r)
	n.to(done)
	l.announce(n, d)
	l.ended(n)
}

// slim lets go of what nobody asks of a node that is done: a graph may have hundreds of thousands.
func (l *loop) slim(n *node, r trace.Result) {
	n.act = nil
	if n.isStep() && n.decl().Step.TTL > 0 {
		n.expires = r.At.Add(n.decl().Step.TTL)
	}
	n.letGo()
	if n.record == nil || l.survey {
		return
	}
	if len(n.chain) == 0 { // why it is as it is may still be asked
		n.earlier = n.record.Chain
	}
	n.record = nil
}

// inputsDone is when the last of the inputs was done.
func (n *node) inputsDone() (last time.Time) {
	for _, some := range [][]*node{n.deps, n.after} {
		for _, d := range some {
			if d.doneAt.After(last) {
				last = d.doneAt
			}
		}
	}
	return last
}

// dependsOn calls yield for all that n was seen to depend on, with what a plugin depends on in its place: plugins are no
// nodes to users.
func (n *node) dependsOn(yield func(*node)) {
	for _, some := range [][]*node{n.deps, n.after, n.observed} {
		for _, d := range some {
			if d.isPlugin() {
				d.dependsOn(yield)
			} else {
				yield(d)
			}
		}
	}
}

func (n *node) dependencies() []string {
	names := make([]string, 0, len(n.deps)+len(n.after)+len(n.observed))
	n.dependsOn(func(d *node) { names = append(names, d.name) })
	if n.isList() {
		return names // in the order of its values
	}
	slices.Sort(names) // one that is declared may have been seen too
	return slices.Compact(names)
}

// pass tells of a node that did nothing, where something that it depends on was told of. The list of a matrix is always told
// of: so that a run tells what was in it.
func (l *loop) pass(n *node) {
	if n.isPlugin() {
		return
	}
	n.dependsOn(func(d *node) { n.told = n.told || d.told })
	if n.told || n.isList() {
		l.tell(NodePassed{Node: n.name, Deps: n.dependencies()})
	}
}

// counted adds by (1, or -1 for a node that has to be made again) to what the summary says of the node's outcome.
func (l *loop) counted(n *node, by int) {
	if n.isPlugin() {
		return
	}
	switch n.outcome {
	case Executed:
		l.sum.Executed += by
	case Cached:
		l.sum.Cached += by
	case Fresh:
		l.sum.Fresh += by
	}
}

// announce tells of a node's end. Plugins are no nodes to users.
func (l *loop) announce(n *node, d NodeDone) {
	if !n.isPlugin() {
		n.told = n.told || d.Outcome != Fresh
		if d.Outcome == Fresh {
			l.tell(d)
		} else {
			l.tellDurably(d)
		}
	}
}
