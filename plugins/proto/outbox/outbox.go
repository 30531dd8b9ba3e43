// Package outbox holds what is to be sent on a stream until its one sender comes to it, so that whatever gathered while a
// message was under way leaves together in the next one. Both sides of a session use it.
package outbox

import (
	"sync"

	"google.golang.org/protobuf/proto"
)

// Queue holds items in order. Its methods may be called from any goroutine. The zero Queue is not usable; see New.
type Queue[T any] struct {
	mu     sync.Mutex
	filled sync.Cond
	items  []T
	closed bool
}

// New returns an empty queue.
func New[T any]() *Queue[T] {
	q := &Queue[T]{}
	q.filled.L = &q.mu
	return q
}

// Put appends items; it does nothing once the queue is closed.
func (q *Queue[T]) Put(items ...T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.items = append(q.items, items...)
	q.filled.Signal()
}

// Take waits for items and returns all of them. It returns none once the queue is closed and empty. spare, which may be
// nil, is reused for the items to come: callers hand back what the last Take gave them.
func (q *Queue[T]) Take(spare []T) []T {
	clear(spare)
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.filled.Wait()
	}
	items := q.items
	q.items = spare[:0]
	return items
}

// Close lets Take return what is left and then nothing.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Broadcast()
}

// Messages hands items to send in groups whose encoding is about as long as limit (in bytes) at most; a longer item is a group
// of its own. It stops at the first error.
func Messages[T proto.Message](items []T, limit int, send func([]T) error) error {
	size, from := 0, 0
	for i, item := range items {
		n := proto.Size(item)
		if i > from && size+n > limit {
			if err := send(items[from:i]); err != nil {
				return err
			}
			size, from = 0, i
		}
		size += n
	}
	if from == len(items) {
		return nil
	}
	return send(items[from:])
}
