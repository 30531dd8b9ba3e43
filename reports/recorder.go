package reports

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/reports/idle"
)

// About is what a run's record says of the program beside what the engine tells.
type About struct {
	Version string   // of calyx
	Command []string // the command line
	// Root is the workspace's folder, in which a run is noted that finds nothing to do; empty: such a run is not kept.
	Root string
}

// Recorder is an Observer that records one run. It opens the store when the run starts, writes in the background, a few
// times a second at most, and never holds the build up: an error ends the recording, and Close returns it. Of a run that
// ended well and found everything fresh it writes nothing into the store: see package idle.
type Recorder struct {
	ctx   context.Context
	open  func(context.Context) (cas.Store, trace.Scope, error)
	about About
	now   func() time.Time

	mu      sync.Mutex
	head    headRow
	spans   []Span // not written yet
	news    bool   // the run did something
	started map[string]attempts
	err     error

	writer *writer // nil until the run starts
	wake   chan struct{}
	stop   chan struct{}
	done   chan struct{}
}

var _ executor.Observer = (*Recorder)(nil)

// attempts is what is known of a node that runs.
type attempts struct {
	first, last time.Time // when they got their worker
	count       int
}

// NewRecorder returns a recorder that writes into the store which open gives, under the scope's workspace and instance.
// open is called at most once, from the goroutine that tells the run's start (Engine.Store fits). What is recorded once
// the run has started is written even where ctx has ended.
func NewRecorder(ctx context.Context, open func(context.Context) (cas.Store, trace.Scope, error), about About) *Recorder {
	return &Recorder{
		ctx: context.WithoutCancel(ctx), open: open, about: about, now: time.Now, started: map[string]attempts{},
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
}

// Event records what is worth keeping of an event.
func (r *Recorder) Event(e executor.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e := e.(type) {
	case executor.RunStarted:
		r.start(e)
	case executor.NodeStarted:
		r.nodeStarted(e)
	case executor.NodeDone:
		r.nodeDone(e)
	case executor.NodePassed:
		r.add(Span{Node: e.Node, Done: r.since(r.orNow(e.At)), Deps: e.Deps})
	case executor.RunEnded:
		r.end(e)
	default:
		return
	}
	if !r.news {
		return
	}
	select {
	case r.wake <- struct{}{}:
	default: // it is awake already
	}
}

// Close writes what is left and ends the recording. It returns the first error that kept something from being recorded;
// the build itself is none the worse for it.
func (r *Recorder) Close() error {
	if r.writer != nil {
		close(r.stop)
		<-r.done
	}
	if r.err == nil && !r.news && r.head.State == StateOK && r.about.Root != "" {
		_ = idle.Note(r.about.Root, r.head.idle()) // where nothing can be written, the build is none the worse for it
	}
	return r.err
}

func (r *Recorder) start(e executor.RunStarted) {
	host, _ := os.Hostname() // shown to people; empty where there is none
	r.head = headRow{
		Head: Head{
			Run: e.Run, Instance: e.Instance, State: StateRunning, Started: e.Started, Targets: append([]string{}, e.Targets...), Jobs: e.Jobs,
			Version: r.about.Version, Command: r.about.Command, Host: host,
		},
		Process: thisProcess(),
	}
	if e.Still { // the store is not open, and nothing will happen for which to open it
		return
	}
	store, scope, err := r.open(r.ctx)
	if err != nil {
		r.err = err
		return
	}
	r.writer = &writer{store: store, scope: scope, run: e.Run, times: map[string]NodeTimes{}}
	go r.write()
}

func (r *Recorder) nodeStarted(e executor.NodeStarted) {
	r.news = true
	a := r.started[e.Node]
	if a.count == 0 {
		a.first = e.At
	}
	a.last, a.count = e.At, a.count+1
	r.started[e.Node] = a
}

func (r *Recorder) nodeDone(e executor.NodeDone) {
	if !e.Stored {
		r.head.count(e.Outcome)
	}
	a := r.started[e.Node]
	delete(r.started, e.Node)
	if e.Outcome != executor.Fresh {
		r.news = true
		r.add(r.span(e, a))
	}
}

func (r *Recorder) add(s Span) {
	if r.writer != nil && r.err == nil {
		r.spans = append(r.spans, s)
	}
}

func (r *Recorder) span(e executor.NodeDone, a attempts) Span {
	s := Span{
		Node: e.Node, Outcome: e.Outcome, Reason: e.Reason, Value: e.Value, Log: e.Log, Metrics: e.Metrics,
		Done: r.since(r.orNow(e.At)), Usual: duration(e.Usual), Deps: e.Deps, Blocked: e.Blocked,
	}
	if e.Failure != nil {
		s.Failure, s.Exit = e.Failure.Message, e.Failure.Exit
	}
	if e.Started.IsZero() {
		return s
	}
	s.Start, s.Took, s.Self = r.since(e.Started), max(0, duration(e.Seconds)), duration(e.Self)
	if e.Outcome == executor.Failed || s.Self > s.Took {
		s.Self = s.Took // a failed node does not tell
	}
	s.Worker, s.Attempts, s.CPU = e.Worker, max(1, a.count), duration(e.CPU)
	if a.count > 0 {
		s.Prepared, s.Retrying = max(0, e.Started.Sub(a.last)), a.last.Sub(a.first)
	}
	// A node without dependencies counts its wait from the beginning of time.
	if w := duration(e.Waited); w > 0 && w <= s.begin() {
		s.Waited = w
	}
	return s
}

func (r *Recorder) orNow(at time.Time) time.Time {
	if at.IsZero() {
		return r.now()
	}
	return at
}

func (r *Recorder) since(t time.Time) time.Duration {
	return max(0, t.Sub(r.head.Started).Truncate(time.Microsecond))
}

func duration(seconds float64) time.Duration {
	return (time.Duration(seconds * float64(time.Second))).Truncate(time.Microsecond)
}

func (r *Recorder) end(e executor.RunEnded) {
	h := &r.head
	h.Ended, h.Seconds = e.Ended, e.Seconds
	h.Executed, h.Cached, h.Fresh, h.Failed, h.Blocked = e.Executed, e.Cached, e.Fresh, e.Failed, e.Blocked
	r.news = r.news || !e.OK
	switch {
	case e.Interrupted:
		h.State = StateInterrupted
	case e.OK:
		h.State = StateOK
	default:
		h.State = StateFailed
	}
}
