package castest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

// sizes are those around which a store may change how it keeps a blob.
var sizes = []int{
	0, 1, 31, 32, 33, 1 << 10, 64<<10 - 1, 64 << 10,
	cas.InlineLimit - 1, cas.InlineLimit, cas.InlineLimit + 1, 2 * cas.InlineLimit, 1<<20 + 3, 5 << 20,
}

// everyBlob is one blob that compresses and one that does not for each size.
func everyBlob() [][]byte {
	var blobs [][]byte
	for i, n := range sizes {
		blobs = append(blobs, noise(uint64(i), n), text(uint64(i), n))
	}
	return blobs
}

func testBlobs(t *testing.T, suite Suite) {
	ctx := context.Background()
	blobs := everyBlob()

	t.Run("what was put is there, also later", func(t *testing.T) {
		s := suite.open(t)
		digests := put(t, s, blobs...)
		expectBlobs(t, s, digests, blobs)
		suite.reopen(t, s)
		expectBlobs(t, s, digests, blobs)
	})

	t.Run("what was not put is missing", func(t *testing.T) {
		s := suite.open(t)
		there := put(t, s, []byte("there"))[0]
		gone := hashing.Sum([]byte("gone"))
		got, err := s.Get(ctx, gone, there, gone)
		check(t, err)
		if got[0] != nil || string(got[1]) != "there" || got[2] != nil {
			t.Errorf("Get = %q", got)
		}
		has, err := s.Has(ctx, gone, there)
		check(t, err)
		if has[0] || !has[1] {
			t.Errorf("Has = %v, want [false true]", has)
		}
		sizes, err := s.Sizes(ctx, gone, there)
		check(t, err)
		if sizes[0] != -1 || sizes[1] != 5 {
			t.Errorf("Sizes = %v, want [-1 5]", sizes)
		}
	})

	t.Run("nothing asked is nothing answered", func(t *testing.T) {
		s := suite.open(t)
		got, err := s.Get(ctx)
		check(t, err)
		has, err := s.Has(ctx)
		check(t, err)
		results, err := cas.Commit(ctx, s)
		check(t, err)
		if len(got)+len(has)+len(results) != 0 {
			t.Errorf("Get, Has, Commit = %v, %v, %v", got, has, results)
		}
	})

	t.Run("a batch larger than a message", func(t *testing.T) {
		s := suite.open(t)
		var many [][]byte
		for i := range 200 {
			many = append(many, noise(uint64(i), cas.InlineLimit-i))
		}
		expectBlobs(t, s, put(t, s, many...), many)
	})

	t.Run("concurrent calls each get their own", func(t *testing.T) {
		s := suite.open(t)
		var group sync.WaitGroup
		digests := put(t, s, blobs...)
		for i, d := range digests {
			group.Go(func() {
				for range 20 {
					got, err := s.Get(ctx, d, hashing.Sum([]byte("gone")))
					if err != nil || !bytes.Equal(got[0], blobs[i]) || got[1] != nil {
						t.Errorf("Get of a blob of %d bytes and a missing one: %d and %d bytes, %v", len(blobs[i]), len(got[0]), len(got[1]), err)
					}
					if has, err := s.Has(ctx, d); err != nil || !has[0] {
						t.Errorf("Has = %v, %v", has, err)
					}
				}
			})
		}
		group.Wait()
	})

	t.Run("stats count blobs once", func(t *testing.T) {
		s := suite.open(t)
		put(t, s, blobs...)
		put(t, s, blobs...)
		expectStats(t, s, blobs)
		suite.reopen(t, s)
		expectStats(t, s, blobs)
	})
}

func expectBlobs(t *testing.T, s cas.Store, digests []hashing.Digest, blobs [][]byte) {
	t.Helper()
	got, err := s.Get(context.Background(), digests...)
	check(t, err)
	has, err := s.Has(context.Background(), digests...)
	check(t, err)
	sizes, err := s.Sizes(context.Background(), digests...)
	check(t, err)
	for i, want := range blobs {
		if got[i] == nil || !bytes.Equal(got[i], want) {
			t.Errorf("blob of %d bytes: Get returned %d bytes (nil: %t), or others", len(want), len(got[i]), got[i] == nil)
		}
		if !has[i] || sizes[i] != int64(len(want)) {
			t.Errorf("blob of %d bytes: Has says %t, Sizes %d", len(want), has[i], sizes[i])
		}
	}
}

func expectStats(t *testing.T, s cas.Store, blobs [][]byte) {
	t.Helper()
	var want cas.Stats
	seen := map[hashing.Digest]bool{}
	for _, b := range blobs {
		if d := hashing.Sum(b); !seen[d] {
			seen[d] = true
			want.Blobs++
			want.BlobBytes += int64(len(b))
		}
	}
	got, err := s.Stats(context.Background())
	check(t, err)
	if got.Blobs != want.Blobs || got.BlobBytes != want.BlobBytes {
		t.Errorf("Stats = %+v, want %d blobs with %d bytes", got, want.Blobs, want.BlobBytes)
	}
	if got.StoredBytes <= 0 || got.StoredBytes > got.BlobBytes || got.Format == "" || got.Path == "" {
		t.Errorf("Stats = %+v", fmt.Sprint(got))
	}
}
