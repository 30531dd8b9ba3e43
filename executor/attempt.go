package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/workspace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// attempt is one execution of a node, from its job slot to its commit. Its fields belong to the loop, except for those of
// its preparation and end, which one worker at a time has.
type attempt struct {
	l     *loop
	n     *node
	grant *grant
	call  Call
	ended bool // nothing more is done with the call

	open        int // needs that are not answered
	suspendedAt time.Time
	waited      time.Duration
	stages      []trace.Stage
	seen        map[int]trace.Stage
	unasked     []unasked
	observed    map[trace.Request]bool // those of unasked that somebody told of
	stood       []stood                // behind what the task read without asking
	foreign     map[string]foreignFile // what it read outside the workspace
	made        []string               // in the workspace by the command itself, beside its outputs
	depfile     hashing.Stat           // of what stood at the place of the depfile before
	metrics     []trace.Metric
	unmet       []*node  // that were asked for, and failed or were blocked
	early       []early  // answers that were not recorded yet
	held        bool     // its own result is kept back for a moment
	verdict     *verdict // on its own result; nil: it is not known yet
	judged      []func() // to be called when it is
	cancelled   bool
	preparing   bool // its files are being locked and made ready
	started     time.Time

	lease       cas.Lease
	stopWaiting func() // ends the wait for the lease
	unlock      func() // releases the paths
	scratch     string // a command's TMPDIR, a plugin's folder
	values      string // holds the values that a command opens; empty: none
	outs        []workspace.Output
	outcome     Outcome
}

// start begins to execute n, which holds g.
func (l *loop) start(n *node, g *grant) {
	n.to(running)
	a := &attempt{l: l, n: n, grant: g, lease: cas.Lease{Release: func() {}}, unlock: func() {}, stopWaiting: func() {}, started: l.now()}
	l.running[n] = a
	n.act.tries++
	if !n.isPlugin() {
		l.tell(NodeStarted{Node: n.name, Doc: n.decl().Doc, At: a.started, Attempt: n.act.tries, Reason: n.reason(), Worker: g.slot, Usual: l.recorded(n)})
	}
	if lease := n.act.takeLease(); lease != nil {
		a.leased(leased{Lease: *lease})
		return
	}
	a.askLease()
}

// patience is how long an attempt keeps its slot while it waits for a lease: shorter than another build keeps the lease of a short step,
// so that of two builds of the same steps neither follows the other through them.
const patience = 2 * time.Millisecond

// silence is how long an attempt waits for another build before it says so: that one may be stopped, and nobody else would tell.
const silence = 3 * time.Second

// usesFiles is what another build does that has locks on the paths of a step.
const usesFiles = "uses files of this step"

// breakSilence tells what a node waits for, if it still does after a while. The function that it returns ends that.
func (l *loop) breakSilence(n *node, why string) (end func() bool) {
	return time.AfterFunc(silence, func() {
		if !n.isPlugin() {
			l.inbox.post(func() { l.tell(Note{Node: n.name, Warn: true, Text: "waits for another build, which " + why}) })
		}
	}).Stop
}

// leased is the answer to a request for a lease.
type leased struct {
	cas.Lease
	err error
}

// askLease asks for the right to execute the action. Where another process has it for longer, the slot is free meanwhile:
// what that process waits for may be a call of this one.
func (a *attempt) askLease() {
	l := a.l
	ctx, stop := context.WithCancel(l.ctx)
	a.stopWaiting = stop
	holding := l.holding(a.n)
	answer := make(chan leased, 1)
	go func() {
		lease, err := l.e.store.Lease(ctx, a.n.key, holding...)
		answer <- leased{lease, err}
	}()
	l.async(func() func() {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case got := <-answer:
			return func() { a.leased(got) }
		case <-timer.C:
			return func() { a.awaitLease(answer) }
		}
	})
}

func (a *attempt) awaitLease(answer <-chan leased) {
	l := a.l
	a.n.to(suspended)
	l.sched.yield(a.grant)
	l.async(func() func() {
		defer l.breakSilence(a.n, "executes the same")()
		got := <-answer
		return func() {
			l.sched.resume = append(l.sched.resume, resumption{a, func() {
				a.n.to(running)
				a.leased(got)
			}})
		}
	})
}

