package host

import "github.com/calyx-build/calyx/plugins/memory"

// allowance is how much memory a process may hold: as much as calls that it had under way at once may together. A process
// keeps what calls have loaded, so that it never sinks; one that had a call without a limit has none.
type allowance struct {
	most    int64 // in bytes
	endless bool
}

// add counts the calls that are under way now.
func (a *allowance) add(calls map[uint64]*call) {
	if a.endless { // among ten thousand calls that wait, to count them for each one that begins takes longer than the call
		return
	}
	sum := int64(0)
	for _, c := range calls {
		a.endless = a.endless || c.task.Memory == 0
		sum += c.task.Memory
	}
	a.most = max(a.most, sum)
}

// limit is 0 where there is none.
func (a *allowance) limit() int64 {
	if a.endless {
		return 0
	}
	return a.most
}

// watchMemory kills the process where it holds more than its calls may. It returns when the process is gone.
func (p *process) watchMemory() {
	pool := p.pool
	stop := p.peer.watchMemory(func() int64 {
		pool.mu.Lock()
		defer pool.mu.Unlock()
		return p.allowance.limit()
	}, func(used, limit int64) {
		pool.mu.Lock()
		defer pool.mu.Unlock()
		p.kill(blame{why: memory.Excess(used, limit), hint: memory.Hint, final: true})
	})
	<-p.gone
	stop()
}
