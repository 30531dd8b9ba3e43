package enginetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/local"
	"github.com/calyx-build/calyx/cas/server"
	"github.com/calyx-build/calyx/hashing"
)

// forgetful is a session of a store, which outlives the engines that use it. Blobs that are lost are missing until
// somebody stores them again.
type forgetful struct {
	cas.Store
	lost     losses
	asked    atomic.Int64 // records of nodes
	keyed    atomic.Int64 // rows under keys of chains
	recorded recorded
}

// losses is a folder with a file for each blob that was ever stored, and for each that is lost, for all processes.
type losses struct{ dir string }

// openStores connects to a store server as two processes would.
func (w *world) openStores() {
	dir := cacheOf(w.root)
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	ready, told := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, dir, told) }()
	if _, err := ready.Read(make([]byte, 64)); err != nil {
		w.t.Fatal(err)
	}
	for i := range w.stores {
		store, err := local.Connect(ctx, local.Options{Dir: dir, Warn: func(text string) { w.t.Error(text) }})
		if err != nil {
			w.t.Fatal(err)
		}
		w.stores[i] = &forgetful{Store: store, lost: w.lost}
	}
	w.t.Cleanup(func() {
		for _, s := range w.stores {
			if err := s.Store.Close(); err != nil {
				w.t.Error(err)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	})
}

const (
	storedPrefix = "stored-"
	lostPrefix   = "lost-"
)

func (l losses) path(prefix string, d hashing.Digest) string {
	return filepath.Join(l.dir, prefix+d.Hex())
}

// lose loses one of the blobs.
func (l losses) lose(r *rand.Rand) (name string, err error) {
	stored, err := filepath.Glob(filepath.Join(l.dir, storedPrefix+"*")) // in the order of their names
	if err != nil || len(stored) == 0 {
		return "", err
	}
	name = strings.TrimPrefix(filepath.Base(stored[r.IntN(len(stored))]), storedPrefix)
	return name, os.WriteFile(filepath.Join(l.dir, lostPrefix+name), nil, 0o666)
}

func (l losses) gone(d hashing.Digest) bool {
	_, err := os.Lstat(l.path(lostPrefix, d))
	return err == nil
}

func (l losses) stored(d hashing.Digest) error {
	if err := os.Remove(l.path(lostPrefix, d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(l.path(storedPrefix, d), nil, 0o666)
}

func missing(d hashing.Digest) error { return fmt.Errorf("blob %v: %w", d, cas.ErrMissing) }

// Close leaves the store open.
func (*forgetful) Close() error { return nil }

func (s *forgetful) Rows(ctx context.Context, keys ...[]byte) ([][]byte, error) {
	s.count(keys)
	return s.Store.Rows(ctx, keys...)
}

func (s *forgetful) RowsOrLease(ctx context.Context, action hashing.Digest, holding []hashing.Digest, keys ...[]byte) ([][]byte, *cas.Lease, error) {
	s.count(keys)
	return s.Store.RowsOrLease(ctx, action, holding, keys...)
}

func (s *forgetful) count(keys [][]byte) {
	for _, k := range keys {
		switch k[0] { // as docs/architecture.md has it
		case 'n':
			s.asked.Add(1)
		case 'c':
			s.keyed.Add(1)
		}
	}
}

func (s *forgetful) Get(ctx context.Context, digests ...hashing.Digest) ([][]byte, error) {
	blobs, err := s.Store.Get(ctx, digests...)
	for i := range blobs {
		if s.lost.gone(digests[i]) {
			blobs[i] = nil
		}
	}
	return blobs, err
}

func (s *forgetful) Sizes(ctx context.Context, digests ...hashing.Digest) ([]int64, error) {
	sizes, err := s.Store.Sizes(ctx, digests...)
	for i := range sizes {
		if s.lost.gone(digests[i]) {
			sizes[i] = -1
		}
	}
	return sizes, err
}

func (s *forgetful) Has(ctx context.Context, digests ...hashing.Digest) ([]bool, error) {
	has, err := s.Store.Has(ctx, digests...)
	for i := range has {
		has[i] = has[i] && !s.lost.gone(digests[i])
	}
	return has, err
}

func (s *forgetful) Open(ctx context.Context, d hashing.Digest) (string, error) {
	if s.lost.gone(d) {
		return "", missing(d)
	}
	return s.Store.Open(ctx, d)
}

func (s *forgetful) Restore(ctx context.Context, d hashing.Digest, path string, perm uint32) (hashing.Stat, error) {
	if s.lost.gone(d) {
		return hashing.Stat{}, missing(d)
	}
	return s.Store.Restore(ctx, d, path, perm)
}

func (s *forgetful) RestoreAll(ctx context.Context, files ...cas.Restoration) ([]hashing.Stat, error) {
	for i, f := range files {
		if s.lost.gone(f.Digest) {
			stats, err := s.Store.RestoreAll(ctx, files[:i]...)
			return append(stats, make([]hashing.Stat, len(files)-i)...), cmp.Or(err, missing(f.Digest))
		}
	}
	return s.Store.RestoreAll(ctx, files...)
}

func (s *forgetful) PutFile(ctx context.Context, path string) (cas.PutResult, error) {
	put, err := s.Store.PutFile(ctx, path)
	if err == nil && put.Inline == nil {
		err = s.lost.stored(put.Digest)
	}
	return put, err
}

func (s *forgetful) Apply(ctx context.Context, txns ...cas.Txn) ([]cas.TxnResult, error) {
	results, err := s.Store.Apply(ctx, txns...)
	for i, r := range results {
		if !r.Applied {
			continue
		}
		s.recorded.apply(txns[i])
		for _, b := range txns[i].Blobs {
			err = errors.Join(err, s.lost.stored(hashing.Sum(b)))
		}
	}
	return results, err
}

func (s *forgetful) Sync(ctx context.Context) error { return s.recorded.sync(ctx, s.Store) }
