// Package cores says how many of the machine's processors this process uses: all of them, or one while what it does comes
// one after the other.
//
// Where Go has a processor to spare, it wakes a thread for each message that comes in, in case there is more to do. Where
// each message is the answer to the one before, that thread only takes the core, and its caches, from the program that is to
// answer next: a question and its answer take 80 to 110 µs so, and 40 on one processor.
package cores

import (
	"runtime"
	"sync"
	"time"
)

// Count is how many goroutines are to share work. It does not depend on whether the process uses one processor at the moment.
func Count() int {
	shared.Lock()
	defer shared.Unlock()
	return max(shared.wide, runtime.GOMAXPROCS(0))
}

const (
	// window is over how long it is judged whether messages come one after the other, and at most how long a process stays
	// on one processor when they no longer do.
	window = 10 * time.Millisecond
	// fewest is how many of them there must be in a window for it to matter.
	fewest = 10
	// crowd is that one in so many may come beside others.
	crowd = 8
)

// shared is what all of a process's work has in common.
var shared struct {
	sync.Mutex
	works int // those begun that have not ended
	wide  int // the processors to go back to, while one is used; else 0
}

// Work is work that begins with messages. Its methods may be called by any goroutine.
type Work struct {
	mu      sync.Mutex
	ended   bool
	since   time.Time // the window's begin
	events  int
	crowded int
	silence *time.Timer // ends the use of one processor
}

// Begin begins work. Where a process does two at once, it uses all processors.
func Begin() *Work {
	shared.Lock()
	defer shared.Unlock()
	shared.works++
	widen()
	return &Work{since: time.Now()}
}

// End ends it.
func (w *Work) End() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	if w.silence != nil {
		w.silence.Stop()
	}
	shared.Lock()
	defer shared.Unlock()
	shared.works--
	widen()
}

// Event says that a message has come, and whether there is something else to do beside it.
func (w *Work) Event(beside bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events++
	if beside {
		w.crowded++
	}
	if now := time.Now(); now.Sub(w.since) >= window {
		w.judge(now)
	}
}

// judge ends a window.
func (w *Work) judge(now time.Time) {
	inTurn := !w.ended && w.events >= fewest && w.crowded*crowd <= w.events && now.Sub(w.since) < 2*window
	w.since, w.events, w.crowded = now, 0, 0
	shared.Lock()
	defer shared.Unlock()
	if !inTurn || shared.works > 1 {
		widen()
		return
	}
	if w.silence == nil {
		w.silence = time.AfterFunc(2*window, w.quiet)
	} else {
		w.silence.Reset(2 * window)
	}
	narrow()
}

// quiet ends the use of one processor when messages no longer come: one of them has begun something long.
func (w *Work) quiet() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.judge(time.Now())
}

func narrow() {
	if shared.wide == 0 && runtime.GOMAXPROCS(0) > 1 {
		shared.wide = runtime.GOMAXPROCS(1)
	}
}

func widen() {
	if shared.wide > 0 {
		runtime.GOMAXPROCS(shared.wide)
		shared.wide = 0
	}
}
