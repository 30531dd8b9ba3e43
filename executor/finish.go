package executor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/workspace"
	"github.com/calyx-build/calyx/hashing"
)

// finishing is a result on its way into the store.
type finishing struct {
	write  *trace.Write
	txn    cas.Txn // without the trace
	outs   []workspace.Output
	result trace.Result
	moved  []string       // inputs that are no longer as they were pinned
	came   []string       // what came or went after the task had looked for it
	late   []string       // what it read outside the workspace and was changed then
	tree   hashing.Tree   // of the folder that a function returned
	given  map[string]int // how often a path stands in what a function returned
}

// finish takes what a task that ended well left behind. It runs on a worker.
func (a *attempt) finish(ctx context.Context) (*finishing, error) {
	f := &finishing{}
	if err := a.capture(ctx, f); err != nil {
		return nil, err
	}
	if err := a.l.dropResume(a.n); err != nil {
		return nil, err
	}
	f.result.Log = a.putLogInto(&f.txn)
	f.result.Metrics = a.metrics
	f.result.Seconds = a.outcome.Ended.Sub(a.outcome.Started).Seconds()
	f.result.At = a.l.now().UTC().Truncate(time.Microsecond)
	f.result.Run = a.l.sum.Run
	var changed []string
	changed, f.came = a.movedReads()
	moved := slices.DeleteFunc(a.l.movedLeaves(a.n, a.outcome.Ended), func(rel string) bool { return slices.Contains(a.made, rel) })
	f.moved = slices.Concat(changed, moved)
	slices.Sort(f.moved)
	f.moved = slices.Compact(f.moved)
	f.late = a.changedOutside()
	if len(f.moved) > 0 || len(f.came) > 0 || len(f.late) > 0 || a.n.act.seesFailed {
		return f, nil
	}
	a.keepTrees(&f.txn)
	a.keepProgram(&f.txn)
	t := &trace.Trace{Action: a.n.key, Stages: a.stages, Result: f.result}
	var err error
	f.write, err = a.l.e.db.Prepare(ctx, t, a.l.replaces(a.n), a.n.act.raw)
	return f, err
}

// capture makes the result's value from the outputs of a command or the result of a function.
func (a *attempt) capture(ctx context.Context, f *finishing) error {
	ws, err := a.l.e.workspace()
	if err != nil {
		return err
	}
	if a.n.isCall() {
		return a.captureResult(ctx, ws, f)
	}
	captured, err := ws.Capture(ctx, a.outs...)
	if err != nil {
		return err
	}
	for _, c := range captured {
		if err := ws.Adopt(ctx, c.Output); err != nil {
			return err
		}
	}
	for i, c := range captured {
		f.txn.Blobs = append(f.txn.Blobs, c.Blobs...)
		out := c.Output
		if out.Value.Media == trace.MediaBinary {
			out.Value.Media = media(out.Path)
		}
		captured[i].Output = out
		f.outs = append(f.outs, out)
		f.txn.Put = append(f.txn.Put, ws.Row(out))
	}
	f.result.Value = a.joined(&f.txn, f.outs)
	return nil
}

// joined is the value of a step: of its one output, a tree of several, or nothing.
func (a *attempt) joined(txn *cas.Txn, outs []workspace.Output) trace.Value {
	switch len(outs) {
	case 0:
		return trace.Value{}
	case 1:
		return outs[0].Value
	}
	names := a.n.outs()
	items := make([]trace.Named, len(outs))
	for i, o := range outs {
		items[i] = trace.Named{Name: names[i].Name, Value: o.Value}
	}
	v, blob := trace.Join(items)
	txn.Blobs = append(txn.Blobs, blob)
	return v
}

