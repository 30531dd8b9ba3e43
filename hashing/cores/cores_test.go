package cores

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// playing runs f in a bubble in which the process has four processors.
func playing(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	synctest.Test(t, f)
}

// message lets 0.2 ms go by and one message come.
func message(w *Work, beside bool) {
	time.Sleep(200 * time.Microsecond)
	w.Event(beside)
}

func wantUsed(t *testing.T, when string, want int) {
	t.Helper()
	synctest.Wait()
	if got := runtime.GOMAXPROCS(0); got != want {
		t.Errorf("%s: %d processors are used, want %d", when, got, want)
	}
	if got := Count(); got != 4 {
		t.Errorf("%s: work is for %d goroutines, want 4", when, got)
	}
}

func TestInTurn(t *testing.T) {
	playing(t, func(t *testing.T) {
		w := Begin()
		for range 100 {
			message(w, false)
		}
		wantUsed(t, "one message after the other", 1)
		for i := range 100 {
			message(w, i%20 == 0)
		}
		wantUsed(t, "few of them beside others", 1)
		w.End()
		wantUsed(t, "the work has ended", 4)
	})
}

func TestBesideOthers(t *testing.T) {
	playing(t, func(t *testing.T) {
		w := Begin()
		defer w.End()
		for range 100 {
			message(w, false)
		}
		for i := range 100 {
			message(w, i%2 == 0)
		}
		wantUsed(t, "every other message comes beside others", 4)
	})
}

func TestSilence(t *testing.T) {
	playing(t, func(t *testing.T) {
		w := Begin()
		defer w.End()
		for range 100 {
			message(w, false)
		}
		time.Sleep(3 * window)
		wantUsed(t, "no message comes any more", 4)
		for range 5 {
			time.Sleep(2 * window)
			w.Event(false)
		}
		wantUsed(t, "one comes now and then", 4)
	})
}

func TestTwoWorks(t *testing.T) {
	playing(t, func(t *testing.T) {
		one, two := Begin(), Begin()
		for range 200 {
			message(one, false)
			message(two, false)
		}
		wantUsed(t, "two works in turn", 4)
		two.End()
		for range 100 {
			message(one, false)
		}
		wantUsed(t, "one of them has ended", 1)
		two = Begin()
		wantUsed(t, "another begins", 4)
		two.End()
		one.End()
		one.Event(false)
		time.Sleep(5 * window)
		wantUsed(t, "all have ended", 4)
	})
}
