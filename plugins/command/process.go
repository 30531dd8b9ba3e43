package command

import (
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/calyx-build/calyx/plugins/command/watch"
)

// cause is who ended a process.
type cause uint8

const (
	byItself cause = iota
	byTimeout
	byMemory
	byCancel
)

// ending is how a process came to its end.
type ending struct {
	status    syscall.WaitStatus
	cause     cause
	leftovers bool // the program left other processes behind
	cpu       time.Duration
	maxRSS    int64
	held      int64        // the memory for which it was ended, byMemory
	watch     *watch.Watch // nil: it was not watched
}

// process is a running program: the leader of a process group, which ends with it.
type process struct {
	pid   int
	grace time.Duration
	watch *watch.Watch // nil: it is not watched

	mu     sync.Mutex
	reaped bool // the number may belong to somebody else
	cause  cause
	held   int64       // byMemory
	kill   *time.Timer // after stop
	killAt time.Time
}

// stop asks the group to end, and kills it when the time for that is over, or at once where it is asked to a second time.
// The first cause counts.
func (p *process) stop(why cause) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.reaped:
		return
	case p.cause != byItself:
		if why == byCancel {
			p.killAt = time.Now()
			_ = p.signal(syscall.SIGKILL)
		}
		return
	}
	p.cause = why
	p.killAt = time.Now().Add(p.grace)
	_ = p.signal(syscall.SIGTERM) // what has ended meanwhile needs no signal
	_ = p.signal(syscall.SIGCONT) // a stopped process hears the other signal only then
	p.kill = time.AfterFunc(p.grace, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.reaped {
			_ = p.signal(syscall.SIGKILL)
		}
	})
}

// overfull kills the group for the memory that it holds: it would go on to take more.
func (p *process) overfull(held int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped && p.cause == byItself {
		p.cause, p.held, p.killAt = byMemory, held, time.Now()
		_ = p.signal(syscall.SIGKILL)
	}
}

// signal signals the whole group.
func (p *process) signal(s syscall.Signal) error { return syscall.Kill(-p.pid, s) }

// wait returns when the program and all of its group have ended.
func (p *process) wait() ending {
	awaitExit(p.pid)
	e := p.reap()
	e.watch = p.watch
	if p.groupLives() {
		e.leftovers = true
		p.endGroup()
	}
	return e
}

// reap takes the exit status. Until then the number of the process, and so that of its group, is nobody else's.
func (p *process) reap() ending {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause == byItself {
		_ = p.signal(syscall.SIGKILL)
	} else if p.kill != nil {
		p.kill.Stop()
	}
	e := ending{cause: p.cause, held: p.held}
	var usage syscall.Rusage
	for {
		_, err := syscall.Wait4(p.pid, &e.status, 0, &usage)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	p.reaped = true
	e.cpu = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	e.maxRSS = largest(usage)
	return e
}

// longestEnd is how long killed processes are waited for: a moment, unless the system holds them in a call.
const longestEnd = time.Second

// endGroup waits until what the program left in its group has ended: processes that were asked to end get the rest of
// their time first. As long as a group has members the system gives its number to nobody else.
func (p *process) endGroup() {
	p.mu.Lock()
	killAt := p.killAt
	p.mu.Unlock()
	if p.awaitGroup(time.Until(killAt)) {
		return
	}
	_ = p.signal(syscall.SIGKILL)
	p.awaitGroup(longestEnd)
}

// awaitGroup reports whether the group has ended within d. It asks again and again, since only a parent can wait.
func (p *process) awaitGroup(d time.Duration) bool {
	pause := time.Millisecond
	for end := time.Now().Add(d); time.Now().Before(end); pause = min(2*pause, 50*time.Millisecond) {
		if !p.groupLives() {
			return true
		}
		time.Sleep(pause)
	}
	return false
}

// groupLives reports whether the group has members that still do something. Orphans that have ended stay in it until
// somebody reaps them, which the first process of a container often never does.
func (p *process) groupLives() bool { return p.signal(0) == nil && !onlyZombies(p.pid) }