// captureResult stores the value that a function returned. A step with outputs has them written from it.
func (a *attempt) captureResult(ctx context.Context, ws *workspace.Workspace, f *finishing) error {
	f.given = map[string]int{}
	countPaths(f.given, a.outcome.Result)
	v, err := a.store(ctx, ws, a.outcome.Result, f)
	if err != nil {
		return err
	}
	f.result.Value = v
	outs := a.n.outs()
	if len(outs) == 0 {
		return nil
	}
	if f.outs, err = a.resultOutputs(v, f); err != nil {
		return err
	}
	// The blobs must be there before they can be written out.
	if _, err := a.l.e.store.Apply(ctx, cas.Txn{Blobs: f.txn.Blobs}); err != nil {
		return err
	}
	f.txn.Blobs = nil
	end := a.l.breakSilence(a.n, usesFiles)
	unlock, err := ws.Lock(a.l.uncut, nil, paths(f.outs))
	end()
	if err != nil {
		return err
	}
	a.unlock = unlock
	_, err = ws.Restore(ctx, f.outs...)
	for _, o := range f.outs {
		f.txn.Put = append(f.txn.Put, ws.Row(o))
	}
	return err
}

// resultOutputs maps a function's result to the outputs that its step declares: the result itself where there is one,
// the entries of a folder by their names where there are several.
func (a *attempt) resultOutputs(v trace.Value, f *finishing) ([]workspace.Output, error) {
	if len(a.outs) == 1 {
		out := a.outs[0]
		if v.Media == trace.MediaNone {
			return nil, fmt.Errorf("the function returned nothing, and the step has the output %q", out.Path)
		}
		out.Value = v
		return []workspace.Output{out}, nil
	}
	if v.Media != trace.MediaTree {
		return nil, errors.New("the step has several outputs, so its function must return a folder with a file for each")
	}
	tree := f.tree
	var items []trace.Named
	outs := slices.Clone(a.outs)
	for i, o := range a.n.outs() {
		e, ok := tree.Find(o.Name)
		if !ok {
			e, ok = tree.Find(path.Base(o.Path))
		}
		if !ok || !e.IsFile() {
			return nil, fmt.Errorf("the folder that the function returned has no file %q", o.Name)
		}
		outs[i].Value = entryValue(e)
		items = append(items, trace.Named{Name: o.Name, Value: outs[i].Value})
	}
	value, blob := trace.Join(items)
	f.result.Value = value
	f.txn.Blobs = append(f.txn.Blobs, blob)
	return outs, nil
}

func entryValue(e hashing.Entry) trace.Value {
	return trace.Value{Media: media(e.Path), Digest: e.Digest, Size: e.Size, Exec: e.Kind == hashing.ExecEntry}
}

// store keeps what a function returned: inline bytes, a file or a folder that it wrote, or a list of such.
func (a *attempt) store(ctx context.Context, ws *workspace.Workspace, p Payload, f *finishing) (trace.Value, error) {
	switch {
	case p.Items != nil:
		values := make([]trace.Value, len(p.Items))
		for i, item := range p.Items {
			v, err := a.store(ctx, ws, item, f)
			if err != nil {
				return v, err
			}
			values[i] = v
		}
		v, blob := trace.ListOf(values)
		f.txn.Blobs = append(f.txn.Blobs, blob)
		return v, nil
	case p.Path != "":
		return a.storePath(ctx, ws, p, f)
	case p.Value.Media == trace.MediaNone:
		return trace.Value{}, nil
	}
	inline := p.Inline
	if inline == nil {
		inline = []byte{}
	}
	f.txn.Blobs = append(f.txn.Blobs, inline)
	return trace.Value{Media: p.Value.Media, Digest: hashing.Sum(inline), Size: int64(len(inline))}, nil
}

