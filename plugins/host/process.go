package host

import (
	"context"
	"fmt"
	"slices"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/plugins/pipes"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
	"github.com/calyx-build/calyx/plugins/proto/outbox"
)

// process is one process of a plugin and its session. What has no comment of its own is guarded by the pool's lock.
type process struct {
	pool      *pool
	peer      peer                                     // set at the start
	client    *goplugin.Client                         // set at the start of a program
	child     *child                                   // set at the start of a program
	conn      grpc.ClientConnInterface                 // set at the start of a program
	stream    stream                                   // set at the start
	hangUp    context.CancelFunc                       // set at the start
	functions map[string]*executor.FunctionDescription // set at the start
	queues    bool                                     // set at the start: it keeps calls that run alone apart by itself
	out       *outbox.Queue[parcel]                    // safe by itself
	tail      pipes.Tail                               // safe by itself
	gone      chan struct{}                            // closed once the process is gone and all that it printed is read
	calls     map[uint64]*call                         // under way
	last      uint64                                   // the number of the newest call
	running   int                                      // calls that do not wait for answers
	exclusive int                                      // those of them that allow no other beside them
	turn      time.Time                                // when one of these last ended or began to wait
	prints    bool                                     // calls print past what sorts it by call
	answered  []*call                                  // calls that have their answers, but no room to go on
	observed  []read                                   // by the process
	known     map[trace.Request]int                    // where in observed a read is
	blame     *blame                                   // why it is being ended, once it is
	ending    bool                                     // the host ends it in peace
	allowance allowance
}

// peer is the program on the other side of a session.
type peer interface {
	drain()                                         // reads what it has printed
	gone(most time.Duration) (forced bool)          // waits for its end, or makes one
	exit() (text string, status int, signal string) // how it ended
	end()                                           // asks it to end, and gives back what it took to talk to it
	killGroup()                                     // ends it by force
	fate() string                                   // what becomes of it then
	watchMemory(limit func() int64, exceeded func(used, limit int64)) (stop func())
}

// stream is a session's.
type stream interface {
	Send(*pluginv1.SessionRequest) error
	Recv() (*pluginv1.SessionResponse, error)
	CloseSend() error
}

// blame is why a process is being ended.
type blame struct {
	why    string
	hint   string
	final  bool  // another attempt would end so, too
	guilty *call // nil where it is not known
}

func newProcess(p *pool) *process {
	return &process{
		pool: p, functions: map[string]*executor.FunctionDescription{}, out: outbox.New[parcel](), calls: map[uint64]*call{},
		known: map[trace.Request]int{}, gone: make(chan struct{}),
	}
}

// serve starts to read and write.
func (p *process) serve() {
	go p.write()
	go p.read()
	go p.watchMemory()
}

// takes reports whether c may run in the process now.
func (p *process) takes(c *call) bool {
	if p.blame != nil {
		return false
	}
	return p.running == 0 || p.exclusive == 0 && p.overlaps(c) || p.ahead(c)
}

func (p *process) overlaps(c *call) bool {
	f := p.functions[c.task.Function.Name]
	return f != nil && f.Overlap && !c.alone
}

// begin starts a call that the process takes.
func (p *process) begin(c *call) {
	name := c.task.Function.Name
	if p.functions[name] == nil {
		c.end(&executor.Failure{Message: fmt.Sprintf("plugin %q has no function %q%s", p.pool.plugin.Name, name, p.nearest(name)), Exit: -1})
		return
	}
	p.last++
	c.id, c.proc, c.started = p.last, p, p.pool.host.clock()
	p.calls[c.id] = c
	p.allowance.add(p.calls)
	p.run(c)
	if reads := p.readBefore(); len(reads) > 0 {
		p.pool.host.news.post(func() { observed(c.to, reads) })
	}
	p.out.Put(parcel{call: c, start: p.functions[name]})
}

// read is one that nobody asked for, with what stood there before.
type read struct {
	trace.Request
	before *hashing.Stat // nil: it is not known
}

// observed reports reads of a process for one of its calls.
func observed(to executor.Handler, reads []read) {
	for _, r := range reads {
		to.Observed(r.Request, r.before)
	}
}

// run lets a call run, for the first time or again.
func (p *process) run(c *call) {
	c.state = running
	p.running++
	if !p.overlaps(c) {
		p.exclusive++
	}
	c.startClock()
}

// pause takes a running call off the process.
func (p *process) pause(c *call) {
	c.stopClock()
	p.running--
	if !p.overlaps(c) {
		p.exclusive--
		p.endTurn(c)
	}
}

// resume lets calls go on that have been answered, as far as there is room.
func (p *process) resume() {
	for len(p.answered) > 0 && p.takes(p.answered[0]) {
		c := p.answered[0]
		p.answered = p.answered[1:]
		p.goOn(c)
	}
}

func (p *process) goOn(c *call) {
	p.run(c)
	p.out.Put(c.held...)
	c.held = nil
}

// unanswer takes a call back that waits for room.
func (p *process) unanswer(c *call) {
	p.answered = slices.DeleteFunc(p.answered, func(other *call) bool { return other == c })
}

