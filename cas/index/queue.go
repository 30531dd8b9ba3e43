package index

import (
	"errors"
	"sync"

	"github.com/calyx-build/calyx/cas"
)

// ErrClosed is returned to callers that use a closed database.
var ErrClosed = errors.New("the cache is closed")

// Request is the transactions of one call. A caller that may have to repeat a request, because it cannot know whether
// the first attempt came through, numbers its requests within a session and makes the next when it has the answer.
type Request struct {
	Session [16]byte // zero: none
	Seq     uint64
	Txns    []Txn
	// heal holds keys whose values were found unreadable; they are deleted if they still are.
	heal [][]byte
}

// pending is a request that waits for its turn.
type pending struct {
	Request
	results []cas.TxnResult
	done    chan error // gets one error or nil
}

// queue holds requests in the order in which they came.
type queue struct {
	mu      sync.Mutex
	changed sync.Cond
	waiting []*pending
	closed  bool
}

func (q *queue) init() { q.changed.L = &q.mu }

func (q *queue) push(p *pending) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	q.waiting = append(q.waiting, p)
	q.changed.Signal()
	return nil
}

// pop waits for requests and takes as many as should be written together; none when the queue is closed and empty.
func (q *queue) pop() []*pending {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 && !q.closed {
		q.changed.Wait()
	}
	n, bytes := 0, 0
	for n < len(q.waiting) && bytes < groupBytes {
		bytes += q.waiting[n].size()
		n++
	}
	group := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	return group
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Signal()
}

// size is the number of bytes that the request may write.
func (r *Request) size() int {
	n := 0
	for _, t := range r.Txns {
		n += t.Size()
	}
	return n
}

// Size is the number of bytes in the transaction.
func (t *Txn) Size() int { return rowsSize(t.If) + rowsSize(t.Add) + rowsSize(t.Put) }

// rowOverhead is what a row costs beside its bytes, in a batch or a message.
const rowOverhead = 16

func rowsSize(rows []cas.Row) int {
	n := rowOverhead * len(rows)
	for _, r := range rows {
		n += len(r.Key) + len(r.Value)
	}
	return n
}
