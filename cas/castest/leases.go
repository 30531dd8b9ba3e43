package castest

import (
	"context"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

var a, b, c = hashing.Sum([]byte("a")), hashing.Sum([]byte("b")), hashing.Sum([]byte("c"))

func testLeases(t *testing.T, suite Suite) {
	ctx := context.Background()

	t.Run("a free one is granted, and again after its release", func(t *testing.T) {
		s := suite.open(t)
		for range 3 {
			l, err := s.Lease(ctx, a)
			check(t, err)
			if l.Waited {
				t.Error("waited for a lease that nobody held")
			}
			l.Release()
			l.Release()
		}
	})

	t.Run("a look-up that finds nothing gives the lease of what is free", func(t *testing.T) {
		s := suite.open(t)
		commit(t, s, cas.Txn{Put: []cas.Row{row("record", "1")}})
		rows, l, err := s.RowsOrLease(ctx, a, nil, []byte("record"), []byte("result"))
		check(t, err)
		if l == nil || l.Waited || string(rows[0]) != "1" || rows[1] != nil {
			t.Fatalf("RowsOrLease = %q, %v, want the record, no result, and the lease", rows, l)
		}
		if _, again, err := s.RowsOrLease(ctx, a, nil, []byte("result")); err != nil || again != nil {
			t.Errorf("RowsOrLease = %v, %v, want no lease while it is held", again, err)
		}
		waiting := ask(t, s, a)
		lease, err := s.Lease(ctx, b)
		check(t, err)
		lease.Release()
		select {
		case <-waiting:
			t.Fatal("two hold one lease")
		default:
		}
		l.Release()
		l.Release()
		next := <-waiting
		next.Release()

		commit(t, s, cas.Txn{Put: []cas.Row{row("result", "2")}})
		rows, l, err = s.RowsOrLease(ctx, a, nil, []byte("record"), []byte("result"))
		check(t, err)
		if l != nil || string(rows[1]) != "2" {
			t.Errorf("RowsOrLease = %q, %v, want the result and no lease", rows, l)
		}
		if l, err = leaseOf(ctx, s, a); err != nil || l == nil {
			t.Errorf("Lease = %v, %v, want what nobody holds", l, err)
		}
		l.Release()
	})

	t.Run("a lease of a look-up counts among those on whose behalf others wait", func(t *testing.T) {
		s := suite.open(t)
		holdsA, err := s.Lease(ctx, a)
		check(t, err)
		_, holdsB, err := s.RowsOrLease(ctx, b, []hashing.Digest{a}, []byte("result"))
		check(t, err)
		inner, err := s.Lease(ctx, a, b) // a waits for b, so waiting for a on behalf of b would be for ever
		check(t, err)
		for _, l := range []*cas.Lease{&inner, holdsB, &holdsA} {
			l.Release()
		}
	})

	t.Run("a held one is waited for", func(t *testing.T) {
		s := suite.open(t)
		const tries = 10_000 // the second may ask only after the first has released
		for range tries {
			if askWhileHeld(t, s).Waited {
				return
			}
		}
		t.Errorf("in %d tries nobody was told that it waited", tries)
	})

	t.Run("a wait ends with its context", func(t *testing.T) {
		s := suite.open(t)
		held, err := s.Lease(ctx, a)
		check(t, err)
		defer held.Release()
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := s.Lease(cancelled, a); err == nil {
			t.Error("a lease was granted twice")
		}
	})

	t.Run("a cycle of waits is not closed", func(t *testing.T) {
		s := suite.open(t)
		holdsA, err := s.Lease(ctx, a)
		check(t, err)
		holdsB, err := s.Lease(ctx, b)
		check(t, err)
		holdsC, err := s.Lease(ctx, c)
		check(t, err)
		aForB := ask(t, s, b, a)
		bForC := ask(t, s, c, b)
		// Whichever of the three asks last gets its lease at once; the others wait for its release.
		cForA := ask(t, s, a, c)
		var redundant cas.Lease
		select {
		case redundant = <-aForB:
		case redundant = <-bForC:
		case redundant = <-cForA:
		}
		if redundant.Waited {
			t.Error("the redundant lease says that somebody else has released it")
		}
		for _, l := range []cas.Lease{redundant, holdsA, holdsB, holdsC} {
			l.Release()
		}
	})

	t.Run("asking again for what one holds does not wait", func(t *testing.T) {
		s := suite.open(t)
		outer, err := s.Lease(ctx, a)
		check(t, err)
		inner, err := s.Lease(ctx, a, a)
		check(t, err)
		inner.Release()
		outer.Release()
	})
}

// askWhileHeld holds a lease, asks for it a second time, and returns what the second got, released.
func askWhileHeld(t *testing.T, s cas.Store) cas.Lease {
	t.Helper()
	first, err := s.Lease(context.Background(), a)
	check(t, err)
	second := ask(t, s, a)
	other, err := s.Lease(context.Background(), b)
	check(t, err)
	other.Release()
	select {
	case <-second:
		t.Fatal("two hold one lease")
	default:
	}
	first.Release()
	l := <-second
	l.Release()
	return l
}

// ask asks for a lease beside the test; it is given back at the end.
func ask(t *testing.T, s cas.Store, action hashing.Digest, holding ...hashing.Digest) <-chan cas.Lease {
	ctx, cancel := context.WithCancel(context.Background())
	granted := make(chan cas.Lease, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if l, err := s.Lease(ctx, action, holding...); err == nil {
			granted <- l
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return granted
}

func leaseOf(ctx context.Context, s cas.Store, action hashing.Digest) (*cas.Lease, error) {
	l, err := s.Lease(ctx, action)
	return &l, err
}
