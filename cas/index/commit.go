package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/calyx-build/calyx/cas"
)

const (
	// groupBytes bounds what is written together: about half a memtable.
	groupBytes = 8 << 20
	// reserve is the free space in bytes with which Pebble, which cannot go on after it met a full disk, has room for its
	// log and for flushing what it holds, however much that is.
	reserve = 2 * memTableSize
	// leastReserve is what it needs where it holds nothing.
	leastReserve = 1 << 20
)

// Apply applies transactions in order.
func (d *DB) Apply(ctx context.Context, txns []Txn) ([]cas.TxnResult, error) {
	return d.ApplyRequest(ctx, Request{Txns: txns})
}

// ApplyRequest applies a request's transactions in order. Where the request is the session's last one, repeated, what
// was applied then is reported and not applied again. A request whose caller stops waiting may still be applied.
func (d *DB) ApplyRequest(ctx context.Context, r Request) ([]cas.TxnResult, error) {
	p := &pending{Request: r, done: make(chan error, 1)}
	if err := d.queue.push(p); err != nil {
		return nil, err
	}
	select {
	case err := <-p.done:
		return p.results, err
	case <-d.guard.fatal:
		return nil, d.Err()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Sync makes durable what was applied before.
func (d *DB) Sync(ctx context.Context) error {
	done, err := d.syncs.want()
	if err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-d.guard.fatal:
		return d.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// syncLoop synchronises the log. Who asks while that is under way shares the next time.
func (d *DB) syncLoop() {
	for range d.syncs.wanted {
		waiting := d.syncs.take()
		d.guard.syncLog()
		close(waiting)
	}
}

// syncs are the calls that wait for the disk.
type syncs struct {
	wanted chan struct{} // has an element while somebody waits

	mu      sync.Mutex
	waiting chan struct{} // closed when what was written before is durable; nil: nobody waits
	closed  bool
}

func (s *syncs) want() (done <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if s.waiting == nil {
		s.waiting = make(chan struct{})
		s.wanted <- struct{}{}
	}
	return s.waiting, nil
}

func (s *syncs) take() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.waiting
	s.waiting = nil
	return waiting
}

func (s *syncs) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	close(s.wanted)
}

// commitLoop is the only writer. Requests that come while one group is being written form the next.
func (d *DB) commitLoop() {
	defer close(d.done)
	for group := d.queue.pop(); len(group) > 0; group = d.queue.pop() {
		w := &writer{db: d, batch: d.pebble.NewBatch(), overlay: map[string][]byte{}, totals: d.totals}
		err := w.write(group)
		if err == nil {
			d.totals = w.totals
		} else {
			err = d.writeError(err)
		}
		for _, p := range group {
			p.done <- err
		}
	}
}

// writer builds and commits one batch.
type writer struct {
	db      *DB
	batch   *pebble.Batch
	overlay map[string][]byte // what the batch writes; nil: deletes
	totals  Totals
}

func (w *writer) write(group []*pending) error {
	before := w.totals
	if err := w.db.checkSpace(group); err != nil {
		return errors.Join(err, w.batch.Close())
	}
	for _, p := range group {
		if err := w.request(p); err != nil {
			return errors.Join(err, w.batch.Close())
		}
	}
	if w.totals != before {
		w.set([]byte(totalsKey), w.totals.encode())
	}
	if w.batch.Empty() {
		return w.batch.Close()
	}
	// The log hands this over to the system at once and synchronises nothing (logFile).
	return errors.Join(w.batch.Commit(pebble.Sync), w.batch.Close())
}

// checkSpace refuses to begin what might fill the disk.
func (d *DB) checkSpace(group []*pending) error {
	usage, err := d.guard.GetDiskUsage(d.path)
	if errors.Is(err, vfs.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	size := uint64(0)
	for _, p := range group {
		size += 2 * uint64(p.size()) // once in the log, once in a table
	}
	if usage.AvailBytes >= reserve+size {
		return nil
	}
	// On a small disk counts what it does hold.
	if need := leastReserve + 2*d.pebble.Metrics().MemTable.Size + size; usage.AvailBytes < need {
		return fmt.Errorf("%w: %d MiB are free, %d MiB are needed", syscall.ENOSPC, usage.AvailBytes>>20, (need+1<<20-1)>>20)
	}
	return nil
}

func (w *writer) request(p *pending) error {
	for _, key := range p.heal {
		if _, err := w.get(key); err != nil {
			return err
		}
	}
	applied, err := w.appliedBefore(&p.Request)
	if err != nil {
		return err
	}
	p.results = make([]cas.TxnResult, len(p.Txns))
	for i := range p.Txns {
		if applied.has(i) {
			p.results[i].Applied = true
			continue
		}
		if p.results[i], err = w.txn(&p.Txns[i]); err != nil {
			return err
		}
	}
	w.remember(p)
	return nil
}

func (w *writer) txn(t *Txn) (cas.TxnResult, error) {
	current, ok, err := w.conditions(t.If)
	if err != nil || !ok {
		return cas.TxnResult{Current: current}, err
	}
	for _, r := range t.Add {
		if err := w.add(r); err != nil {
			return cas.TxnResult{}, err
		}
	}
	for _, r := range t.Put {
		if err := w.put(r); err != nil {
			return cas.TxnResult{}, err
		}
	}
	return cas.TxnResult{Applied: true}, nil
}

// conditions reads the rows that a transaction depends on and tells whether they are as expected.
func (w *writer) conditions(rows []cas.Row) (current [][]byte, ok bool, err error) {
	ok = true
	for _, r := range rows {
		value, err := w.get(r.Key)
		if err != nil {
			return nil, false, err
		}
		current = append(current, value)
		ok = ok && (value == nil) == (r.Value == nil) && bytes.Equal(value, r.Value)
	}
	return current, ok, nil
}

func (w *writer) add(r cas.Row) error {
	old, err := w.get(r.Key)
	if err != nil || old != nil {
		return err
	}
	w.count(r.Key, nil, r.Value)
	w.set(r.Key, r.Value)
	return nil
}

func (w *writer) put(r cas.Row) error {
	if isBlob(r.Key) {
		old, err := w.get(r.Key)
		if err != nil {
			return err
		}
		w.count(r.Key, old, r.Value)
	}
	if r.Value == nil {
		w.delete(r.Key)
	} else {
		w.set(r.Key, r.Value)
	}
	return nil
}

// get returns a copy of the value under key, as the batch will leave it. A value that is damaged is told, and deleted
// so that the row can be written anew.
func (w *writer) get(key []byte) ([]byte, error) {
	if value, ok := w.overlay[string(key)]; ok {
		return value, nil
	}
	value, err := w.db.get(key, 0)
	if pebble.IsCorruptionError(err) {
		w.db.foundDamaged(err)
		w.delete(key)
		return nil, nil
	}
	return value, err
}

// A batch in memory cannot fail to take a row; the methods below rely on it.

func (w *writer) set(key, value []byte) {
	must(w.batch.Set(key, value, nil))
	w.overlay[string(key)] = value
}

func (w *writer) delete(key []byte) {
	must(w.batch.Delete(key, nil))
	w.overlay[string(key)] = nil
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("internal error: add a row to a batch: %v", err))
	}
}