// leased prepares the execution, unless another process executed the action meanwhile.
func (a *attempt) leased(got leased) {
	if got.err == nil {
		a.lease = got.Lease
	}
	switch kind := a.n.reason().Kind; {
	case got.err != nil:
		a.prepared(got.err)
	case got.Waited && a.n.act.tries == 1 && kind != graph.Forced && kind != graph.Uncacheable:
		// A later attempt follows a failure of its own: to look again would begin its attempts anew, and two processes whose
		// attempts fail in turn would never end.
		a.prepared(errElsewhere)
	default:
		a.preparing = true
		a.l.async(func() func() {
			task, err := a.prepare(a.l.uncut)
			return func() { a.goAhead(task, err) }
		})
	}
}

// awaitLocks frees the slot while the attempt waits for files that another build uses.
func (a *attempt) awaitLocks() {
	a.l.inbox.post(func() {
		if a.preparing && a.n.state == running {
			a.n.to(suspended)
			a.l.sched.yield(a.grant)
		}
	})
}

// goAhead starts what was prepared, once the attempt has its slot.
func (a *attempt) goAhead(task *Task, err error) {
	a.preparing = false
	start := func() {
		if a.prepared(err) {
			a.startTask(task)
		}
	}
	if a.n.state != suspended {
		start()
		return
	}
	a.l.sched.resume = append(a.l.sched.resume, resumption{a, func() {
		a.n.to(running)
		start()
	}})
}

// prepare gets the locks, sees to it that inputs are right and outputs are out of the way, and makes the task; nil where there
// is nothing to start. It runs on a worker.
func (a *attempt) prepare(ctx context.Context) (*Task, error) {
	ws, err := a.l.e.workspace()
	if err != nil {
		return nil, err
	}
	a.outs = a.l.outputsOf(a.n)
	// A function gets its inputs from the cache, and its outputs are written from what it returns. So a call that waits for
	// others never keeps a path locked that one of these, or another process on its way to one of these, may want.
	if inputs := a.l.inputOutputs(a.n); !a.n.isCall() && len(inputs)+len(a.outs) > 0 {
		end := a.l.breakSilence(a.n, usesFiles)
		release, err := ws.Hold(ctx, inputs, a.outs, a.awaitLocks)
		end()
		if err != nil {
			return nil, err
		}
		a.unlock = release
	}
	if a.scratch, err = ws.Scratch(); err != nil {
		return nil, err
	}
	return a.l.task(a)
}

// errElsewhere says that another process executed the action while this one waited for its lease.
var errElsewhere = errors.New("executed elsewhere")

// prepared reports whether the task may start; where it may not, the attempt is over.
func (a *attempt) prepared(err error) bool {
	switch {
	case a.cancelled || a.l.cut:
		a.close()
		a.l.drop(a.n)
	case errors.Is(err, errElsewhere):
		a.close()
		a.n.to(lookingUp)
		a.l.looking.add(a.n)
	case isMissing(err):
		a.close()
		a.revive()
	case err != nil:
		a.close()
		a.l.fail(a.n, failureOf(err), nil)
	default:
		return true
	}
	return false
}

// revive has the inputs made again that the cache has lost, then executes the node.
func (a *attempt) revive() {
	l, n := a.l, a.n
	l.reviveInputs(n, append(slices.Clone(n.deps), n.observed...), func() {
		n.to(queued)
		l.enqueue(n)
	})
}

func (a *attempt) startTask(task *Task) {
	l := a.l
	if task == nil { // a step that only orders others
		now := l.now()
		a.taskDone(Outcome{Started: now, Ended: now})
		return
	}
	if task.Command != nil {
		l.goesUnwatched(a.n)
	}
	task.Ahead = a.grant.ahead > 0
	a.call = l.e.runner.Start(task, a)
}

// cancel ends the attempt.
func (a *attempt) cancel() {
	a.cancelled = true
	a.stopWaiting()
	if a.call != nil && !a.ended {
		a.call.Cancel()
	}
}

