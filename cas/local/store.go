// Package local keeps a cas.Store in a folder of this machine: small blobs and rows in a database, which this process
// owns or reaches through a store server, and large blobs in files, which every process reads and writes itself.
package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/folder"
	"github.com/calyx-build/calyx/cas/index"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/cores"
)

// Store is a cas.Store over a folder and an index.
type Store struct {
	folder *folder.Folder
	index  index.Index
	codec  codec
	warn   func(string)
	loose  looseFiles
}

var _ cas.Store = (*Store)(nil)

func newStore(f *folder.Folder, x index.Index, warn func(string)) *Store {
	return &Store{folder: f, index: x, warn: warn, codec: newCodec()}
}

// Get returns the bytes of each digest.
func (s *Store) Get(ctx context.Context, digests ...hashing.Digest) ([][]byte, error) {
	found, err := s.entries(ctx, digests, 0)
	if err != nil {
		return nil, err
	}
	blobs := make([][]byte, len(digests))
	err = cores.Each(len(found), func(i int) (err error) {
		if found[i].row != nil {
			blobs[i], err = s.bytes(ctx, &found[i])
		}
		return err
	})
	return blobs, err
}

// Has tells which blobs are there.
func (s *Store) Has(ctx context.Context, digests ...hashing.Digest) ([]bool, error) {
	sizes, err := s.Sizes(ctx, digests...)
	there := make([]bool, len(sizes))
	for i, size := range sizes {
		there[i] = size >= 0
	}
	return there, err
}

// Sizes returns the size of each blob.
func (s *Store) Sizes(ctx context.Context, digests ...hashing.Digest) ([]int64, error) {
	found, err := s.entries(ctx, digests, index.HeadSize)
	if err != nil {
		return nil, err
	}
	sizes := make([]int64, len(digests))
	for i, e := range found {
		sizes[i] = -1
		if e.row != nil && (e.Kind != index.File || s.folder.Present(e.blob())) {
			sizes[i] = e.Size
		}
	}
	return sizes, nil
}

// Rows returns the value under each key.
func (s *Store) Rows(ctx context.Context, keys ...[]byte) ([][]byte, error) {
	if err := checkKeys(keys); err != nil {
		return nil, err
	}
	return s.index.Rows(ctx, keys, 0)
}

// Scan calls yield for each row under prefix.
func (s *Store) Scan(ctx context.Context, prefix []byte, yield func(key, value []byte) bool) error {
	return s.index.Scan(ctx, prefix, yield)
}

// Lease asks for the right to execute an action.
func (s *Store) Lease(ctx context.Context, action hashing.Digest, holding ...hashing.Digest) (cas.Lease, error) {
	return s.index.Lease(ctx, action, holding)
}

// RowsOrLease returns the value under each key, and a lease where there is none under the last.
func (s *Store) RowsOrLease(ctx context.Context, action hashing.Digest, holding []hashing.Digest, keys ...[]byte) ([][]byte, *cas.Lease, error) {
	if err := checkKeys(keys); err != nil {
		return nil, nil, err
	}
	return s.index.RowsOrLease(ctx, keys, action, holding)
}

// Stats counts what the store holds.
func (s *Store) Stats(ctx context.Context) (cas.Stats, error) {
	t, err := s.index.Totals(ctx)
	if err != nil {
		return cas.Stats{}, err
	}
	return cas.Stats{
		Blobs: t.Blobs, BlobBytes: t.BlobBytes, StoredBytes: t.StoredBytes, Rows: t.Rows,
		Format: folder.Format, Path: s.folder.Path(),
	}, nil
}

// Close ends the use of the store.
func (s *Store) Close() error {
	return errors.Join(s.index.Close(), s.folder.Close())
}

func checkKeys(keys [][]byte) error {
	for _, k := range keys {
		if index.Reserved(k) {
			return fmt.Errorf("use row %q of the cache: a key is not empty, and does not begin with \"b\" or \"i\" (the store's own)", k)
		}
	}
	return nil
}
