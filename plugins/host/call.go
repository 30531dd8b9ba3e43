package host

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/redact"
)

// call is one task. Its fields are guarded by the lock of its pool.
type call struct {
	pool *pool
	task *executor.Task
	to   executor.Handler
	log  *callLog
	// metrics is the size in bytes of those that were told.
	metrics int
	// alone keeps other calls from running beside it.
	alone bool

	state   state
	id      uint64
	proc    *process
	started time.Time
	began   bool // started is when it had its first turn, and not when it was sent
	// open are the needs that are not answered yet, answers counts those that are.
	open    map[uint64]*need
	answers uint32
	// held are answers that wait until the process has room.
	held []parcel
	// doom is how the call ends whatever it says: it was cancelled, or its time is up.
	doom *executor.Failure

	left  time.Duration // of the time limit, when the clock was started
	since time.Time     // when the clock was started
	timer *time.Timer   // rings when the time is up, or when a doomed call has had enough patience
}

// state tells where a call is.
type state uint8

const (
	queued   state = iota // waits for a process
	running               // works
	waiting               // waits for answers
	answered              // has its answers, and waits for its process to have room
	ended
)

// need is what a call asked for, and how many requests its answers must match.
type need struct {
	seen     uint32
	requests int
	asked    []trace.Request // until the need is whole
	whole    bool
}

func newCall(t *executor.Task, to executor.Handler) *call {
	log := newCallLog(filepath.Join(t.Scratch, "log"), t.Secrets)
	return &call{task: t, to: to, log: log, left: t.Timeout, open: map[uint64]*need{}}
}

// Answer delivers the answers to one need.
func (c *call) Answer(id uint64, answers []executor.Answer) {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	n, ok := c.open[id]
	if c.state == ended || c.state == queued || !ok {
		return
	}
	if len(answers) != n.requests {
		panic(fmt.Sprintf("internal error: %d answers to %d requests", len(answers), n.requests))
	}
	delete(c.open, id)
	c.answers++
	c.held = append(c.held, parcel{call: c, need: id, answers: answers})
	switch {
	case len(c.open) > 0: // it waits on, whatever it does with this
		c.proc.out.Put(c.held...)
		c.held = nil
	case c.state == waiting:
		c.state = answered
		c.proc.answered = append(c.proc.answered, c)
		c.pool.dispatch()
	}
}

// wait notes that a running call has asked for something.
func (c *call) wait() {
	switch c.state {
	case running:
		c.state = waiting
		c.proc.pause(c)
		c.pool.dispatch()
	case answered: // another part of it asked meanwhile
		c.state = waiting
		c.proc.unanswer(c)
		c.proc.out.Put(c.held...)
		c.held = nil
	}
}

// Cancel ends the call: politely first, then by force.
func (c *call) Cancel() {
	if c.pool == nil {
		return
	}
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	c.condemn(&executor.Failure{Message: "cancelled", Exit: -1, Cancel: true}, "it was cancelled")
}

// condemn asks the call to end, and sees to it that it does.
func (c *call) condemn(f *executor.Failure, why string) {
	switch {
	case c.state == ended || c.doom != nil:
		return
	case c.state == queued:
		c.pool.unqueue(c)
		c.end(f)
		return
	}
	c.stopClock()
	c.doom = f
	grace := c.pool.host.opts.Grace
	c.proc.out.Put(parcel{call: c, cancel: why})
	c.timer = time.AfterFunc(grace, func() {
		c.pool.mu.Lock()
		defer c.pool.mu.Unlock()
		if c.state != ended {
			c.doom.Message += fmt.Sprintf("; plugin %q did not end the call within %v and was %s", c.pool.plugin.Name, grace, c.proc.peer.fate())
			c.proc.kill(blame{why: "did not end a call when it was told to", guilty: c})
		}
	})
}

// startClock lets the time limit run while the call does.
func (c *call) startClock() {
	if c.left <= 0 || c.doom != nil {
		return
	}
	c.since = c.pool.host.clock()
	var mine *time.Timer
	mine = time.AfterFunc(c.left, func() {
		c.pool.mu.Lock()
		defer c.pool.mu.Unlock()
		if c.timer == mine {
			c.condemn(&executor.Failure{Message: fmt.Sprintf("it ran for longer than %v", c.task.Timeout), Exit: -1, Timeout: true, Retry: true}, "its time is up")
		}
	})
	c.timer = mine
}

func (c *call) stopClock() {
	if c.timer == nil || c.doom != nil { // a doomed call's timer is not its clock
		return
	}
	c.timer.Stop()
	c.timer = nil
	// 0 would mean that there is no limit.
	c.left = max(c.left-c.pool.host.clock().Sub(c.since), 1)
}

// finish ends a call by what the plugin said.
func (c *call) finish(result executor.Payload, f *executor.Failure) {
	if c.doom != nil {
		f = c.doom
	}
	if f != nil {
		c.end(f)
		return
	}
	delete(c.pool.accidents, c.task.Node)
	c.done(executor.Outcome{Result: result})
}

// end ends a call as a failure.
func (c *call) end(f *executor.Failure) {
	f.Message = redact.Text(f.Message, c.task.Secrets)
	f.Details = redact.Text(f.Details, c.task.Secrets)
	c.done(executor.Outcome{Failure: f})
}

// done takes the call off its process and tells how it ended.
func (c *call) done(o executor.Outcome) {
	if c.proc != nil {
		switch c.state {
		case running:
			c.proc.pause(c)
		case answered:
			c.proc.unanswer(c)
		}
		delete(c.proc.calls, c.id)
	}
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	c.state = ended
	c.held = nil
	o.Started, o.Ended = c.started, c.pool.host.clock()
	if o.Started.IsZero() {
		o.Started = o.Ended
	}
	c.pool.host.news.post(func() {
		o.Log = c.log.close()
		c.to.Done(o)
	})
}

// lose ends a call whose process failed, probably for another's fault: it is to be started again. f says how the process
// ended, guilty is the call at fault, nil where several ran and it may be any of them.
func (c *call) lose(f *executor.Failure, guilty *call) {
	a := c.pool.accidents[c.task.Node]
	a.times++
	a.suspect = a.suspect || guilty == nil && c.state == running
	c.pool.accidents[c.task.Node] = a
	same := *f
	if same.Lost = a.times < maxAccidents; !same.Lost {
		same.Message += fmt.Sprintf(" (%d times while this call was under way)", a.times)
		delete(c.pool.accidents, c.task.Node)
	}
	c.end(&same)
}
