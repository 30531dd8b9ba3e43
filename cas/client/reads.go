package client

import (
	"context"
	"sync"

	"github.com/calyx-build/calyx/cas/storepb"
)

const (
	// readersAtOnce is how many requests for rows are under way at a time: one is answered while the next is made.
	readersAtOnce = 2
	// keysAtOnce is how many keys calls may share a request with.
	keysAtOnce = 1024
)

// reads gathers concurrent calls of Rows into requests: a round trip costs much more than a row.
type reads struct {
	mu      sync.Mutex
	waiting []*read
	readers int
}

// read is one call.
type read struct {
	keys   [][]byte
	head   int
	values [][]byte
	done   chan error
}

// Rows reads values.
func (c *Client) Rows(ctx context.Context, keys [][]byte, head int) ([][]byte, error) {
	own := &read{keys: keys, head: head, done: make(chan error, 1)}
	if c.reads.add(own) {
		c.work.Go(c.sendReads)
	}
	select {
	case err := <-own.done:
		return own.values, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// sendReads asks for what waits, until nothing does.
func (c *Client) sendReads() {
	for group := c.reads.take(); len(group) > 0; group = c.reads.take() {
		var keys [][]byte
		for _, own := range group {
			keys = append(keys, own.keys...)
		}
		values, err := c.rows(keys, group[0].head)
		for _, own := range group {
			if err == nil {
				own.values, values = values[:len(own.keys):len(own.keys)], values[len(own.keys):]
			}
			own.done <- err
		}
	}
}

// rows asks until every row is answered.
func (c *Client) rows(keys [][]byte, head int) ([][]byte, error) {
	values := make([][]byte, 0, len(keys))
	for len(values) < len(keys) {
		request := &storepb.RowsRequest{Keys: keys[len(values):], Head: uint32(head)}
		answer, err := c.call(c.ctx, &storepb.Ask{Kind: &storepb.Ask_Rows{Rows: request}})
		if err != nil {
			return nil, err
		}
		values = append(values, storepb.ToValues(answer.GetRows().GetValues())...)
	}
	return values, nil
}

// add lets a call wait, and tells whether another reader is wanted.
func (r *reads) add(own *read) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(r.waiting, own)
	more := r.readers < readersAtOnce
	if more {
		r.readers++
	}
	return more
}

// take returns calls that can share a request; when there are none, the reader has ended.
func (r *reads) take() []*read {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, keys := 0, 0
	for n < len(r.waiting) && r.waiting[n].head == r.waiting[0].head {
		if keys += len(r.waiting[n].keys); n > 0 && keys > keysAtOnce {
			break
		}
		n++
	}
	group := r.waiting[:n:n]
	r.waiting = r.waiting[n:]
	if n == 0 {
		r.readers--
	}
	return group
}
