package castest

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

func testTransactions(t *testing.T, suite Suite) {
	ctx := context.Background()

	t.Run("a condition that fails leaves all undone", func(t *testing.T) {
		s := suite.open(t)
		commit(t, s, cas.Txn{Put: []cas.Row{row("x", "1")}})
		results, err := s.Apply(ctx,
			cas.Txn{If: []cas.Row{row("x", "2"), {Key: []byte("y")}}, Put: []cas.Row{row("x", "3"), row("y", "3")}},
			cas.Txn{If: []cas.Row{row("x", "1"), {Key: []byte("y")}}, Put: []cas.Row{row("y", "4")}},
			cas.Txn{If: []cas.Row{{Key: []byte("y")}}, Put: []cas.Row{row("y", "5")}},
		)
		check(t, err)
		if results[0].Applied || !results[1].Applied || results[2].Applied {
			t.Errorf("applied: %+v, want only the second", results)
		}
		if c := results[0].Current; len(c) != 2 || string(c[0]) != "1" || c[1] != nil {
			t.Errorf("Current of the first = %q, want 1 and nothing", c)
		}
		if c := results[2].Current; len(c) != 1 || string(c[0]) != "4" {
			t.Errorf("Current of the third = %q, want 4, which the second wrote", c)
		}
		expectRows(t, s, []string{"x", "y"}, map[string]string{"x": "1", "y": "4"})
	})

	t.Run("what was applied is seen before it is durable", func(t *testing.T) {
		s := suite.open(t)
		blobs := everyBlob()
		for n := range 3 {
			before := row("x", strconv.Itoa(n))
			if n == 0 {
				before.Value = nil
			}
			results, err := s.Apply(ctx, cas.Txn{If: []cas.Row{before}, Blobs: blobs, Put: []cas.Row{row("x", strconv.Itoa(n+1))}})
			check(t, err)
			if !results[0].Applied {
				t.Fatalf("transaction %d did not see the one before it: %q", n, results[0].Current)
			}
			expectRows(t, s, []string{"x"}, map[string]string{"x": strconv.Itoa(n + 1)})
		}
		digests := make([]hashing.Digest, len(blobs))
		for i, b := range blobs {
			digests[i] = hashing.Sum(b)
		}
		expectBlobs(t, s, digests, blobs)
		check(t, s.Sync(ctx))
		check(t, s.Sync(ctx))
		expectRows(t, s, []string{"x"}, map[string]string{"x": "3"})
	})

	t.Run("an empty value is not the absence of one", func(t *testing.T) {
		s := suite.open(t)
		commit(t, s, cas.Txn{If: []cas.Row{{Key: []byte("x")}}, Put: []cas.Row{row("x", "")}})
		results, err := cas.Commit(ctx, s, cas.Txn{If: []cas.Row{{Key: []byte("x")}}, Put: []cas.Row{row("x", "2")}})
		check(t, err)
		if results[0].Applied {
			t.Error("a condition that there be no row held for an empty one")
		}
		commit(t, s, cas.Txn{If: []cas.Row{row("x", "")}, Put: []cas.Row{{Key: []byte("x")}}})
		expectRows(t, s, []string{"x"}, nil)
	})

	t.Run("blobs travel with their rows", func(t *testing.T) {
		s := suite.open(t)
		blobs := everyBlob()
		commit(t, s, cas.Txn{Blobs: blobs, Put: []cas.Row{row("x", "1")}})
		digests := make([]hashing.Digest, len(blobs))
		for i, b := range blobs {
			digests[i] = hashing.Sum(b)
		}
		expectBlobs(t, s, digests, blobs)
		expectRows(t, s, []string{"x"}, map[string]string{"x": "1"})
	})

	t.Run("a counter loses nothing", func(t *testing.T) {
		s := suite.open(t)
		const workers, each = 8, 25
		var group sync.WaitGroup
		for range workers {
			group.Go(func() {
				for range each {
					if _, err := Increment(ctx, s, "counter"); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
		expectRows(t, s, []string{"counter"}, map[string]string{"counter": strconv.Itoa(workers * each)})
	})

	t.Run("a cancelled call returns", func(t *testing.T) {
		s := suite.open(t)
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := s.Lease(cancelled, hashing.Sum(nil)); err != nil && cancelled.Err() == nil {
			t.Error(err)
		}
		put(t, s, []byte("the store is still in order"))
	})
}

// Increment adds 1 to the number in a row, by a condition, trying again when another was quicker, and returns it.
func Increment(ctx context.Context, s cas.Store, key string) (int, error) {
	values, err := s.Rows(ctx, []byte(key))
	if err != nil {
		return 0, err
	}
	for now := values[0]; ; {
		n, _ := strconv.Atoi(string(now))
		results, err := cas.Commit(ctx, s, cas.Txn{
			If:  []cas.Row{{Key: []byte(key), Value: now}},
			Put: []cas.Row{row(key, strconv.Itoa(n+1))},
		})
		if err != nil {
			return 0, err
		}
		if results[0].Applied {
			return n + 1, nil
		}
		now = results[0].Current[0]
	}
}
