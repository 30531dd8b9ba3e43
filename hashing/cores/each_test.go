package cores

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, 3, 4, 1000} {
		calls := make([]atomic.Int32, n)
		if err := Each(n, func(i int) error {
			calls[i].Add(1)
			return nil
		}); err != nil {
			t.Errorf("%d calls: %v", n, err)
		}
		for i := range calls {
			if got := calls[i].Load(); got != 1 {
				t.Errorf("of %d, %d was called %d times", n, i, got)
			}
		}
	}
}

func TestEachEndsWithAnError(t *testing.T) {
	wrong := errors.New("wrong")
	var after atomic.Int32
	err := EachFrom(2, 1<<20, func(i int) error {
		if i == 10 {
			return wrong
		}
		if i > 10 {
			after.Add(1)
		}
		return nil
	})
	if !errors.Is(err, wrong) {
		t.Errorf("got %v, want the error of the call", err)
	}
	if after.Load() == 1<<20-11 {
		t.Error("all calls were made after one had failed")
	}
}

func TestGo(t *testing.T) {
	const calls = 10 * waiting
	var group sync.WaitGroup
	start := make(chan struct{})
	for range calls { // all are under way at once
		group.Add(1)
		Go(func() {
			defer group.Done()
			<-start
		})
	}
	close(start)
	group.Wait()
	ran := make(chan int)
	for i := range calls {
		Go(func() { ran <- i })
		if got := <-ran; got != i {
			t.Fatalf("%d ran, want %d", got, i)
		}
	}
}
