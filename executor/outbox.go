package executor

import (
	"context"
	"time"
)

// outbox holds what can wait, while the build goes on: what the observer is to be told, in order, and what attempts that have
// ended give back. The end of a node that was recorded waits until the record is durable, and whatever happened later is told
// after it.
type outbox struct {
	items []item
	// held are results that are not recorded yet; awaited says that somebody waits for one of them.
	held    []func()
	awaited bool
	// leaves are to be called by a worker.
	leaves []func()
	// applied is true where something was applied that no synchronisation covers yet.
	applied bool
	// due tells when it is time for the next synchronisation; nil: nothing waits, or one is under way.
	due     <-chan time.Time
	syncing bool
}

// syncPause is how long what is recorded may wait to be made durable, so that calls in turn are not held up by one
// synchronisation each, and share one. A build that has nothing else to do does not wait.
const syncPause = 10 * time.Millisecond

// item is one event. durably says that it may be told only when what was applied before is durable.
type item struct {
	event   Event
	durably bool
}

// tell passes an event to the observer, after those that wait.
func (l *loop) tell(e Event) {
	if l.survey || l.o.Observer == nil {
		return
	}
	if len(l.outbox.items) > 0 {
		l.outbox.items = append(l.outbox.items, item{event: l.dated(e)})
		return
	}
	l.o.Observer.Event(e)
}

// dated says of an event that is told later when it happened.
func (l *loop) dated(e Event) Event {
	switch e := e.(type) {
	case NodeDone:
		e.At = l.now()
		return e
	case NodePassed:
		e.At = l.now()
		return e
	}
	return e
}

// tellDurably is tell for what must be true after the system has stopped, too.
func (l *loop) tellDurably(e Event) {
	if l.survey || l.o.Observer == nil {
		return
	}
	l.outbox.items = append(l.outbox.items, item{l.dated(e), true})
	l.outbox.schedule()
}

// leave has f called by a worker, some time soon.
func (l *loop) leave(f func()) {
	l.outbox.leaves = append(l.outbox.leaves, f)
	l.outbox.schedule()
}

func (b *outbox) schedule() {
	if b.due == nil && !b.syncing {
		b.due = time.After(syncPause)
	}
}

// hold keeps a result back for a moment, so that several are recorded together: one that nobody waits for, as those of calls in
// turn, or one of a step after which another one took the slot, as long as what waits for it could not start.
func (l *loop) hold(a *attempt, f *finishing, awaited bool) {
	a.held = true
	l.outbox.awaited = l.outbox.awaited || awaited
	l.outbox.held = append(l.outbox.held, func() {
		a.held = false
		l.commit(a, f)
	})
	l.outbox.schedule()
}

// recordHeld records what was held back.
func (l *loop) recordHeld() {
	held := l.outbox.held
	l.outbox.held, l.outbox.awaited = nil, false
	for _, commit := range held {
		commit()
	}
}

// waits reports whether there is anything to be done.
func (b *outbox) waits() bool { return b.due != nil || b.applied && !b.syncing }

// sync makes what was applied durable and tells what waited for it. What comes meanwhile waits for the next time.
func (l *loop) sync() {
	l.recordHeld()
	b := &l.outbox
	covered, leaves, applied := len(b.items), b.leaves, b.applied
	b.leaves, b.applied, b.due, b.syncing = nil, false, nil, true
	l.async(func() func() {
		for _, leave := range leaves {
			leave()
		}
		var err error
		if applied {
			err = l.e.store.Sync(context.WithoutCancel(l.ctx)) // a build that is being stopped still keeps what is done
		}
		return func() { l.synced(covered, err) }
	})
}

func (l *loop) synced(covered int, err error) {
	b := &l.outbox
	b.syncing = false
	if err != nil {
		l.unrecorded("make what was recorded durable", err)
	}
	items := b.items
	b.items = nil
	for i, it := range items {
		if i >= covered && it.durably {
			b.items = items[i:]
			break
		}
		if err == nil || !it.durably {
			l.o.Observer.Event(it.event)
		}
	}
	if len(b.items)+len(b.leaves)+len(b.held) > 0 {
		b.schedule()
	}
}
