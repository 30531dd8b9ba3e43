// Package cas keeps bytes under their digests, and small rows under keys, for any number of processes at once.
package cas

import (
	"context"
	"errors"
	"fmt"

	"github.com/calyx-build/calyx/hashing"
)

// Store is a content-addressed store with rows beside it. Every method may be called from many goroutines at once and
// costs about one round trip however many items it carries, so callers batch.
//
// Bytes are checked against their digest before they are handed out. A blob that is damaged is reported once through
// the warning function given at opening, forgotten, and from then on missing.
type Store interface {
	// Get returns the bytes of each digest, in order; nil (never an empty slice) where the blob is missing or damaged.
	Get(ctx context.Context, digests ...hashing.Digest) ([][]byte, error)
	// Has tells, in order, which blobs are there; it does not read them.
	Has(ctx context.Context, digests ...hashing.Digest) ([]bool, error)
	// Sizes returns, in order, the size in bytes of each blob, -1 where it is missing; it does not read them.
	Sizes(ctx context.Context, digests ...hashing.Digest) ([]int64, error)
	// Open returns the path of a read-only file with the blob's bytes: the stored file itself where the blob is kept as
	// a file, one written for the occasion where it is kept inline. The file stays for as long as the store is open.
	// The error wraps ErrMissing where there is no such blob.
	Open(ctx context.Context, d hashing.Digest) (string, error)
	// Restore writes the blob to path (a new file moved into place, never a link to the blob, a reflink where the file
	// system can) with the given permission bits, replacing a file that is there, and returns the new file's stat.
	// The parent folder must exist. The error wraps ErrMissing where there is no such blob.
	Restore(ctx context.Context, d hashing.Digest, path string, perm uint32) (hashing.Stat, error)
	// RestoreAll is Restore for many files, written from every core with few round trips. A small one may be written at
	// its path, which is the caller's alone meanwhile. It stops at the first error and returns the stats of the files, in
	// order, zero for those that were not written.
	RestoreAll(ctx context.Context, files ...Restoration) ([]hashing.Stat, error)
	// PutFile stores the present content of a file and returns its digest, its size, and the file's stat as taken
	// before it was read. Large files are durable when PutFile returns. Small ones (at most InlineLimit) are not stored:
	// their bytes are returned for the caller to put into the Txn that names them.
	PutFile(ctx context.Context, path string) (PutResult, error)
	// TakeFile is PutFile for a file that its owner has done with and nobody will write to: the store keeps the file itself
	// where it can, and nothing stands at path then.
	TakeFile(ctx context.Context, path string) (PutResult, error)
	// Rows returns the value under each key, in order; nil where there is none.
	Rows(ctx context.Context, keys ...[]byte) ([][]byte, error)
	// Scan calls yield for each row whose key begins with prefix, in key order, until yield returns false.
	Scan(ctx context.Context, prefix []byte, yield func(key, value []byte) bool) error
	// Apply applies the transactions in order, each on its own: all of it or, where a condition fails, none. When it returns
	// without an error, everybody sees what was applied, and it outlives every process. A system that stops may lose it, with
	// all that was applied later, until a Sync has returned that began afterwards: so what is told to others waits for that.
	Apply(ctx context.Context, txns ...Txn) ([]TxnResult, error)
	// Sync makes durable whatever was applied before, by anybody. Concurrent calls share one synchronisation of the disk.
	Sync(ctx context.Context) error
	// Lease asks for the right to execute an action. It blocks until this store is the one that holds it, or until
	// another holder has released it (Lease.Waited is then true, and the holder's result is probably there to look up).
	// Leases are advisory: they end with their holder's process or when it no longer answers. The keys in holding are
	// the leases on whose behalf the call waits; where waiting would close a cycle, the lease is granted at once.
	Lease(ctx context.Context, action hashing.Digest, holding ...hashing.Digest) (Lease, error)
	// RowsOrLease is Rows, and gives the lease of an action beside them where there is no row under the last key and nobody
	// holds the action; nil otherwise. Nobody recorded anything under that key between the two.
	RowsOrLease(ctx context.Context, action hashing.Digest, holding []hashing.Digest, keys ...[]byte) ([][]byte, *Lease, error)
	// Stats counts what the store holds.
	Stats(ctx context.Context) (Stats, error)
	// Close ends the use of the store. What was committed stays.
	Close() error
}

// InlineLimit is the size in bytes up to which a blob is kept inside the database (docs/performance.md has the figures).
const InlineLimit = 128 << 10

// Restoration is a file to be restored.
type Restoration struct {
	Digest hashing.Digest
	Path   string
	Perm   uint32
	// Over says that the file at Path may be written over instead of being replaced by another one: nobody has to be spared
	// who has it open.
	Over bool
}

// PutResult is what PutFile found.
type PutResult struct {
	Digest hashing.Digest
	Size   int64
	Stat   hashing.Stat
	Inline []byte // the content, where it is small enough to travel in a Txn; nil where it is stored already
}

// Row is a small value under a key. Keys sort as bytes.
type Row struct{ Key, Value []byte }

// Txn is a set of writes that happen together or not at all.
type Txn struct {
	// If holds conditions: the value now under each key must equal Value (nil: there must be none).
	If []Row
	// Blobs are stored under their digests.
	Blobs [][]byte
	// Put sets rows; a nil Value deletes.
	Put []Row
}

// Commit applies transactions and makes them durable.
func Commit(ctx context.Context, s Store, txns ...Txn) ([]TxnResult, error) {
	results, err := s.Apply(ctx, txns...)
	if err == nil {
		err = s.Sync(ctx)
	}
	if err != nil {
		return nil, err
	}
	return results, nil
}

// TxnResult tells how a transaction went.
type TxnResult struct {
	Applied bool
	// Current holds, where a condition failed, the values found under the keys of If, in order.
	Current [][]byte
}

// Lease is the right to execute one action, or the news that somebody else just did.
type Lease struct {
	// Waited is true where another process held the lease meanwhile, or not long before: look up its result before you
	// execute.
	Waited bool
	// Release gives the lease back; it may be called more than once.
	Release func()
}

// Stats is what `calyx cache stats` prints.
type Stats struct {
	Blobs       int64  `json:"blobs"`
	BlobBytes   int64  `json:"blob_bytes"`   // before compression
	StoredBytes int64  `json:"stored_bytes"` // on disk
	Rows        int64  `json:"rows"`
	Format      string `json:"format"`
	Path        string `json:"path"`
}

// ErrMissing is wrapped where a blob is not in the store.
var ErrMissing = errors.New("not in the cache")

// FormatError says that a store was written by a newer calyx.
type FormatError struct {
	Path  string
	Found string
	Known string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("open cache %q: it has format %s, and this calyx knows up to %s", e.Path, e.Found, e.Known)
}
