package calyxfile

import (
	"context"
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"syscall"
	"time"

	"go.starlark.net/starlark"
)

// What an evaluation may take grows with what comes of it: a loop that declares nothing ends after a second or two and
// within the memory of a small build, and a graph of a million nodes is evaluated all the same.
const (
	// baseSteps and nodeSteps are steps of Starlark. A step() in a loop costs some twenty.
	baseSteps = 20_000_000
	nodeSteps = 1000
	// baseHeap is by how many bytes the heap may grow, beside what a node, an element of a value, a byte that was read and a
	// path that was found earn.
	baseHeap    = 80 << 20
	nodeHeap    = 16 << 10
	elementHeap = 512
	readHeap    = 20
	pathHeap    = 1 << 10
	// baseTime is how long the processor may work, beside what the same things earn for each byte.
	baseTime     = 5 * time.Second
	timeForBytes = 100 * time.Nanosecond
	// interval is how often heap and processor are looked at.
	interval = 10 * time.Millisecond
)

// Once it is told to stop, an operation may go on for so long; the message can then name no place in the file. (One is
// enough to join strings without end.)
const (
	patience        = 250 * time.Millisecond
	patienceForHeap = 50 * time.Millisecond
)

// endlessHint is what to do instead of a computation that was stopped.
const endlessHint = "a Calyxfile declares; what takes long to compute belongs into a step"

// guarded runs the evaluation, and ends it when ctx ends or when it takes too much. complete says that the Calyxfile came
// to its end; ended is false where it has not, not even after it was stopped: an operation of it goes on and on, and
// nothing of e but stopped may be touched.
func (e *evaluation) guarded(ctx context.Context) (complete, ended bool) {
	e.thread.SetMaxExecutionSteps(baseSteps)
	e.thread.OnMaxSteps = e.moreSteps
	done := make(chan ending, 1)
	go e.runOnce(done)
	heap, processor := heapBytes(), processorTime()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	interrupted, late := ctx.Done(), (<-chan time.Time)(nil)
	for {
		select {
		case end := <-done:
			if end.panicked != "" {
				panic("internal error: " + end.panicked)
			}
			return end.complete, true
		case <-late:
			return false, false
		case <-interrupted:
			interrupted, late = nil, time.After(patience)
			e.stop("interrupted")
		case <-ticker.C:
			if late == nil {
				late = e.limit(heapBytes()-heap, processorTime()-processor)
			}
		}
	}
}

// limit stops an evaluation that has taken too much, and says then when to wait no longer for its end.
func (e *evaluation) limit(heap int64, processor time.Duration) (late <-chan time.Time) {
	earned := e.earned.Load()
	if most := baseHeap + earned; heap > most {
		e.stop(fmt.Sprintf("the evaluation was stopped: it took more than %d MiB of memory", most>>20))
		return time.After(patienceForHeap)
	}
	if most := baseTime + time.Duration(earned)*timeForBytes; processor > most {
		e.stop(fmt.Sprintf("the evaluation was stopped: the processor worked on it for more than %.0f seconds", most.Seconds()))
		return time.After(patience)
	}
	return nil
}

// ending is how an execution ended.
type ending struct {
	complete bool
	panicked string // why, and in further lines where
}

func (e *evaluation) runOnce(done chan<- ending) {
	var end ending
	defer func() {
		if r := recover(); r != nil {
			end.panicked = strings.TrimPrefix(fmt.Sprintf("%v\n\n%s", r, debug.Stack()), "internal error: ")
		}
		done <- end
	}()
	end.complete = e.run()
}

// moreSteps is called when the steps that the thread has are used up.
func (e *evaluation) moreSteps(t *starlark.Thread) {
	steps := uint64(baseSteps + nodeSteps*len(e.nodes))
	if t.Steps < steps {
		t.SetMaxExecutionSteps(steps)
		return
	}
	e.stop(fmt.Sprintf("the evaluation does not come to an end: it was stopped after %d million steps", steps/1_000_000))
}

func (e *evaluation) stop(why string) {
	e.stopped.CompareAndSwap(nil, &why)
	e.thread.Cancel(why)
}

// heapBytes is what the collector found in use when it last looked: garbage does not count.
func heapBytes() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// processorTime is how long processors have worked for this process.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
