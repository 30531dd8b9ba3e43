package local

import (
	"sync"
	"sync/atomic"

	"github.com/calyx-build/calyx/hashing/cores"
)

// inParallel calls f for every number below n, from every core, and returns the first error.
func inParallel(n int, f func(i int) error) error {
	// A few calls are not worth a goroutine.
	return concurrently(min(cores.Count(), n/4), n, f)
}

// concurrently calls f for every number below n, from so many goroutines, until there is an error, and returns that.
func concurrently(workers, n int, f func(i int) error) error {
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
