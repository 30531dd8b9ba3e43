package executor

import (
	"context"
	"sync"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing/cores"
)

// committer gathers the transactions of steps that finish at about the same time: while one group is being written, the
// next one forms.
type committer struct {
	store   cas.Store
	ctx     context.Context
	mu      sync.Mutex
	pending []commit
	busy    bool
	before  func() // called before anything is written
}

// commit is one transaction on its way. done is told when it is applied, from the committer's goroutine.
type commit struct {
	txn  cas.Txn
	done func(cas.TxnResult, error)
}

// largestGroup bounds the transactions written together.
const largestGroup = 512

func (c *committer) add(x commit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(c.pending, x)
	if !c.busy {
		c.busy = true
		cores.Go(c.write)
	}
}

func (c *committer) write() {
	for {
		c.mu.Lock()
		group := c.pending[:min(len(c.pending), largestGroup)]
		c.pending = c.pending[len(group):]
		c.busy = len(group) > 0
		c.mu.Unlock()
		if len(group) == 0 {
			return
		}
		txns := make([]cas.Txn, len(group))
		for i, x := range group {
			txns[i] = x.txn
		}
		c.before()
		// A build that is being stopped still keeps what is done.
		results, err := c.store.Apply(context.WithoutCancel(c.ctx), txns...)
		for i, x := range group {
			if err != nil {
				x.done(cas.TxnResult{}, err)
			} else {
				x.done(results[i], nil)
			}
		}
	}
}