// quit takes the attempt off the loop.
func (a *attempt) quit() {
	a.ended = true
	for len(a.n.waits) > 0 {
		a.n.waits[0].giveUp()
	}
	a.l.sched.release(a.grant)
	delete(a.l.running, a.n)
}

// close gives back what the attempt holds.
func (a *attempt) close() {
	a.quit()
	a.unlock()
	a.stopWaiting()
	a.lease.Release()
	scratch, values := a.scratch, a.values
	a.scratch, a.values = "", ""
	if scratch+values == "" {
		return
	}
	a.l.leave(func() {
		for _, dir := range []string{scratch, values} {
			if dir != "" {
				_ = a.l.e.ws.Recycle(dir) // what stays is swept by a later build
			}
		}
	})
}

// taskDone goes on with the end of the task.
func (a *attempt) taskDone(o Outcome) {
	if a.ended {
		return
	}
	a.ended = true
	a.outcome = o
	if a.grant.ahead > 0 {
		a.l.sched.yield(a.grant)
	}
	if a.n.state == suspended {
		a.n.to(running)
		a.waited += a.l.now().Sub(a.suspendedAt)
	}
	if o.Failure != nil {
		a.failed(o.Failure)
		return
	}
	a.l.noteTime(a)
	a.observeReads(func() { a.take() })
}

// take takes the result of a task that ended well.
func (a *attempt) take() {
	if len(a.early) > 0 {
		a.confirm(a.take)
		return
	}
	a.stages = a.inOrder()
	a.l.observedBy(a.n, a.stages) // what it read must not have moved
	a.l.async(func() func() {
		f, err := a.finish(a.l.ctx)
		return func() { a.finished(f, err) }
	})
}

// inOrder makes the stages of a trace from what was observed.
func (a *attempt) inOrder() []trace.Stage {
	var stages []trace.Stage
	for _, number := range sortedKeys(a.seen) {
		stages = append(stages, a.seen[number].Sort())
	}
	return stages
}

// failed ends an attempt whose task has no result: another attempt follows, or the node has failed.
func (a *attempt) failed(f *Failure) {
	l, n := a.l, a.n
	if f.Cancel || a.cancelled {
		l.async(func() func() {
			a.keepPartial()
			return func() {
				a.close()
				l.drop(n)
			}
		})
		return
	}
	l.async(func() func() {
		a.keepPartial()
		a.addToLog(f.Details)
		log := a.putLog()
		return func() { a.retryOrFail(f, log) }
	})
}

func (a *attempt) retryOrFail(f *Failure, log trace.Value) {
	l, n := a.l, a.n
	retries := 0
	if n.isStep() {
		retries = n.decl().Step.Retries
	}
	if f.Lost && !l.stops(n) {
		// It ran beside a call that took the process with it: that was no attempt of its own.
		n.act.tries--
		a.close()
		n.to(queued)
		l.enqueue(n)
		return
	}
	if f.Retry && n.act.tries <= retries && !l.stops(n) {
		pause := max(backoff(n.act.tries), f.After)
		l.tell(Note{Node: n.name, Warn: true, Text: fmt.Sprintf("attempt %d of %d failed (%s); the next one follows in %v", n.act.tries, retries+1, f.Message, pause)})
		a.close()
		l.after(pause, func() {
			if l.stops(n) {
				l.drop(n)
				return
			}
			n.to(queued)
			l.enqueue(n)
		})
		return
	}
	a.close()
	if f.Unmet && len(a.unmet) > 0 {
		l.blockedBy(n, a.unmet)
		return
	}
	l.fail(n, f, &failureRecord{a: a, log: log})
}

// backoff is the pause before the attempt after the given one: half a second, doubled each time, at most 30 seconds.
func backoff(tries int) time.Duration {
	return min(500*time.Millisecond<<min(tries-1, 6), 30*time.Second)
}

// after runs f on the loop once d has passed.
func (l *loop) after(d time.Duration, f func()) {
	l.inflight++
	timer := time.NewTimer(d)
	go func() {
		select {
		case <-timer.C:
		case <-l.ctx.Done():
		case <-l.halted:
		}
		timer.Stop()
		l.inbox.post(func() {
			l.inflight--
			f()
		})
	}()
}