// observe notes a read of the process, and reports whether it is a new one.
func (p *process) observe(r read) bool {
	at, known := p.known[r.Request]
	switch {
	case !known:
		p.known[r.Request] = len(p.observed)
		p.observed = append(p.observed, r)
		return true
	case r.before == nil || p.observed[at].before != nil && *r.before == *p.observed[at].before:
		return false
	}
	p.observed = slices.Clone(p.observed) // calls may still have to be told of the others
	p.observed[at] = r
	return true
}

// readBefore is what a call that begins now may see of what the process read before. A program that goes on from one question to the next
// is there while files are edited: what it then has in memory is its own affair.
func (p *process) readBefore() []read {
	if p.pool.host.opts.Attach == nil {
		return p.observed
	}
	reads := slices.Clone(p.observed)
	for i := range reads {
		reads[i].before = nil
	}
	return reads
}

// printed takes what came on standard output after the handshake.
func (p *process) printed(text []byte) { p.log(standardOutput, text) }

// printedError takes what came on standard error.
func (p *process) printedError(text []byte) {
	p.tail.Add(text)
	p.log(standardError, text)
}

// log adds what the process printed to the logs of the calls that run.
func (p *process) log(from textSource, text []byte) {
	if p.pool.host.shown(text) {
		return
	}
	for _, c := range p.printingCalls() {
		c.log.take(from, text)
	}
}

// printingCalls are those that may have printed something: all that run.
func (p *process) printingCalls() []*call {
	p.pool.mu.Lock()
	defer p.pool.mu.Unlock()
	var calls []*call
	for _, c := range p.calls {
		if c.state == running {
			calls = append(calls, c)
		}
	}
	p.prints = p.prints || len(calls) > 0
	return calls
}

// kill ends the process by force, and remembers why. The reader sees the end of it.
func (p *process) kill(b blame) {
	if p.blame == nil {
		p.blame = &b
		p.pool.remove(p)
	}
	p.peer.killGroup()
}

// end ends the process gracefully, and by force where that takes too long. Calls under way end as cancelled.
func (p *process) end() {
	p.pool.mu.Lock()
	p.ending = true
	p.pool.mu.Unlock()
	p.out.Close()
	force := time.AfterFunc(p.pool.host.opts.Grace, p.peer.killGroup)
	p.peer.end()
	force.Stop()
}

// lost takes leave of a process whose stream has ended. It runs on the reader's goroutine.
func (p *process) lost(err error) {
	defer p.pool.all.Done()
	p.out.Close()
	p.pool.mu.Lock()
	p.pool.remove(p)
	ending, most := p.ending, patience
	switch {
	case ending:
		most = p.pool.host.opts.Grace
	case p.blame != nil:
		most = 0
	default:
		p.blame = &blame{}
	}
	p.pool.mu.Unlock()

	forced := p.peer.gone(most)
	close(p.gone)
	if !ending {
		p.peer.end()
	}
	p.hangUp()

	p.pool.mu.Lock()
	defer p.pool.mu.Unlock()
	p.bury(p.obituary(err, forced))
	p.pool.dispatch()
}

// bury ends the calls of a process that is gone.
func (p *process) bury(f *executor.Failure) {
	guilty := p.guilty()
	for _, id := range sortedIDs(p.calls) {
		c := p.calls[id]
		switch {
		case p.ending:
			c.end(&executor.Failure{Message: errClosed.Error(), Exit: -1, Cancel: true})
		case c.doom != nil:
			c.end(c.doom)
		case c == guilty:
			same := *f
			c.end(&same)
		default:
			c.lose(f, guilty)
		}
	}
}

func sortedIDs(calls map[uint64]*call) []uint64 {
	ids := make([]uint64, 0, len(calls))
	for id := range calls {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// guilty is the call of which the process failed: the one that is known to be, or the only one that ran.
func (p *process) guilty() *call {
	if p.blame != nil && p.blame.guilty != nil {
		return p.blame.guilty
	}
	if p.running == 1 {
		for _, c := range p.calls {
			if c.state == running {
				return c
			}
		}
	}
	return nil
}

// obituary says how the process ended: err is what the stream said, forced tells that it had to be killed then.
func (p *process) obituary(err error, forced bool) *executor.Failure {
	how, exit, signal := p.peer.exit()
	f := &executor.Failure{Exit: exit, Signal: signal, Retry: p.blame == nil || !p.blame.final, Details: p.tail.Lines()}
	name := p.pool.plugin.Name
	switch {
	case p.blame != nil && p.blame.why != "":
		f.Message, f.Hint = fmt.Sprintf("plugin %q %s, and was %s", name, p.blame.why, p.peer.fate()), p.blame.hint
	case forced || status.Code(err) != codes.Unavailable: // the connection still worked
		f.Message = fmt.Sprintf("plugin %q broke its session off (%v)", name, plainly(err))
	case exit == 0:
		f.Message = fmt.Sprintf("plugin %q ended amid its calls (%s)", name, how)
	default:
		f.Message = fmt.Sprintf("plugin %q crashed (%s)", name, how)
	}
	if last := lastWords(f.Details); last != "" {
		f.Message += ": " + shorten(last)
	}
	return f
}

// nearest suggests a function.
func (p *process) nearest(name string) string {
	names := make([]string, 0, len(p.functions))
	for n := range p.functions {
		names = append(names, n)
	}
	return didYouMean(name, names)
}
