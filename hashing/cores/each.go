package cores

import (
	"sync"
	"sync/atomic"
)

// few calls are not worth a goroutine.
const few = 4

// Each calls f for every number below n, from all cores where it is worth it, until there is an error, and returns the first one.
func Each(n int, f func(i int) error) error { return EachFrom(min(Count(), n/few), n, f) }

// EachFrom is Each from so many goroutines, of which the caller's is one.
func EachFrom(workers, n int, f func(i int) error) error {
	var (
		next   atomic.Int64
		failed atomic.Bool
		group  sync.WaitGroup
		once   sync.Once
		first  error
	)
	work := func() {
		for i := int(next.Add(1)) - 1; i < n && !failed.Load(); i = int(next.Add(1)) - 1 {
			if err := f(i); err != nil {
				once.Do(func() { first = err })
				failed.Store(true)
			}
		}
	}
	for range min(workers, n) - 1 {
		group.Go(work)
	}
	work()
	group.Wait()
	return first
}
