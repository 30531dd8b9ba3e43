// Package index is the database of a cache: rows under keys, with conditional transactions that share synchronisations,
// over Pebble. One process owns it; others reach it through packages server and client, which speak the same Index.
//
// Keys that begin with "b" hold blobs: 'b' and the digest, with an Entry as the value. Keys that begin with "i" are the
// index's own. All other keys are the caller's.
package index

import (
	"bytes"
	"context"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

// Index is a database of rows. Its methods are safe for concurrent use.
type Index interface {
	// Rows returns the value under each key, in order; nil where there is none. Where head is not 0, it returns no more
	// than the first head bytes of each.
	Rows(ctx context.Context, keys [][]byte, head int) ([][]byte, error)
	// Scan calls yield for each of the caller's rows whose key begins with prefix, in key order, until yield returns
	// false. The slices are the callee's to keep.
	Scan(ctx context.Context, prefix []byte, yield func(key, value []byte) bool) error
	// Apply applies transactions, as cas.Store.Apply does.
	Apply(ctx context.Context, txns []Txn) ([]cas.TxnResult, error)
	// Sync makes durable what was applied before, by anybody.
	Sync(ctx context.Context) error
	// Lease asks for a lease, as cas.Store.Lease does.
	Lease(ctx context.Context, action hashing.Digest, holding []hashing.Digest) (cas.Lease, error)
	// RowsOrLease reads rows and asks for a lease, as cas.Store.RowsOrLease does.
	RowsOrLease(ctx context.Context, keys [][]byte, action hashing.Digest, holding []hashing.Digest) ([][]byte, *cas.Lease, error)
	// Totals counts rows and blobs.
	Totals(ctx context.Context) (Totals, error)
	// Close ends the use of the index.
	Close() error
}

// Commit applies transactions, durably.
func Commit(ctx context.Context, x Index, txns ...Txn) ([]cas.TxnResult, error) {
	results, err := x.Apply(ctx, txns)
	if err == nil {
		err = x.Sync(ctx)
	}
	if err != nil {
		return nil, err
	}
	return results, nil
}

// Txn is a set of writes that happen together or not at all.
type Txn struct {
	If  []cas.Row // conditions: the value now under each key; nil: none
	Add []cas.Row // written where there is no such key yet
	Put []cas.Row // written; a nil Value deletes
}

// Totals counts what an index holds.
type Totals struct {
	Blobs       int64
	BlobBytes   int64 // before compression
	StoredBytes int64 // in files and in the database
	Rows        int64 // the caller's
}

const (
	blobPrefix  = 'b'
	ownPrefix   = 'i'
	totalsKey   = "it"
	sessionsKey = "is" // and a session's 16 bytes
)

// BlobKey is the key of a blob's row.
func BlobKey(d hashing.Digest) []byte {
	return append(append(make([]byte, 0, 1+len(d)), blobPrefix), d[:]...)
}

func isBlob(key []byte) bool { return len(key) > 0 && key[0] == blobPrefix }

// Reserved reports whether a key is not the caller's to use.
func Reserved(key []byte) bool {
	return len(key) == 0 || key[0] == blobPrefix || key[0] == ownPrefix
}

// after returns the least key that does not begin with prefix, nil where there is none.
func after(prefix []byte) []byte {
	last := len(prefix) - 1
	for last >= 0 && prefix[last] == 0xff {
		last--
	}
	if last < 0 {
		return nil
	}
	end := bytes.Clone(prefix[:last+1])
	end[last]++
	return end
}