// storePath keeps a file or folder that a function wrote. It must lie where the function was told to write.
func (a *attempt) storePath(ctx context.Context, ws *workspace.Workspace, p Payload, f *finishing) (trace.Value, error) {
	at := filepath.Clean(p.Path)
	inside, err := filepath.Rel(a.scratch, at)
	if err != nil || !filepath.IsLocal(inside) {
		return trace.Value{}, fmt.Errorf("the result %q does not lie in the folder that the function was given", p.Path)
	}
	st, err := os.Lstat(at)
	if err != nil {
		return trace.Value{}, fmt.Errorf("take the result: %w", err)
	}
	if !st.IsDir() {
		return a.storeFile(ctx, p, at, f)
	}
	captured, err := ws.Capture(ctx, workspace.Output{Node: a.n.name, Path: at, Dir: true})
	if err != nil {
		return trace.Value{}, err
	}
	f.txn.Blobs = append(f.txn.Blobs, captured[0].Blobs...)
	f.tree, err = hashing.DecodeTree(captured[0].Blobs[len(captured[0].Blobs)-1])
	return captured[0].Value, err
}

// storeFile keeps a file that a function wrote: the file itself, unless another part of the result is to find it there.
func (a *attempt) storeFile(ctx context.Context, p Payload, at string, f *finishing) (trace.Value, error) {
	keep := a.l.e.store.TakeFile
	if f.shared(p.Path) {
		keep = a.l.e.store.PutFile
	}
	put, err := keep(ctx, at)
	if err != nil {
		return trace.Value{}, fmt.Errorf("keep the result: %w", err)
	}
	if put.Inline != nil {
		f.txn.Blobs = append(f.txn.Blobs, put.Inline)
	}
	v := trace.Value{Media: p.Value.Media, Digest: put.Digest, Size: put.Size, Exec: put.Stat.IsExec()}
	if v.Media == trace.MediaNone {
		v.Media = media(at)
	}
	return v, nil
}

func countPaths(counts map[string]int, p Payload) {
	if p.Path != "" {
		counts[filepath.Clean(p.Path)]++
	}
	for _, item := range p.Items {
		countPaths(counts, item)
	}
}

// shared reports whether a path, or a folder in which it lies, stands once more in what the function returned.
func (f *finishing) shared(file string) bool {
	file = filepath.Clean(file)
	if f.given[file] > 1 {
		return true
	}
	for dir := filepath.Dir(file); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if f.given[dir] > 0 {
			return true
		}
	}
	return false
}

// keepTrees stores the listings behind the key, so that a later difference can name a file.
func (a *attempt) keepTrees(txn *cas.Txn) {
	leaves := slices.Clone(a.n.leaves)
	for _, d := range a.n.deps {
		if d.isStored() {
			leaves = append(leaves, d.leaves...)
		}
	}
	for _, f := range leaves {
		if f.tree != nil {
			txn.Blobs = append(txn.Blobs, f.tree.Encode())
		}
	}
	for _, f := range a.n.observedLeaves {
		if f.list == nil || len(f.list) > longestList {
			continue
		}
		if _, kept := a.l.listsKept.LoadOrStore(f.digest, true); !kept { // many steps list the same folder
			txn.Blobs = append(txn.Blobs, f.list)
		}
	}
}

// longestList is the size in bytes up to which is kept what a step saw one by one as it ran (see leaf.list): from it `why` names the one
// that changed.
const longestList = 128 << 10

// keepPartial moves what a failed attempt left at its outputs out of the way.
func (a *attempt) keepPartial() {
	ws, err := a.l.e.workspace()
	if err == nil && len(a.outs) > 0 && !a.n.isCall() {
		err = errors.Join(ws.Fail(a.n.name, a.outs...), ws.PutBack(a.outs...))
	}
	if err != nil {
		a.l.inbox.post(func() {
			a.l.tell(Note{Node: a.n.name, Warn: true, Text: "what it left at its outputs could not be put aside: " + err.Error()})
		})
	}
}

// replaces reports whether a result of n takes the place of one that is recorded.
func (l *loop) replaces(n *node) bool {
	switch {
	case n.lost, l.o.ForceAll, l.o.Force && n.target:
		return true
	case n.isPlugin():
		return false
	}
	return n.uncached || n.decl().Step.TTL > 0
}

