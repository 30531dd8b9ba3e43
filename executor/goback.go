package executor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/executor/workspace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/cores"
)

// goBack brings the steps that nothing reached back to the earlier state which the baseline speaks of: their outputs are
// written and their records taken up again, in bulk, since the snapshot has shown that all that they looked at is as it was
// then, and the generation that no result was replaced since. Afterwards the workspace is as if that state had been built
// last. Where anything is not as expected it reports false, and the engine looks everything up: until then nothing was told but
// what was put aside, and the outputs that were written are recorded as what they are.
func (l *loop) goBack() bool {
	if l.base.note.Generation != l.generation || l.generation == (trace.Generation{}) {
		return false
	}
	steps, ok := l.stepsBack()
	if !ok {
		return false
	}
	l.commits.before()
	ok = inBatches(steps, l.bringBack)
	for _, tell := range l.inbox.take() { // of outputs that somebody edited
		tell()
	}
	if !ok {
		return false
	}
	steps = slices.DeleteFunc(steps, func(b *stepBack) bool { return b.stands })
	if !l.refreshBack(steps) || !l.recordBack(steps) {
		return false
	}
	l.tellBack(steps)
	return true
}

// stepBack is a step that is brought back.
type stepBack struct {
	number uint32 // in the snapshot
	index  int    // in the graph
	n      *node
	id     hashing.Digest // of the record that is kept of it
	kept   *trace.Kept
	own    graph.Reason // why it is not as it was left
	again  bool         // it was taken up before in the place of the same record, so that what is kept says why
	stands bool         // its record is there already, as another build that was cut short left it
}

// stepsBack are the steps which are not in the state that was left what they are in the earlier one, in the order in which
// they depend on one another.
func (l *loop) stepsBack() (steps []*stepBack, ok bool) {
	b := l.base
	was := map[string]hashing.Digest{}
	for _, n := range b.left.Nodes() {
		if note, ok := readNote(n.Data); ok && note.step && !n.Dirty {
			was[n.Name] = note.check
		}
	}
	moved := make([]bool, b.s.NumPaths())
	for _, p := range b.swept.Moved {
		moved[p] = true
	}
	for i, s := range b.s.Nodes() {
		note, ok := readNote(s.Data)
		if !ok || b.reached[i] {
			continue
		}
		if note.index < 0 && !note.step {
			continue // a plugin
		}
		if !note.step {
			if _, err := l.numberedAs(note.index, s.Name); err != nil { // reasons name it
				return nil, false
			}
			continue
		}
		if lacks := slices.ContainsFunc(s.Outputs, func(p uint32) bool { return moved[p] }); was[s.Name] != note.check || lacks {
			steps = append(steps, &stepBack{number: i, index: note.index, id: note.check})
		}
	}
	return steps, true
}

// numberedAs is a node of the snapshot: by its number in the graph or, where it has none, by its spelling. A plugin is none.
func (l *loop) numberedAs(index int, name string) (*node, error) {
	name = strings.Clone(name) // the snapshot's text ends with it
	if index < 0 {
		return l.spelled(name)
	}
	if index >= l.g.Len() || l.g.Name(index) != name {
		return nil, l.unknown(name)
	}
	return l.numbered(index), nil
}

// inBatches calls f for batches from every core, until one of them fails.
func inBatches[T any](all []T, f func(batch []T) bool) bool {
	return cores.EachFrom(cores.Count(), (len(all)+batchSize-1)/batchSize, func(i int) error {
		if !f(all[i*batchSize : min((i+1)*batchSize, len(all))]) {
			return errNotBack
		}
		return nil
	}) == nil
}

var errNotBack = errors.New("the state cannot be brought back in bulk")

// bringBack reads the records of a batch and writes its outputs. It runs on a worker.
func (l *loop) bringBack(batch []*stepBack) bool {
	select {
	case <-l.o.Stop:
		return false
	default:
	}
	if !l.readBack(batch) {
		return false
	}
	var outs []workspace.Output
	for _, b := range batch {
		if !b.stands {
			outs = append(outs, l.outputsWith(b.n, b.kept.Result.Value)...)
		}
	}
	if slices.ContainsFunc(outs, func(o workspace.Output) bool { return o.Value.Digest.IsZero() }) {
		return false // the cache no longer says what it should hold
	}
	// Who uses them for longer may be stopped: where everything is looked up, that is told, and only what needs them waits.
	soon, cancel := context.WithTimeout(l.ctx, time.Second)
	defer cancel()
	restored, err := l.restoreAll(soon, outs)
	return err == nil && !slices.ContainsFunc(restored, func(r workspace.Restored) bool { return r.Err != nil })
}

