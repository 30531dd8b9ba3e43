package executor

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/hashing"
)

// failureRecord is what is kept of a failed execution.
type failureRecord struct {
	a   *attempt
	log trace.Value
}

// fail ends n without a value.
func (l *loop) fail(n *node, f *Failure, kept *failureRecord) {
	n.failure = f
	n.to(failed)
	n.outcome = Failed
	l.failedNodes(n)
	if !l.survey && !n.isPlugin() {
		l.sum.Failed++
		d := NodeDone{Node: n.name, Outcome: Failed, Reason: n.reason(), Failure: f, Deps: n.dependencies()}
		if kept != nil {
			d.Started, d.Seconds = kept.a.outcome.Started, kept.a.outcome.Ended.Sub(kept.a.outcome.Started).Seconds()
			d.Worker, d.Log, d.LogTail = kept.a.grant.slot, kept.log, l.tail(kept.log)
		}
		l.recordFailure(n, f, d)
		l.tell(d)
	}
	l.ended(n)
}

// failedNodes stops the build at the first failure, unless it is to keep going.
func (l *loop) failedNodes(*node) {
	if !l.o.KeepGoing && !l.survey {
		l.stopping = true
		l.fall.moved = true
	}
}

// recordFailure keeps what failed, with the parts of its key, beside the last trace.
func (l *loop) recordFailure(n *node, f *Failure, d NodeDone) {
	if n.act == nil || n.isPlugin() || f.Refused {
		return
	}
	r := trace.NodeRecord{}
	if n.record != nil {
		r = *n.record
		r.Ref = hashing.Digest{}
	}
	r.Components = l.components(n)
	r.Action = n.key
	r.Result.Log, r.Result.Seconds = d.Log, d.Seconds
	r.Outcome, r.Failure, r.Exit = string(Failed), f.Message, f.Exit
	r.Reason, r.Chain, r.Run, r.At = toRecord(n.reason()), toRecords(n.chain), l.sum.Run, l.now().UTC()
	if !d.Started.IsZero() {
		r.Executions++
	}
	rows, err := l.rowsOf(n, n.record, &r)
	if err != nil {
		l.fault(err)
		return
	}
	l.inflight++
	l.commits.add(commit{txn: cas.Txn{Put: rows}, done: func(_ cas.TxnResult, err error) {
		l.inbox.post(func() {
			l.inflight--
			l.outbox.applied = true
			if err != nil {
				l.unrecorded("record the failure of "+strconv.Quote(n.name), err)
			}
		})
	}})
}

// recordRows are the rows that keep the node's record; varies tells that the step is not deterministic.
func (l *loop) recordRows(n *node, result trace.Result, stages []trace.Stage, varies bool) ([]cas.Row, error) {
	r := &trace.NodeRecord{
		Trace:      trace.Trace{Action: n.key, Stages: stages, Result: result},
		Components: l.components(n), Seen: l.storedSeen(stages),
		Outcome: string(Executed), Reason: toRecord(n.reason()), Run: l.sum.Run, At: l.now().UTC(),
		Varies: varies,
	}
	r.Chain = toRecords(n.chain)
	if n.record != nil {
		r.Executions = n.record.Executions
	}
	if n.state == running || n.state == suspended {
		r.Executions++
	} else {
		r.Outcome = string(Cached)
	}
	rows, err := l.rowsOf(n, n.record, r)
	n.record = r
	return rows, err
}

// rowsOf are the rows by which one record of a node takes the place of another.
func (l *loop) rowsOf(n *node, last, now *trace.NodeRecord) ([]cas.Row, error) {
	id := recordID(now)
	if was := recordID(last); was != id {
		now.From = was
	}
	rows, err := l.keptRows(n, last, id)
	if err != nil {
		return nil, err
	}
	row, err := trace.RecordRow(l.e.scope, n.name, now)
	return append(rows, row), err
}

// keptRows keep a record whose place another one takes: it is there when the workspace comes back to the state that it belongs
// to.
func (l *loop) keptRows(n *node, last *trace.NodeRecord, next hashing.Digest) ([]cas.Row, error) {
	id := recordID(last)
	if id.IsZero() || id == next || !last.Ref.IsZero() {
		return nil, nil
	}
	row, err := trace.KeptRow(l.e.scope, n.name, id, last)
	return []cas.Row{row}, err
}

// recordID tells the records of a node apart that stand for a result; zero: there is none.
func recordID(r *trace.NodeRecord) hashing.Digest {
	switch {
	case r == nil || r.Failure != "" || r.Action.IsZero():
		return hashing.Digest{}
	case !r.Ref.IsZero():
		return r.Ref
	}
	return valueCheck(r.Action, r.Result.Value)
}

// components are the parts of the key of a node.
func (l *loop) components(n *node) []trace.Component {
	if n.act.components == nil {
		n.act.components, _ = l.action(n) // as it was looked up: what it reads is pinned
	}
	return n.act.components
}

// varies reports whether the last execution of the same action saw the same and gave another result.
func varies(n *node, result trace.Result, stages []trace.Stage) bool {
	last := n.record
	if last == nil || last.Action != n.key || last.Failure != "" {
		return false
	}
	same := slices.EqualFunc(last.Stages, stages, slices.Equal)
	return last.Varies || same && !trace.SameResult(last.Result, result)
}

// failureOf makes a failure of an error, with its hint.
func failureOf(err error) *Failure {
	f := &Failure{Message: err.Error(), Exit: -1, Declared: errors.As(err, new(*FunctionError))}
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		f.Hint = hinted.Hint()
	}
	return f
}

// longestTail is how much of a failed step's log is shown at once, in bytes.
const longestTail = 4 << 10

// tail is the end of a log.
func (l *loop) tail(log trace.Value) string {
	if log.Size == 0 {
		return ""
	}
	text, err := l.e.content(l.ctx, log)
	if err != nil {
		return ""
	}
	if len(text) > longestTail {
		text = text[len(text)-longestTail:]
	}
	return string(text)
}

// fault is a failure of calyx's own means: the cache, the disk. The build cannot go on.
func (l *loop) fault(err error) {
	if l.broken == nil && !l.cut {
		l.broken = err
	}
	l.interrupt()
}

// unrecorded is the fault that something cannot be recorded. A full disk says all by itself: what it was met with does not matter.
func (l *loop) unrecorded(doing string, err error) {
	if isFull(err) {
		l.fault(err)
		return
	}
	l.fault(fmt.Errorf("%s: %w", doing, err))
}

// isFull reports whether a disk has no room left.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) }

// inputsMoved ends a node whose inputs changed while it ran: its result belongs to no state, so it is not recorded.
func (l *loop) inputsMoved(a *attempt, f *finishing) {
	n := a.n
	for _, p := range f.moved {
		l.moved[p] = true
	}
	n.unrecorded = true
	what := "an input changed while the step ran"
	if n.isPlugin() {
		what = fmt.Sprintf("a source of plugin %q changed while it started", strings.TrimPrefix(n.name, pluginPrefix))
	} else {
		l.tell(Note{Node: n.name, Warn: true, Text: what + ", so its result is not kept: " + quoted(f.moved)})
	}
	l.async(func() func() {
		a.keepPartial()
		log := a.putLog()
		return func() {
			a.close()
			failure := &Failure{Message: what + ": " + quoted(f.moved), Exit: -1, Moved: true}
			l.fail(n, failure, &failureRecord{a: a, log: log})
		}
	})
}

func (l *loop) now() time.Time { return l.e.cfg.Now() }
