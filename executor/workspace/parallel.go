package workspace

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/calyx-build/calyx/hashing/cores"
)

// parallel calls f for every number below n, a few by one goroutine and more from all cores, and returns the errors.
func parallel(n int, f func(i int) error) error { return parallelBy(n, fewest, f) }

// parallelBy is parallel where so many calls are worth another goroutine.
func parallelBy(n, fewest int, f func(i int) error) error {
	workers := min(cores.Count(), (n+fewest-1)/fewest)
	if workers < 2 {
		return inOrder(n, f)
	}
	var next atomic.Int64
	errs := make([]error, workers)
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[worker] == nil; i = int(next.Add(1)) - 1 {
				errs[worker] = f(i)
			}
		})
	}
	group.Wait()
	return errors.Join(slices.DeleteFunc(errs, func(err error) bool { return err == nil })...)
}

// fewest is how many calls are worth another goroutine.
const fewest = 4

func inOrder(n int, f func(i int) error) error {
	for i := range n {
		if err := f(i); err != nil {
			return err
		}
	}
	return nil
}
