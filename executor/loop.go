package executor

import (
	"context"
	"sync"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/cores"
)

// loop is one build or survey. One goroutine, the one in run, owns everything in it; workers do what takes time and post
// what follows.
type loop struct {
	e      *Engine
	ctx    context.Context
	cancel context.CancelFunc
	o      Options
	g      *graph.Graph
	owners *graph.Graph // whose outputs are no sources
	// searched are the folders of PATH, by all their names.
	searched func() map[string]bool
	survey   bool // nothing is executed or written
	large    bool // steps that wait let their declarations go

	nodes  nodeTable
	leaves map[leafKey]*leaf
	base   *baseline // what is known of the nodes that nothing that moved reaches; nil: nothing
	// generation is the store's, from before anything was looked up in it.
	generation trace.Generation

	inbox    inbox
	work     []func()
	inflight int // workers, timers and calls that will post
	looking  batcher[*node]
	watching batcher[*leaf]
	reading  batcher[chainRead]
	settling batcher[*node]
	sched    scheduler
	commits  *committer
	outbox   outbox
	stopping bool // nothing new starts, except what fall needs
	fall     fallbacks
	cut      bool // the user asked to stop
	running  map[*node]*attempt
	// executing holds, by action, the node that is queued for its execution, at it, or done with it: who looked before that
	// was recorded has to look again.
	executing map[hashing.Digest]*node
	moved     map[string]bool
	pinned    map[string]*looked // the files that were looked at, by path
	sum       Summary
	began     time.Time
	ticked    time.Time
	steps     int           // derived nodes that were asked for
	ahead     float64       // recorded seconds of those that have not ended
	broken    error         // calyx's own means failed
	halted    chan struct{} // closed when the build is cut short: nothing pauses any more
	uncut     context.Context
	endWaits  func()   // ends uncut when the build is cut short: nobody waits for another build any more
	unwatched []string // commands whose reads nobody saw
	stale     map[string]bool
	stepVars  map[string]bool // that steps name
	pins      sync.Mutex      // guards leaf.verified

	indices    heldIndices
	inFiles    map[string][]string // see overriddenIn
	cameAfter  []came
	listsKept  sync.Map // digests of the lists that some step saw, and that are in the store
	describing sync.Mutex
	described  map[*node]*Description
	processes  map[*node]*PluginProcess
	// descriptions are those of now and of then, by their digests.
	descriptions map[hashing.Digest]*Description
}

// inbox is an unbounded queue: workers never wait for the loop.
type inbox struct {
	mu    sync.Mutex
	items []func()
	wake  chan struct{}
}

func (b *inbox) post(f func()) {
	b.mu.Lock()
	b.items = append(b.items, f)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *inbox) take() []func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	items := b.items
	b.items = nil
	return items
}

// async runs f on a goroutine of its own; what it returns runs on the loop.
func (l *loop) async(f func() func()) {
	l.inflight++
	cores.Go(func() {
		then := f()
		l.inbox.post(func() {
			l.inflight--
			then()
		})
	})
}

// soon runs f on the loop, after what is running now: chains of any depth stay off the stack.
func (l *loop) soon(f func()) { l.work = append(l.work, f) }

// drive runs until nothing is left that could happen.
func (l *loop) drive() {
	work := cores.Begin()
	defer work.End()
	stop := l.o.Stop
	interrupted := l.ctx.Done()
	var late <-chan time.Time // when the observers are told what they have not been told yet
	tick := func() {
		if !l.tick() && late == nil {
			late = time.After(tickEvery)
		}
	}
	for {
		l.drain()
		if l.inflight == 0 && l.sched.stuck() {
			l.admitOver()
			continue
		}
		if l.inflight == 0 && len(l.running) == len(l.outbox.held) {
			if l.outbox.waits() {
				l.sync()
				continue
			}
			return
		}
		select {
		case <-l.inbox.wake:
			work.Event(l.sched.held > 1 || l.sched.queuedNodes() > 0)
			for _, f := range l.inbox.take() {
				f()
			}
			tick()
		case <-late:
			late = nil
			tick()
		case <-l.outbox.due:
			l.sync()
		case <-stop:
			stop = nil
			l.interrupt()
		case <-interrupted:
			interrupted = nil
			l.interrupt()
		}
	}
}

// drain does all that can be done without waiting, then hands batches to workers.
func (l *loop) drain() {
	for {
		for len(l.work) > 0 {
			f := l.work[len(l.work)-1]
			l.work = l.work[:len(l.work)-1]
			f()
		}
		l.dispatch()
		if l.outbox.awaited && !l.sched.full() {
			l.recordHeld()
		}
		l.watching.flush(l, l.observe)
		l.lookUpAlone()
		l.looking.flush(l, l.lookUp)
		l.reading.flush(l, l.readChains)
		l.settling.flush(l, l.restore)
		if len(l.work) == 0 {
			return
		}
	}
}

// interrupt lets nothing new start and ends what runs: gracefully the first time, at once the second.
func (l *loop) interrupt() {
	if !l.cut {
		l.cut = true
		l.stopping = true
		l.fall.moved = true
		close(l.halted)
		l.endWaits()
	}
	for _, a := range l.running {
		a.cancel()
	}
}

// batcher collects items for workers: at most one batch per core is under way, so that what comes meanwhile travels
// together.
type batcher[T any] struct {
	items []T
	busy  int
}

const batchSize = 256

func (b *batcher[T]) add(item T) { b.items = append(b.items, item) }

// flush starts workers on what was collected. f runs on a worker and returns what follows on the loop.
func (b *batcher[T]) flush(l *loop, f func(batch []T) func()) {
	workers := cores.Count()
	for len(b.items) > 0 && b.busy < workers {
		size := min(len(b.items), max(batchSize, 1), max(1, (len(b.items)+workers-1)/workers))
		batch := b.items[:size:size]
		b.items = b.items[size:]
		b.busy++
		l.async(func() func() {
			then := f(batch)
			return func() {
				b.busy--
				then()
			}
		})
	}
}

// tickEvery is how often observers are told how far a build is.
const tickEvery = 200 * time.Millisecond

// tick tells how far the build is, now and then. What remains is estimated from recorded times: at least the longest chain
// that begins with a running node, and at least the work that is left over all jobs. It is false where they were told a moment ago.
func (l *loop) tick() bool {
	if l.survey {
		return true
	}
	now := l.now()
	if now.Sub(l.ticked) < tickEvery {
		return false
	}
	l.ticked = now
	c := Counts{Done: l.sum.Executed + l.sum.Cached + l.sum.Fresh + l.sum.Failed + l.sum.Blocked, Total: l.steps, Running: l.sched.held, Queued: l.sched.queuedNodes(), Remaining: -1}
	if l.ahead > 0 {
		c.Remaining = l.ahead / float64(l.sched.jobs)
		for n := range l.running {
			c.Remaining = max(c.Remaining, float64(n.priority))
		}
	}
	l.tell(c)
	return true
}
