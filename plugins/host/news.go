package host

import "sync"

// news tells handlers what happened, in order, from one goroutine, which holds none of the host's locks and is none that
// called the host: so a handler may call back.
type news struct {
	mu      sync.Mutex
	changed sync.Cond
	queue   []func()
	closed  bool
	done    chan struct{}
}

// maxNews is the number of untold events from which on readers wait: a plugin that talks faster than anybody listens is
// held back by its stream.
const maxNews = 10_000

func newNews() *news {
	n := &news{done: make(chan struct{})}
	n.changed.L = &n.mu
	go n.run()
	return n
}

// post hands over an event.
func (n *news) post(event func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed { // a task that was started after the end
		go event()
		return
	}
	if n.queue = append(n.queue, event); len(n.queue) == 1 {
		n.changed.Broadcast()
	}
}

// settle waits until there is not too much to tell.
func (n *news) settle() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.queue) > maxNews && !n.closed {
		n.changed.Wait()
	}
}

func (n *news) run() {
	defer close(n.done)
	var events []func()
	for {
		if events = n.next(events[:0]); len(events) == 0 {
			return
		}
		for i, tell := range events {
			events[i] = nil
			tell()
		}
	}
}

func (n *news) next(spare []func()) []func() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.queue) == 0 && !n.closed {
		n.changed.Wait()
	}
	events := n.queue
	n.queue = spare
	n.changed.Broadcast()
	return events
}

// close waits until all is told.
func (n *news) close() {
	n.mu.Lock()
	n.closed = true
	n.changed.Broadcast()
	n.mu.Unlock()
	<-n.done
}