// readBack reads what is recorded of the steps, where all that is needed of it is there.
func (l *loop) readBack(batch []*stepBack) bool {
	asked := make([]trace.Pair, len(batch))
	for i, b := range batch {
		var err error
		if b.n, err = l.numberedAs(b.index, l.base.s.Node(b.number).Name); err != nil {
			return false
		}
		asked[i] = trace.Pair{Node: b.n.name, ID: b.id}
	}
	records, kept, err := l.e.db.Pairs(l.ctx, l.e.scope, asked)
	if err != nil {
		return false
	}
	var others []*stepBack // whose reason has to be found out
	for i, b := range batch {
		b.n.record, b.kept = records[i], kept[i]
		now := recordID(records[i])
		switch {
		case now == b.id:
			b.stands = true
			if l.base.lacks(b.number) {
				return false
			}
			continue
		case b.kept == nil || valueCheck(b.kept.Action, b.kept.Result.Value) != b.id:
			return false
		}
		b.n.key = b.kept.Action
		b.n.act = &action{result: b.kept.Result}
		b.n.take(b.kept.Result.Value)
		b.again = now == b.kept.From && !now.IsZero() && len(b.kept.Chain) > 0
		if b.again {
			b.own = fromRecord(b.kept.Chain[0])
		} else {
			others = append(others, b)
		}
	}
	isCode := func(b *stepBack) bool { return b.own.Kind == graph.CodeChanged }
	return l.explainBack(others) && !slices.ContainsFunc(batch, isCode)
}

// explainBack finds out what makes steps others than they were in the state that is left.
func (l *loop) explainBack(steps []*stepBack) bool {
	names := make([]string, len(steps))
	records := make([]*trace.NodeRecord, len(steps))
	for i, b := range steps {
		names[i], records[i] = b.n.name, b.n.record
	}
	if l.e.db.Fill(l.ctx, l.e.scope, names, records) != nil {
		return false
	}
	for i, b := range steps {
		b.n.record = records[i]
		if !l.whyBack(b) {
			return false
		}
	}
	return true
}

// lacks reports whether an output of a node is not as the snapshot says.
func (b *baseline) lacks(number uint32) bool {
	return slices.ContainsFunc(b.s.Node(number).Outputs, func(p uint32) bool { _, is := slices.BinarySearch(b.swept.Moved, p); return is })
}

// whyBack compares a step with what it was. Differences in what it asked for as it ran, and those that only a look at files or
// at the parts of code could name, are left to the engine.
func (l *loop) whyBack(b *stepBack) bool {
	n := b.n
	kept := b.kept.Record()
	if kept == nil {
		return false
	}
	n.act.components = kept.Components
	if r := n.record; r != nil && r.Failure == "" {
		if r.Action == n.key {
			return false
		}
		for _, p := range align(r.Components, n.act.components) {
			if p.before.Text != p.now.Text && !p.before.Tree.IsZero() && !p.now.Tree.IsZero() {
				return false
			}
		}
	}
	b.own = l.ownReason(n)
	return true
}

// recordBack writes the records of the steps.
func (l *loop) recordBack(steps []*stepBack) bool {
	for _, b := range steps {
		n := b.n
		n.chain = l.chainFrom(n, b.own)
		n.outcome = Cached
	}
	written := inBatches(steps, func(batch []*stepBack) bool {
		var txn cas.Txn
		for _, b := range batch {
			rows, err := l.rowsBack(b)
			if err != nil {
				return false
			}
			txn.Put = append(txn.Put, rows...)
		}
		_, err := l.e.store.Apply(l.ctx, txn)
		return err == nil
	})
	return written && l.e.store.Sync(l.ctx) == nil
}

