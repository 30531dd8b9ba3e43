package cores

import "sync/atomic"

// waiting is how many goroutines may wait for more to do.
const waiting = 16

var (
	handed = make(chan func()) // to a goroutine that waits
	parked atomic.Int32
)

// Go runs f on a goroutine that has run others before, if one is at hand: its stack has grown, which otherwise takes a short
// piece of work as long as the work itself.
func Go(f func()) {
	select {
	case handed <- f:
	default:
		go work(f)
	}
}

func work(f func()) {
	for {
		f()
		if parked.Add(1) > waiting {
			parked.Add(-1)
			return
		}
		f = <-handed
		parked.Add(-1)
	}
}
