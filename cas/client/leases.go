package client

import (
	"context"
	"sync"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/storepb"
	"github.com/calyx-build/calyx/hashing"
)

// leases are those that this process holds or waits for. A new server is told of them all.
type leases struct {
	mu   sync.Mutex
	last uint64
	mine map[uint64]*held
}

// held is one lease, or the wait for it.
type held struct {
	id      uint64
	action  hashing.Digest
	holding []hashing.Digest
	granted chan bool // gets whether it was waited for
	have    bool
	asked   uint64 // the number of the last connection that was told of it; 0: none
	again   bool   // asked a second server: the holder may have finished between the two
}

func newLeases() leases { return leases{mine: map[uint64]*held{}} }

// Lease asks the server. Where that one dies, the next one is asked.
func (c *Client) Lease(ctx context.Context, action hashing.Digest, holding []hashing.Digest) (cas.Lease, error) {
	conn, err := c.connection(ctx)
	if err != nil {
		return cas.Lease{}, err
	}
	h := c.leases.begin(action, holding)
	release := func() { c.release(h) }
	for {
		c.leases.ask(conn, h) // a connection that came before h began knows nothing of it
		select {
		case waited := <-h.granted:
			return cas.Lease{Waited: waited, Release: release}, nil
		case <-ctx.Done():
			release()
			return cas.Lease{}, ctx.Err()
		case <-conn.down:
			if conn, err = c.connection(ctx); err != nil {
				release()
				return cas.Lease{}, err
			}
		}
	}
}

// RowsOrLease asks the server for a few rows, and for a lease where there is none under the last key.
func (c *Client) RowsOrLease(ctx context.Context, keys [][]byte, action hashing.Digest, holding []hashing.Digest) ([][]byte, *cas.Lease, error) {
	h := c.leases.number(action)
	request := &storepb.RowsRequest{Keys: keys, Try: h.message().GetAcquire()}
	request.Try.Holding = storepb.FromDigests(holding)
	answer, conn, err := c.callOf(ctx, &storepb.Ask{Kind: &storepb.Ask_Rows{Rows: request}})
	if err != nil {
		if conn := c.last(); conn.up() { // the server may have given it to nobody
			conn.say(h.releaseMessage())
		}
		return nil, nil, err
	}
	values := storepb.ToValues(answer.GetRows().GetValues())
	if !answer.GetRows().GetLeased() {
		return values, nil, nil
	}
	c.leases.took(h, conn)
	c.leases.ask(c.last(), h) // a server that came since knows nothing of it
	return values, &cas.Lease{Release: func() { c.release(h) }}, nil
}

func (c *Client) release(h *held) {
	if c.leases.end(h) {
		if conn := c.last(); conn.up() {
			conn.say(h.releaseMessage())
		}
	}
}

func (l *leases) begin(action hashing.Digest, holding []hashing.Digest) *held {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	h := &held{id: l.last, action: action, holding: holding, granted: make(chan bool, 1)}
	l.mine[h.id] = h
	return h
}

// number makes a lease that is not held yet and not asked for.
func (l *leases) number(action hashing.Digest) *held {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	return &held{id: l.last, action: action, granted: make(chan bool, 1)}
}

// took notes that the server at the other end of a connection has given a lease.
func (l *leases) took(h *held, conn *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h.have, h.asked = true, conn.number
	l.mine[h.id] = h
}

// ask tells a connection of a lease, unless that one or a later one was told already (see renew).
func (l *leases) ask(conn *conn, h *held) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h.tell(conn)
}

// renew tells a new server what its predecessor knew.
func (l *leases) renew(conn *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.mine {
		h.tell(conn)
	}
}

func (h *held) tell(conn *conn) {
	if h.asked >= conn.number {
		return
	}
	h.again = h.asked > 0
	h.asked = conn.number
	conn.say(h.message())
}

func (h *held) message() *storepb.Ask {
	if h.have {
		return &storepb.Ask{Kind: &storepb.Ask_Claim{Claim: &storepb.Claim{Id: h.id, Action: h.action[:]}}}
	}
	return &storepb.Ask{Kind: &storepb.Ask_Acquire{Acquire: &storepb.Acquire{
		Id: h.id, Action: h.action[:], Holding: storepb.FromDigests(h.holding),
	}}}
}

func (h *held) releaseMessage() *storepb.Ask {
	return &storepb.Ask{Kind: &storepb.Ask_Release{Release: &storepb.Release{Id: h.id}}}
}

func (l *leases) granted(id uint64, waited bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.mine[id]; h != nil && !h.have {
		h.have = true
		h.granted <- waited || h.again
	}
}

// end forgets a lease, and tells whether it was still known.
func (l *leases) end(h *held) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, known := l.mine[h.id]
	delete(l.mine, h.id)
	return known
}

func (l *leases) any() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.mine) > 0
}
