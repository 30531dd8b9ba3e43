package lease

import (
	"context"
	"sync"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

// Local is a session of the process that has the table; its calls block.
type Local struct {
	session *Session

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan bool
}

// NewLocal returns an asker with no leases.
func (t *Table) NewLocal() *Local {
	l := &Local{session: t.NewSession(), waiting: map[uint64]chan bool{}}
	l.session.Granted = l.granted
	return l
}

func (l *Local) granted(id uint64, waited bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting[id] <- waited
	delete(l.waiting, id)
}

// Lease waits until the lease is held or the context ends.
func (l *Local) Lease(ctx context.Context, action hashing.Digest, holding []hashing.Digest) (cas.Lease, error) {
	id, granted := l.begin()
	l.session.Acquire(id, action, holding)
	release := func() { l.session.Release(id) }
	select {
	case waited := <-granted:
		return cas.Lease{Waited: waited, Release: release}, nil
	case <-ctx.Done():
		release()
		l.forget(id)
		return cas.Lease{}, ctx.Err()
	}
}

// Try returns the lease where it can be had at once, nil otherwise.
func (l *Local) Try(action hashing.Digest, holding []hashing.Digest) *cas.Lease {
	id := l.number()
	if !l.session.Try(id, action, holding) {
		return nil
	}
	return &cas.Lease{Release: func() { l.session.Release(id) }}
}

func (l *Local) number() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	return l.last
}

func (l *Local) begin() (uint64, <-chan bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	granted := make(chan bool, 1)
	l.waiting[l.last] = granted
	return l.last, granted
}

func (l *Local) forget(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, id)
}