// rowsBack are the rows that take up what is kept of a step. What is kept is written once more only where it does not say yet
// why the step took the place of this very record.
func (l *loop) rowsBack(b *stepBack) ([]cas.Row, error) {
	n := b.n
	rows, err := l.keptRows(n, n.record, b.id)
	if err != nil {
		return nil, err
	}
	if !b.again || !slices.EqualFunc(b.kept.Chain, n.chain, func(a trace.RecordedReason, r graph.Reason) bool { return a == toRecord(r) }) {
		r := b.kept.Record()
		if r == nil {
			return nil, cas.ErrMissing
		}
		r.From, r.Chain = recordID(n.record), toRecords(n.chain)
		row, err := trace.KeptRow(l.e.scope, n.name, b.id, r)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	now := &trace.NodeRecord{Trace: trace.Trace{Action: n.key}, Outcome: string(Cached), Run: l.sum.Run, At: l.now().UTC()}
	if last := n.record; last != nil {
		now.Executions, now.Varies = last.Executions, last.Varies && last.Action == n.key
	}
	row, err := trace.ReferTo(l.e.scope, n.name, b.id, now)
	return append(rows, row), err
}

// refreshBack puts the outputs as they are now in the place of what the sweep found.
func (l *loop) refreshBack(steps []*stepBack) bool {
	b := l.base
	var paths []uint32
	for _, s := range steps {
		paths = append(paths, b.s.Node(s.number).Outputs...)
	}
	slices.Sort(paths)
	isWritten := func(p uint32) bool { _, is := slices.BinarySearch(paths, p); return is }
	b.swept.Moved = slices.DeleteFunc(b.swept.Moved, isWritten)
	b.swept.Refreshed = slices.DeleteFunc(b.swept.Refreshed, func(r snapshot.Refreshed) bool { return isWritten(r.Path) })
	for _, p := range paths {
		was := b.s.Path(p)
		now, known := l.e.memo.Known(l.e.abs(was.Name))
		if was.Kind != snapshot.File || !known {
			looked, err := snapshot.Look(l.e.cfg.Root, was.Name, was.Kind, was.Follow, l.e.memo)
			if err != nil {
				return false
			}
			now = looked.Record
		}
		if now.Digest != was.Record.Digest || now.Stat.IsExec() != was.Record.Stat.IsExec() {
			return false
		}
		b.swept.Refreshed = append(b.swept.Refreshed, snapshot.Refreshed{Path: p, Record: now})
	}
	return true
}

// tellBack announces the steps, and passes on what came after what.
func (l *loop) tellBack(steps []*stepBack) {
	b := l.base
	b.cached = len(steps)
	l.sum.Cached += len(steps)
	at := map[uint32]*stepBack{}
	for _, s := range steps {
		at[s.number] = s
	}
	told := make([]bool, b.s.NumNodes())
	for i, s := range b.s.Nodes() {
		note, ok := readNote(s.Data)
		if !ok || b.reached[i] {
			continue
		}
		back := at[i]
		told[i] = back != nil || slices.ContainsFunc(s.Deps, func(d uint32) bool { return told[d] })
		switch isPlugin := note.index < 0 && !note.step; {
		case isPlugin || !told[i]:
		case back == nil:
			l.tell(NodePassed{Node: strings.Clone(s.Name), Deps: b.dependencies(i)})
		default:
			n := back.n
			n.told = true
			l.tell(NodeDone{Node: n.name, Outcome: Cached, Reason: n.reason(), Value: n.value, Usual: n.act.result.Seconds, Log: n.act.result.Log, Deps: b.dependencies(i)})
			n.act, n.record = nil, nil
		}
	}
}

// dependencies are the names of the nodes that one was seen to depend on, with what a plugin depends on in its place.
func (b *baseline) dependencies(number uint32) []string {
	var names []string
	of := b.s.Node(number)
	for _, d := range of.Deps {
		s := b.s.Node(d)
		if note, ok := readNote(s.Data); ok && note.index < 0 && !note.step {
			names = append(names, b.dependencies(d)...)
		} else {
			names = append(names, strings.Clone(s.Name))
		}
	}
	if note, ok := readNote(of.Data); ok && note.index >= 0 && !note.step {
		return names // of the list of a matrix: in the order of its values
	}
	slices.Sort(names)
	return slices.Compact(names)
}
