package executor

import (
	"context"
	"fmt"
)

// outbox holds what the observer is still to be told, in order. The end of a node that was recorded waits until the record is
// durable, and whatever happened later is told after it.
type outbox struct {
	items   []item
	syncing bool
	// applied is true where something was applied that no synchronisation covers yet.
	applied bool
}

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
		l.outbox.items = append(l.outbox.items, item{event: e})
		return
	}
	l.o.Observer.Event(e)
}

// tellDurably is tell for what must be true after the system has stopped, too.
func (l *loop) tellDurably(e Event) {
	if l.survey || l.o.Observer == nil {
		return
	}
	l.outbox.items = append(l.outbox.items, item{e, true})
	if !l.outbox.syncing {
		l.sync()
	}
}

// sync makes what was applied durable and tells what waited for it. What comes meanwhile waits for the next time.
func (l *loop) sync() {
	l.outbox.syncing, l.outbox.applied = true, false
	covered := len(l.outbox.items)
	l.async(func() func() {
		err := l.e.store.Sync(context.WithoutCancel(l.ctx)) // a build that is being stopped still keeps what is done
		return func() { l.synced(covered, err) }
	})
}

func (l *loop) synced(covered int, err error) {
	l.outbox.syncing = false
	if err != nil {
		l.fault(fmt.Errorf("make what was recorded durable: %w", err))
	}
	items := l.outbox.items
	l.outbox.items = nil
	for i, it := range items {
		if i >= covered && it.durably {
			l.outbox.items = items[i:]
			l.sync()
			return
		}
		if err == nil || !it.durably {
			l.o.Observer.Event(it.event)
		}
	}
}

// settleAccounts makes durable what nothing that was told has waited for.
func (l *loop) settleAccounts() {
	if l.outbox.applied {
		l.sync()
		l.drive()
	}
}
