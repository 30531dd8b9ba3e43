package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/index"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/cores"
)

// Restore writes the blob to path.
func (s *Store) Restore(ctx context.Context, d hashing.Digest, path string, perm uint32) (hashing.Stat, error) {
	found, err := s.entries(ctx, []hashing.Digest{d}, 0)
	if err != nil {
		return hashing.Stat{}, err
	}
	return s.restore(ctx, &found[0], cas.Restoration{Digest: d, Path: path, Perm: perm})
}

// restoreAtOnce is how many files a worker restores with one look-up: enough to make look-ups cheap, few enough to keep
// no more than some megabytes in memory.
const restoreAtOnce = 64

// RestoreAll writes many blobs to their paths.
func (s *Store) RestoreAll(ctx context.Context, files ...cas.Restoration) ([]hashing.Stat, error) {
	stats := make([]hashing.Stat, len(files))
	n := (len(files) + restoreAtOnce - 1) / restoreAtOnce
	// Some workers write while others wait for the index.
	err := cores.EachFrom(2*cores.Count(), n, func(i int) error {
		from, to := i*restoreAtOnce, min((i+1)*restoreAtOnce, len(files))
		return s.restoreBatch(ctx, files[from:to], stats[from:to])
	})
	return stats, err
}

func (s *Store) restoreBatch(ctx context.Context, files []cas.Restoration, stats []hashing.Stat) error {
	digests := make([]hashing.Digest, len(files))
	for i, f := range files {
		digests[i] = f.Digest
	}
	found, err := s.entries(ctx, digests, 0)
	if err != nil {
		return err
	}
	for i, f := range files {
		if stats[i], err = s.restore(ctx, &found[i], f); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (s *Store) restore(ctx context.Context, e *entry, f cas.Restoration) (hashing.Stat, error) {
	if e.row == nil {
		return hashing.Stat{}, missing(e.digest)
	}
	if e.Kind == index.File {
		blob, ok, err := s.file(ctx, e)
		if err != nil {
			return hashing.Stat{}, err
		}
		if !ok {
			return hashing.Stat{}, missing(e.digest)
		}
		return s.folder.Restore(blob, f.Path, f.Perm)
	}
	p, err := s.bytes(ctx, e)
	if err != nil {
		return hashing.Stat{}, err
	}
	if p == nil {
		return hashing.Stat{}, missing(e.digest)
	}
	return s.folder.RestoreBytes(p, f.Path, f.Perm, f.Over)
}

// Open returns the path of a read-only file with the blob's bytes.
func (s *Store) Open(ctx context.Context, d hashing.Digest) (string, error) {
	if path := s.loose.get(d); path != "" {
		return path, nil
	}
	found, err := s.entries(ctx, []hashing.Digest{d}, 0)
	if err != nil {
		return "", err
	}
	e := &found[0]
	if e.row == nil {
		return "", missing(d)
	}
	if e.Kind == index.File {
		if _, ok, err := s.file(ctx, e); err != nil || !ok {
			return "", orMissing(err, d)
		}
		return s.folder.BlobPath(d), nil
	}
	p, err := s.bytes(ctx, e)
	if err != nil || p == nil {
		return "", orMissing(err, d)
	}
	return s.writeLoose(d, p)
}

// writeLoose writes a small blob to a file in this process's scratch folder.
func (s *Store) writeLoose(d hashing.Digest, p []byte) (string, error) {
	scratch, err := s.folder.Scratch()
	if err != nil {
		return "", err
	}
	path := filepath.Join(scratch, d.Hex())
	if _, err := s.folder.PublishBytes(p, path, 0o444); err != nil {
		return "", err
	}
	s.loose.put(d, path)
	return path, nil
}

func missing(d hashing.Digest) error { return fmt.Errorf("blob %s: %w", d, cas.ErrMissing) }

func orMissing(err error, d hashing.Digest) error {
	if err != nil {
		return err
	}
	return missing(d)
}

// looseFiles remembers for which small blobs a file was written.
type looseFiles struct {
	mu    sync.Mutex
	paths map[hashing.Digest]string
}

func (l *looseFiles) get(d hashing.Digest) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	path := l.paths[d]
	if _, err := os.Lstat(path); err != nil {
		return ""
	}
	return path
}

func (l *looseFiles) put(d hashing.Digest, path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paths == nil {
		l.paths = map[hashing.Digest]string{}
	}
	l.paths[d] = path
}