// finished commits, or ends a node whose result cannot be recorded.
func (a *attempt) finished(f *finishing, err error) {
	l, n := a.l, a.n
	switch {
	case err != nil && l.cut:
		a.close()
		l.drop(n)
	case err != nil:
		l.async(func() func() {
			a.keepPartial()
			log := a.putLog()
			return func() {
				a.close()
				if isFull(err) {
					l.fault(err)
					l.drop(n) // the step did not fail
					return
				}
				l.fail(n, failureOf(err), &failureRecord{a: a, log: log})
			}
		})
	case len(f.moved) > 0:
		l.inputsMoved(a, f)
	case f.write == nil:
		// The result saw a failure, or what is not so any more: it is delivered in this run and kept nowhere.
		n.unrecorded = true
		if len(f.came) > 0 {
			l.cameAfter = append(l.cameAfter, came{n, f.came})
			l.tell(Note{Node: n.name, Warn: true, Text: "its result is not kept: after it had looked whether they are there, these came or went: " + quoted(f.came)})
		}
		if len(f.late) > 0 {
			l.tell(Note{Node: n.name, Warn: true, Text: "its result is not kept: after it had read them, these were changed outside the workspace: " + quoted(f.late)})
		}
		l.commit(a, f)
	default:
		if a.answerEarly(f) && n.mem() == 0 && !slices.ContainsFunc(n.wanted, func(w *wait) bool { return !w.off }) {
			l.hold(a, f, false)
			return
		}
		l.sched.yield(a.grant)
		if l.sched.queuedNodes() > 0 {
			l.hold(a, f, true)
			return
		}
		l.commit(a, f)
	}
}

// commit applies the record of an execution. The build then goes on with it; it is announced when it is durable.
func (l *loop) commit(a *attempt, f *finishing) {
	l.sched.yield(a.grant)
	l.inflight++
	l.commitTry(a, f)
}

func (l *loop) commitTry(a *attempt, f *finishing) {
	n := a.n
	txn := f.txn
	txn.Put = slices.Clone(f.txn.Put)
	result := f.result
	if f.write != nil {
		var err error
		if result, err = f.write.Txn(&txn); err != nil {
			l.committed(a, f, result, err)
			return
		}
		varies := varies(n, result, a.stages) || !trace.SameResult(result, f.result)
		rows, err := l.recordRows(n, result, a.stages, varies)
		if err != nil {
			l.committed(a, f, result, err)
			return
		}
		txn.Put = append(txn.Put, rows...)
	}
	l.commits.add(commit{txn: txn, done: func(r cas.TxnResult, err error) {
		l.inbox.post(func() {
			if err == nil && !r.Applied {
				f.write.Retry(r.Current)
				l.commitTry(a, f)
				return
			}
			l.committed(a, f, result, err)
		})
	}})
}

func (l *loop) committed(a *attempt, f *finishing, result trace.Result, err error) {
	l.inflight--
	l.outbox.applied = true
	a.judge(verdict{result.Value, err})
	n := a.n
	if err != nil {
		a.close()
		l.unrecorded("record the result of "+strconv.Quote(n.name), err)
		if isFull(err) {
			l.drop(n) // the step did not fail
			return
		}
		l.fail(n, &Failure{Message: err.Error(), Exit: -1}, nil)
		return
	}
	if ws, err := l.e.workspace(); err == nil {
		ws.Settle(f.outs...)
	}
	n.act.result, n.act.stages = result, a.stages
	adopted := f.write != nil && !trace.SameResult(result, f.result)
	n.take(result.Value)
	if text := a.outcome.Result.Inline; !adopted && n.isWord() && len(text) <= atHand {
		n.storeInline(text)
	}
	// Its result can be looked up. Whoever else wants to execute the action can wait for a moment, and the build need not.
	l.leave(a.lease.Release)
	a.lease = cas.Lease{Release: func() {}}
	a.close()
	if adopted {
		l.tell(Note{Node: n.name, Warn: true, Text: "another execution of the same action gave another result, which was recorded first and is used; the step is not deterministic"})
		l.settle(n)
		return
	}
	n.outcome = Executed
	l.executed(a, n, result)
}
