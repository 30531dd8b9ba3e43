package client

import (
	"context"
	"crypto/rand"
	"sync"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/index"
	"github.com/calyx-build/calyx/cas/storepb"
)

// applies gathers the transactions of concurrent calls into requests, of which one is under way at a time: so the
// server need remember no more than the last one, to know it when it is repeated.
type applies struct {
	session []byte

	mu      sync.Mutex
	seq     uint64
	waiting []*apply
	sending bool
}

// apply is one call.
type apply struct {
	txns    []index.Txn
	results []cas.TxnResult
	done    chan error
}

func newApplies() applies {
	session := make([]byte, 16)
	_, _ = rand.Read(session) // never fails, as of Go 1.24
	return applies{session: session}
}

// Apply applies transactions. Where ctx ends before the answer comes, they may still be applied.
func (c *Client) Apply(ctx context.Context, txns []index.Txn) ([]cas.TxnResult, error) {
	own := &apply{txns: txns, done: make(chan error, 1)}
	if c.applies.add(own) {
		c.work.Go(c.sendApplies)
	}
	select {
	case err := <-own.done:
		return own.results, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// sendApplies sends what waits, until nothing does.
func (c *Client) sendApplies() {
	for group, seq := c.applies.take(); len(group) > 0; group, seq = c.applies.take() {
		err := c.send(group, seq)
		for _, own := range group {
			own.done <- err
		}
	}
}

// send makes one request of several calls.
func (c *Client) send(group []*apply, seq uint64) error {
	request := &storepb.ApplyRequest{Session: c.applies.session, Seq: seq}
	for _, own := range group {
		request.Txns = append(request.Txns, storepb.FromTxns(own.txns)...)
	}
	answer, err := c.call(c.ctx, &storepb.Ask{Kind: &storepb.Ask_Apply{Apply: request}})
	if err != nil {
		return err
	}
	results := storepb.ToResults(answer.GetApply().GetResults())
	for _, own := range group {
		own.results, results = results[:len(own.txns):len(own.txns)], results[len(own.txns):]
	}
	return nil
}

// add lets a call wait, and tells whether nobody is sending yet.
func (s *applies) add(own *apply) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, own)
	first := !s.sending
	s.sending = true
	return first
}

// take returns as many calls as one request should carry; when there are none, sending has ended.
func (s *applies) take() (group []*apply, seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, bytes := 0, 0
	for n < len(s.waiting) && bytes < storepb.Portion {
		for i := range s.waiting[n].txns {
			bytes += s.waiting[n].txns[i].Size()
		}
		n++
	}
	group = s.waiting[:n:n]
	s.waiting = s.waiting[n:]
	s.sending = n > 0
	s.seq++
	return group, s.seq
}
