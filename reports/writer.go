package reports

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
)

const (
	// writeEvery is the least time between two writes of a run.
	writeEvery = 500 * time.Millisecond
	// lastWrite is how long the end of a build waits for its record at most.
	lastWrite = 10 * time.Second
	// pieceSpans is how many spans a row holds at most.
	pieceSpans = 4096
)

// writer is the part of a recorder that its background goroutine has for itself.
type writer struct {
	store  cas.Store
	scope  trace.Scope
	run    string
	codec  codec
	pieces int
	spans  int
	times  map[string]NodeTimes // of the nodes of this run
}

// write is the background goroutine.
func (r *Recorder) write() {
	defer close(r.done)
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		select {
		case <-r.wake:
		case <-beat.C:
		case <-r.stop:
			r.finish()
			return
		}
		r.flush(r.ctx, false)
		select {
		case <-time.After(writeEvery):
		case <-r.stop:
		}
	}
}

// flush writes what has come up since the last time.
func (r *Recorder) flush(ctx context.Context, last bool) {
	r.mu.Lock()
	head, spans, idle := r.head, r.spans, r.err != nil || !r.news
	r.spans = nil
	r.mu.Unlock()
	if idle {
		return
	}
	head.Seen = r.now()
	if err := r.writer.put(ctx, head, spans, last); err != nil {
		r.fail(err)
	}
}

func (r *Recorder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = fmt.Errorf("record run %q: %w", r.writer.run, err)
	}
	r.spans = nil
}

// finish writes the end of the run with the times of its nodes, then sees to what earlier runs left.
func (r *Recorder) finish() {
	ctx, cancel := context.WithTimeout(r.ctx, lastWrite)
	defer cancel()
	r.mu.Lock()
	if r.head.State == StateRunning { // the engine broke off
		r.head.State, r.head.Ended = StateInterrupted, r.now()
		r.head.Seconds = r.head.Ended.Sub(r.head.Started).Seconds()
		r.news = true
	}
	idle := r.err != nil || !r.news
	r.mu.Unlock()
	if idle {
		return
	}
	r.flush(ctx, true)
	if err := r.writer.tidy(ctx, r.about.Root); err != nil {
		r.fail(err)
	}
}

// put writes the head and the new spans, and last of all the times of the nodes: all or nothing.
func (w *writer) put(ctx context.Context, head headRow, spans []Span, last bool) error {
	var txn cas.Txn
	if err := w.putSpans(&txn, spans); err != nil {
		return err
	}
	head.Pieces, head.Spans = w.pieces, w.spans
	row, err := encodeHead(&head)
	if err != nil {
		return err
	}
	txn.Put = append(txn.Put, cas.Row{Key: headKey(w.scope.Workspace, w.run), Value: row})
	if last && len(w.times) > 0 {
		txn.Put = append(txn.Put, cas.Row{Key: timesKey(w.scope, w.run), Value: w.codec.pack(newTable(w.times))})
	}
	_, err = cas.Commit(ctx, w.store, txn)
	return err
}

func (w *writer) putSpans(txn *cas.Txn, spans []Span) error {
	w.learn(spans)
	w.spans += len(spans)
	for piece := range slices.Chunk(spans, pieceSpans) {
		row, err := w.codec.packSpans(piece)
		if err != nil {
			return err
		}
		txn.Put = append(txn.Put, cas.Row{Key: pieceKey(w.scope.Workspace, w.run, w.pieces), Value: row})
		w.pieces++
	}
	return nil
}

// learn adds what the spans tell about their nodes' times.
func (w *writer) learn(spans []Span) {
	now := time.Now()
	for i := range spans {
		s := &spans[i]
		switch s.Outcome {
		case executor.Executed:
			w.times[s.Node] = w.times[s.Node].merge(executedOnce(s, now))
		case executor.Cached:
			w.times[s.Node] = w.times[s.Node].merge(NodeTimes{Reused: 1, At: now})
		}
	}
}

// tidy folds the times of many runs into one row, takes over the runs noted at root, and forgets old runs.
func (w *writer) tidy(ctx context.Context, root string) error {
	if root != "" {
		if err := TakeIdle(ctx, w.store, w.scope.Workspace, root); err != nil {
			return err
		}
	}
	if len(w.times) > 0 {
		if err := foldTimes(ctx, w.store, &w.codec, w.scope); err != nil {
			return err
		}
	}
	return prune(ctx, w.store, w.scope.Workspace)
}
