package executor

import (
	"fmt"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// The methods in this file are a running attempt's Handler: they may be called from any goroutine and hand over to the loop.

// Need brings what a call asks for up to date and answers it.
func (a *attempt) Need(id uint64, seen int, requests []trace.Request) {
	a.l.inbox.post(func() {
		for i := range requests {
			requests[i] = a.through(a.l.e.spelt(requests[i]))
		}
		if !a.ended {
			a.need(id, seen, requests)
		}
	})
}

// spelt is a request whose path is spelt as the workspace does: relative in it, absolute outside. What a step makes is known by
// that spelling alone.
func (e *Engine) spelt(r trace.Request) trace.Request {
	switch r.Kind {
	case trace.File, trace.Listing, trace.Glob, trace.Exists:
	default:
		return r
	}
	r.Subject = filepath.ToSlash(filepath.Clean(r.Subject))
	if r.Subject == ".." || strings.HasPrefix(r.Subject, "../") {
		r.Subject = filepath.ToSlash(e.abs(r.Subject))
	}
	if r.Subject = e.rel(r.Subject); r.Subject == e.cfg.Root {
		r.Subject = "."
	}
	return r
}

// through is a request for what a step makes where it is for a link that leads there: the link counts besides, and the step is needed.
func (a *attempt) through(r trace.Request) trace.Request {
	if r.Kind != trace.File && r.Kind != trace.Exists {
		return r
	}
	at := a.l.e.abs(r.Subject)
	if st, err := hashing.Lstat(at); err != nil || !st.IsLink() {
		return r
	}
	end := a.l.e.rel(hashing.LinkEnd(at))
	if _, owned := a.l.g.Owner(end); !owned || end == r.Subject {
		return r
	}
	a.readUnasked(trace.Request{Kind: trace.Link, Subject: r.Subject})
	r.Subject = end
	return r
}

// unasked is a read that the task made without asking.
type unasked struct {
	trace.Request
	stage int
}

// Observed notes a read that the task made without asking. What it saw is digested when the task has ended. It may be told of more than
// once: the first time counts for what came after it.
func (a *attempt) Observed(r trace.Request, before *hashing.Stat) {
	a.l.inbox.post(func() {
		r := a.through(a.l.e.spelt(r))
		if !a.observed[r] {
			a.readUnasked(r)
			if a.observed == nil {
				a.observed = map[trace.Request]bool{}
			}
			a.observed[r] = true
		}
		if before != nil {
			a.stood = append(a.stood, a.ofRead(r, before))
		}
	})
}

func (a *attempt) readUnasked(requests ...trace.Request) {
	for _, r := range requests {
		a.unasked = append(a.unasked, unasked{r, lastStage})
	}
}

// observeReads brings what the task read without asking, and the sources that a description names, into its trace.
func (a *attempt) observeReads(then func()) {
	switch {
	case a.n.isPlugin():
		a.readUnasked(a.l.e.sourcesOf(a.outcome.Result.Inline)...)
		a.ofDescription()
		a.observe(then)
	case a.n.decl().Step.Depfile != "" || len(a.outcome.Accesses) > 0:
		a.observeAccesses(then)
	default:
		a.observe(then)
	}
}

// readUnmade adds, to a folder that the task listed, what it may not have found there yet: a folder in which outputs lie counts as
// there, and the task would perhaps have looked into it. All files in it that are no outputs count then.
func (a *attempt) readUnmade() {
	var began int64
	known := map[unasked]bool{}
	for _, r := range slices.Clone(a.unasked) {
		if r.Kind != trace.Listing {
			continue
		}
		for _, name := range a.l.owners.Folders(r.Subject) {
			folder := path.Join(r.Subject, name)
			isIts := func(o graph.Output) bool { return within(o.Path, folder) }
			if !a.n.isCall() && slices.ContainsFunc(a.n.outs(), isIts) { // calyx made it before
				continue
			}
			if began == 0 {
				began = a.began()
			}
			if st, err := hashing.Lstat(a.l.e.abs(folder)); err == nil && st.Ctime < began {
				continue
			}
			inIt := []trace.Request{{Kind: trace.Listing, Subject: folder}}
			if !strings.ContainsAny(folder, `*?[]{}\`) { // which would be another pattern
				inIt = append(inIt, trace.Request{Kind: trace.Glob, Subject: folder + "/**"})
			}
			for _, seen := range inIt {
				if next := (unasked{seen, r.stage}); !known[next] {
					known[next] = true
					a.unasked = append(a.unasked, next)
				}
			}
		}
	}
}

// observe takes views of what the task read without asking.
func (a *attempt) observe(then func()) {
	l := a.l
	a.readUnmade()
	if len(a.unasked) == 0 {
		then()
		return
	}
	requests := make([]trace.Request, len(a.unasked))
	for i := range a.unasked {
		requests[i] = a.unasked[i].Request
	}
	t, err := l.resolve(requests)
	if err != nil || l.closesCycle(a.n, t.nodes) {
		a.failed(&Failure{Message: fmt.Sprintf("it read something that depends on it: %q", requests[0].Subject), Exit: -1})
		return
	}
	l.awaitAll(a.n, t.nodes, t.leaves, func() {
		l.views(t, func(digests []hashing.Digest, err error) {
			if err != nil {
				a.failed(failureOf(err))
				return
			}
			stages := map[int]trace.Stage{}
			for i, r := range a.unasked {
				stages[r.stage] = append(stages[r.stage], trace.Observation{Request: r.Request, Digest: digests[i]})
			}
			for number, stage := range stages {
				a.note(number, stage)
			}
			a.n.observedLeaves = append(a.n.observedLeaves, t.leaves...) // what they show must still be so when the result is recorded
			then()
		})
	})
}

// Progress passes on how far the task is.
func (a *attempt) Progress(done, total float64, unit string) {
	a.l.inbox.post(func() { a.l.tell(NodeProgress{Node: a.n.name, Done: done, Total: total, Unit: unit}) })
}

// Metric keeps a number about the task.
func (a *attempt) Metric(m trace.Metric) {
	a.l.inbox.post(func() { a.metrics = append(a.metrics, m) })
}

// Done goes on with the end of the task.
func (a *attempt) Done(o Outcome) {
	a.l.inbox.post(func() { a.taskDone(o) })
}

func (a *attempt) need(id uint64, seen int, requests []trace.Request) {
	l := a.l
	for i := len(a.unasked) - 1; i >= 0 && a.unasked[i].stage == lastStage; i-- {
		a.unasked[i].stage = readBefore(seen)
	}
	t, err := l.resolve(requests)
	if err != nil {
		a.refuse(id, len(requests), err.Error())
		return
	}
	if names := l.cycle(a.n, t.nodes); names != nil {
		a.refuse(id, len(requests), "a cycle: "+cycleText(names))
		return
	}
	if t.mayRun() {
		if a.open++; a.open == 1 && a.n.state == running {
			a.n.to(suspended)
			a.suspendedAt = l.now()
		}
	}
	w := l.awaitAll(a.n, t.nodes, t.leaves, func() { a.needReady(id, seen, t, false) })
	if w.off || !t.mayRun() {
		return
	}
	l.sched.yield(a.grant)
	if len(requests) == 1 && t.isWhole(0) {
		w.early = func(from *attempt, ans Answer) {
			a.early = append(slices.DeleteFunc(a.early, early.confirmed), early{from, ans.Digest})
			a.goOn(id, seen, t, []Answer{ans})
		}
	}
}

// early is the answer that a call got from another one before that was recorded.
type early struct {
	from   *attempt
	digest hashing.Digest
}

// verdict is what became of a result on its way into the store.
type verdict struct {
	value trace.Value // that is recorded now
	err   error
}

// confirmed reports whether what was answered is recorded.
func (e early) confirmed() bool {
	v := e.from.verdict
	return v != nil && v.err == nil && wholeDigest(v.value) == e.digest
}

// answerEarly gives a small value to those calls that wait for nothing else, as soon as it is known: so that a call in turn waits
// for no store. What they make of it is recorded after it (see confirm). It reports whether there were any.
func (a *attempt) answerEarly(f *finishing) (some bool) {
	v, text := f.result.Value, a.outcome.Result.Inline
	if f.write == nil || len(a.n.outs()) > 0 || v.Media != trace.MediaJSON || text == nil || len(text) > atHand {
		return false
	}
	a.l.sched.yield(a.grant)
	for _, w := range slices.Clone(a.n.wanted) {
		if w.early != nil && !w.off && w.left == 1 {
			some = true
			w.giveUp()
			w.early(a, Answer{Digest: wholeDigest(v), Payload: Payload{Value: v, Inline: text}})
		}
	}
	a.l.dispatch() // the call goes on before anything else is done
	return some
}

// confirm goes on when it is known of everything that was answered early whether it is recorded. Where something else was recorded
// in the place of what the call was given, its result is none of recorded inputs; where nothing could be, there is no result.
func (a *attempt) confirm(then func()) {
	for _, e := range a.early {
		if e.from.verdict == nil {
			e.from.judged = append(e.from.judged, func() { a.confirm(then) })
			if e.from.held {
				a.l.recordHeld()
			}
			return
		}
	}
	for _, e := range a.early {
		if err := e.from.verdict.err; err != nil {
			a.failed(&Failure{Message: err.Error(), Exit: -1, Cancel: true})
			return
		}
		a.n.act.seesFailed = a.n.act.seesFailed || !e.confirmed()
	}
	a.early = nil
	then()
}

// judge notes what became of the result, and goes on with those who wait for that.
func (a *attempt) judge(v verdict) {
	a.verdict = &v
	for _, then := range a.judged {
		a.l.soon(then)
	}
	a.judged = nil
}

// refuse answers a need that cannot be met. The result of the call is then no result of its inputs: it is not recorded.
func (a *attempt) refuse(id uint64, count int, why string) {
	a.n.act.seesFailed = true
	answers := make([]Answer, count)
	for i := range answers {
		answers[i].Error = why
	}
	a.call.Answer(id, answers)
}

// needReady takes the views that were asked for, on a worker, and answers once the call has its slot again. Values that are
// lost are made again first, unless the answer is final.
func (a *attempt) needReady(id uint64, seen int, t *targets, final bool) {
	l := a.l
	if slices.ContainsFunc(t.nodes, unended) {
		l.awaitAll(a.n, t.nodes, t.leaves, func() { a.needReady(id, seen, t, final) })
		return
	}
	answers := make([]Answer, len(t.requests))
	for i, n := range t.node {
		if n != nil && !n.answers() {
			answers[i].Error = n.failureText()
		}
	}
	then := func(lost bool) {
		if lost && !final && !a.ended {
			l.sched.yield(a.grant)
			l.revive(a.n, t.nodes, func(whole bool) { a.needReady(id, seen, t, !whole) })
			return
		}
		a.goOn(id, seen, t, answers)
	}
	if t.atHand() {
		then(l.answerAll(t, answers))
		return
	}
	l.async(func() func() {
		lost := l.answerAll(t, answers)
		return func() { then(lost) }
	})
}

// goOn answers a need once the call has its slot again.
func (a *attempt) goOn(id uint64, seen int, t *targets, answers []Answer) {
	switch {
	case a.ended:
	case a.mayGoOn() || !t.mayRun():
		a.deliver(id, seen, t, answers)
	default:
		a.l.sched.resume = append(a.l.sched.resume, resumption{a, func() { a.deliver(id, seen, t, answers) }})
	}
}

// mayRun reports whether anything that was asked for is made by a step. A call keeps its slot while it waits for anything else:
// that takes no slot, and calls that share one thread, such as an event loop, could wait for each other if it did.
func (t *targets) mayRun() bool {
	return slices.ContainsFunc(t.nodes, func(n *node) bool { return !n.isStored() })
}

// isWhole reports whether a request is for the whole value of a step.
func (t *targets) isWhole(i int) bool {
	r, n := t.requests[i], t.node[i]
	return n != nil && n.isStep() && r.Kind == trace.Node && r.View == ""
}

// atHand reports whether all that was asked for is the whole value of a step, and in memory.
func (t *targets) atHand() bool {
	for i, n := range t.node {
		if !t.isWhole(i) || n.state != done || n.loadInline() == nil {
			return false
		}
	}
	return true
}

// mayGoOn reports whether an answer can be delivered now. A call has its slot free for as long as any of its needs is open:
// it wants it back for the last answer only, or two of its needs could keep each other from running.
func (a *attempt) mayGoOn() bool { return a.grant.active || a.open > 1 }

// deliver answers a need and records what was seen.
func (a *attempt) deliver(id uint64, seen int, t *targets, answers []Answer) {
	if a.ended {
		return
	}
	if t.mayRun() {
		if a.open--; a.open == 0 && a.n.state == suspended {
			a.n.to(running)
			a.waited += a.l.now().Sub(a.suspendedAt)
		}
	}
	stage := make(trace.Stage, len(answers))
	for i, ans := range answers {
		stage[i] = trace.Observation{Request: t.requests[i], Digest: ans.Digest}
		a.n.act.seesFailed = a.n.act.seesFailed || ans.Error != ""
		if d := t.node[i]; d != nil {
			a.n.act.seesFailed = a.n.act.seesFailed || d.unrecorded
			if ans.Error != "" && !d.answers() {
				a.unmet = append(a.unmet, d)
			}
		}
	}
	a.note(askedAfter(seen), stage)
	a.call.Answer(id, answers)
}

// The stages of a call, in order. What was read without asking comes before what was asked for next: that may have been asked for because
// of it, and is not to be brought up to date before it has been compared.
func readBefore(seen int) int { return 2 * seen }
func askedAfter(seen int) int { return 2*seen + 1 }

// lastStage is that of what was read without asking when nothing was asked for any more.
const lastStage = math.MaxInt

// note adds observations to a stage. Secrets are never recorded, however they were read.
func (a *attempt) note(number int, stage trace.Stage) {
	if a.seen == nil {
		a.seen = map[int]trace.Stage{}
	}
	secrets := a.l.secretsOf(a.n)
	for _, o := range stage {
		if o.Kind != trace.Env || !slices.Contains(secrets, o.Subject) {
			a.seen[number] = append(a.seen[number], o)
		}
	}
}

// secretsOf names the variables that are secrets to a step or plugin.
func (l *loop) secretsOf(n *node) []string {
	switch {
	case n.isPlugin():
		return l.pluginDecl(n).Secrets
	case n.call:
		p := l.g.Plugins[slices.IndexFunc(l.g.Plugins, func(p graph.Plugin) bool { return p.Name == n.decl().Step.Call.Plugin })]
		return append(slices.Clip(p.Secrets), n.decl().Step.Secrets...)
	}
	return n.decl().Step.Secrets
}

// answerAll takes the views of those nodes that have values. lost tells whether the cache lacks one. It runs on a worker.
func (l *loop) answerAll(t *targets, answers []Answer) (lost bool) {
	for i := range answers {
		if answers[i].Error != "" {
			continue
		}
		var err error
		if answers[i], err = l.answer(t.requests[i], t.node[i], t.leaf[i]); err != nil {
			answers[i].Error = err.Error()
			lost = lost || isMissing(err)
		}
	}
	return lost
}

func (l *loop) answer(r trace.Request, n *node, f *leaf) (Answer, error) {
	v, err := l.view(r, n, f)
	if err != nil || v.absent {
		return Answer{Digest: v.digest, Absent: v.absent}, err
	}
	p, err := l.payload(v)
	return Answer{Digest: v.digest, Payload: p}, err
}

// failureText says why a node has no value.
func (n *node) failureText() string {
	switch {
	case n.failure != nil:
		return fmt.Sprintf("node %q failed: %s", n.name, n.failure.Message)
	case len(n.blockedBy) > 0:
		return fmt.Sprintf("node %q is blocked by %s", n.name, quoted(n.blockedBy))
	default:
		return fmt.Sprintf("node %q was not built: the build stops", n.name)
	}
}
