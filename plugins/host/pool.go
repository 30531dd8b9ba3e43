package host

import (
	"context"
	"slices"
	"sync"

	"github.com/calyx-build/calyx/executor"
)

// pool has the processes of one plugin, and the calls that wait for room in one. Its lock guards all that its processes
// and calls hold; it is never held while something is read, written or told.
type pool struct {
	host   *Host
	plugin executor.PluginProcess

	mu       sync.Mutex
	queue    []*call    // in the order in which they came
	procs    []*process // that can take calls
	all      sync.WaitGroup
	starting int
	borrows  []chan borrowed
	// broken is why no process starts: the first one did not, and another would not either.
	broken *executor.Failure
	lived  bool            // a process has started
	ctx    context.Context // of starts
	cancel context.CancelFunc
	// accidents are the nodes whose calls were under way when a process failed.
	accidents map[string]accident
	closed    bool
}

// accident is what is remembered of a node whose call was under way when a process failed.
type accident struct {
	times int
	// suspect tells that the call was running, and so may be what the process failed of: it is run alone next time.
	suspect bool
}

// maxAccidents is how often a call is started again for the fault of another.
const maxAccidents = 3

type borrowed struct {
	proc *process
	err  error
}

func newPool(h *Host, plugin executor.PluginProcess) *pool {
	p := &pool{host: h, plugin: plugin, accidents: map[string]accident{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// add takes a call that is new.
func (p *pool) add(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		c.end(&executor.Failure{Message: errClosed.Error(), Exit: -1, Cancel: true})
	case p.broken != nil:
		f := *p.broken
		c.end(&f)
	default:
		c.alone = p.accidents[c.task.Node].suspect
		p.queue = append(p.queue, c)
		p.dispatch()
	}
}

// borrow returns a process that runs, starting one if there is none.
func (p *pool) borrow(ctx context.Context) (*process, error) {
	p.mu.Lock()
	if p.broken != nil || p.closed || len(p.procs) > 0 {
		defer p.mu.Unlock()
		switch {
		case p.closed:
			return nil, errClosed
		case p.broken != nil:
			return nil, p.broken
		}
		return p.procs[0], nil
	}
	wait := make(chan borrowed, 1)
	p.borrows = append(p.borrows, wait)
	if p.starting == 0 {
		p.launch()
	}
	p.mu.Unlock()
	select {
	case b := <-wait:
		return b.proc, b.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// dispatch lets calls that were answered go on, and then starts those that wait, as far as there is room.
func (p *pool) dispatch() {
	for _, proc := range p.procs {
		proc.resume()
	}
	for len(p.queue) > 0 {
		c := p.queue[0]
		proc := p.room(c)
		if (proc == nil || proc.running > 0) && p.mayLaunch() {
			p.launch()
		}
		if proc == nil {
			return
		}
		p.queue[0] = nil
		p.queue = p.queue[1:]
		proc.begin(c)
	}
}

// room returns the process with the fewest running calls that can take c, nil if none can.
func (p *pool) room(c *call) *process {
	var best *process
	for _, proc := range p.procs {
		if proc.takes(c) && (best == nil || proc.running < best.running) {
			best = proc
		}
	}
	return best
}

func (p *pool) mayLaunch() bool {
	return p.starting == 0 && len(p.procs) < max(p.plugin.Workers, 1)
}

// launch starts one more process.
func (p *pool) launch() {
	p.starting++
	p.all.Add(1)
	go func() {
		proc, err := p.start()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.launched(proc, err)
	}()
}

func (p *pool) launched(proc *process, err error) {
	p.starting--
	for _, b := range p.borrows {
		b <- borrowed{proc, err}
	}
	p.borrows = nil
	switch {
	case err != nil:
		p.all.Done()
		p.startFailed(failureOf(err))
	case p.closed:
		proc.serve()
		go proc.end()
	default:
		proc.serve()
		p.lived = true
		p.procs = append(p.procs, proc)
	}
	p.dispatch()
}

// startFailed fails the calls that wait for a process. Where there are others, they are enough.
func (p *pool) startFailed(f *executor.Failure) {
	if len(p.procs) > 0 {
		return
	}
	if !p.lived {
		p.broken = f
	}
	queue := p.queue
	p.queue = nil
	for _, c := range queue {
		same := *f
		c.end(&same)
	}
}

// remove forgets a process that takes no more calls.
func (p *pool) remove(proc *process) {
	p.procs = slices.DeleteFunc(p.procs, func(other *process) bool { return other == proc })
}

// unqueue takes back a call that was not started.
func (p *pool) unqueue(c *call) {
	p.queue = slices.DeleteFunc(p.queue, func(other *call) bool { return other == c })
}

// close ends everything.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.cancel()
	for _, c := range p.queue {
		c.end(&executor.Failure{Message: errClosed.Error(), Exit: -1, Cancel: true})
	}
	p.queue = nil
	for _, proc := range p.procs {
		go proc.end()
	}
	p.procs = nil
	p.mu.Unlock()
	p.all.Wait()
}
