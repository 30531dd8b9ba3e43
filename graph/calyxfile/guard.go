package calyxfile

import (
	"context"
	"runtime/metrics"
	"sync"
	"time"

	"go.starlark.net/starlark"
)

const (
	// maxSteps is the budget of an evaluation. A step() in a loop costs some twenty steps, and a hundred million of them
	// take a few seconds.
	maxSteps = 100_000_000
	// maxHeap is by how many bytes the heap may grow during an evaluation.
	maxHeap = 1 << 30
	// heapInterval is how often the heap is looked at.
	heapInterval = 20 * time.Millisecond
)

// guard ends the execution when ctx ends, when the budget of steps is used up, or when memory runs away. release ends
// the guard; after it the reason in e.stopped may be read.
func (e *evaluation) guard(ctx context.Context) (release func()) {
	e.thread.SetMaxExecutionSteps(maxSteps)
	e.thread.OnMaxSteps = func(*starlark.Thread) {
		e.stop("the evaluation does not come to an end: it was stopped after 100 million steps")
	}
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() { e.watch(ctx, done) })
	return func() {
		close(done)
		running.Wait()
	}
}

func (e *evaluation) watch(ctx context.Context, done <-chan struct{}) {
	before := heapBytes()
	ticker := time.NewTicker(heapInterval)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ctx.Done():
			e.stop("interrupted")
			return
		case <-ticker.C:
			if heapBytes() > before+maxHeap {
				e.stop("the evaluation was stopped: it took more than 1 GiB of memory")
				return
			}
		}
	}
}

func (e *evaluation) stop(why string) {
	e.stopped.CompareAndSwap(nil, &why)
	e.thread.Cancel(why)
}

func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
