package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/folder"
	"github.com/calyx-build/calyx/cas/index"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/cores"
)

// aheadBytes is how many bytes of blobs travel with the transaction that names them; more are committed before it, in
// portions, so that no message becomes too large.
const aheadBytes = 4 << 20

// PutFile stores the content of a large file, and returns that of a small one.
func (s *Store) PutFile(ctx context.Context, path string) (cas.PutResult, error) {
	return s.putFile(ctx, path, s.folder.Import)
}

// TakeFile moves a file into the cache, and copies it where it cannot be moved.
func (s *Store) TakeFile(ctx context.Context, path string) (cas.PutResult, error) {
	return s.putFile(ctx, path, s.folder.Adopt)
}

func (s *Store) putFile(ctx context.Context, path string, keep func(*os.File) (folder.Blob, error)) (cas.PutResult, error) {
	stat, err := hashing.StatFollow(path)
	if err != nil {
		return cas.PutResult{}, fmt.Errorf("put into the cache: %w", err)
	}
	if !stat.IsRegular() {
		return cas.PutResult{}, fmt.Errorf("put into the cache: %w", &hashing.TypeError{Path: path, Mode: stat.Mode})
	}
	src, err := os.Open(path)
	if err != nil {
		return cas.PutResult{}, fmt.Errorf("put into the cache: %w", err)
	}
	result, err := s.putOpen(ctx, src, stat, keep)
	if err := errors.Join(err, src.Close()); err != nil {
		return cas.PutResult{}, fmt.Errorf("put %q into the cache: %w", path, err)
	}
	return result, nil
}

func (s *Store) putOpen(ctx context.Context, src *os.File, stat hashing.Stat, keep func(*os.File) (folder.Blob, error)) (cas.PutResult, error) {
	if stat.Size <= cas.InlineLimit {
		// A file that has grown since is read no further than shows that it is no longer small.
		content := bytes.NewBuffer(make([]byte, 0, stat.Size+bytes.MinRead))
		if _, err := content.ReadFrom(io.LimitReader(src, cas.InlineLimit+1)); err != nil {
			return cas.PutResult{}, err
		}
		if p := content.Bytes(); len(p) <= cas.InlineLimit {
			return cas.PutResult{Digest: hashing.Sum(p), Size: int64(len(p)), Stat: stat, Inline: p}, nil
		}
	}
	blob, err := keep(src)
	if err != nil {
		return cas.PutResult{}, err
	}
	_, err = index.Commit(ctx, s.index, index.Txn{Put: []cas.Row{fileRow(blob)}})
	return cas.PutResult{Digest: blob.Digest, Size: blob.Size, Stat: stat}, err
}

func fileRow(b folder.Blob) cas.Row {
	return cas.Row{Key: index.BlobKey(b.Digest), Value: fileEntry(b)}
}

// Apply applies the transactions in order. Their blobs are stored even where a condition fails.
func (s *Store) Apply(ctx context.Context, txns ...cas.Txn) ([]cas.TxnResult, error) {
	plan := plan{}
	for i := range txns {
		if err := s.plan(&plan, &txns[i]); err != nil {
			return nil, err
		}
	}
	if len(plan.txns) == 0 {
		return nil, nil
	}
	all, err := s.index.Apply(ctx, plan.txns)
	if err != nil {
		return nil, err
	}
	results := make([]cas.TxnResult, len(txns))
	for i, at := range plan.result {
		results[i] = all[at]
	}
	return results, nil
}

// Sync makes durable what was applied before.
func (s *Store) Sync(ctx context.Context) error { return s.index.Sync(ctx) }

// plan is the transactions for the index; result tells which of them is the caller's first, second, and so on.
type plan struct {
	txns   []index.Txn
	result []int
}

func (s *Store) plan(p *plan, t *cas.Txn) error {
	for _, rows := range [][]cas.Row{t.If, t.Put} {
		for _, r := range rows {
			if err := checkKeys([][]byte{r.Key}); err != nil {
				return err
			}
		}
	}
	rows, err := s.blobRows(t.Blobs)
	if err != nil {
		return err
	}
	var add index.Txn
	for _, r := range rows {
		if add.Size() > aheadBytes {
			p.txns = append(p.txns, add)
			add = index.Txn{}
		}
		add.Add = append(add.Add, r)
	}
	p.result = append(p.result, len(p.txns))
	p.txns = append(p.txns, index.Txn{If: t.If, Add: add.Add, Put: t.Put})
	return nil
}

// blobRows makes the rows of blobs, and the files of those that are too large for one.
func (s *Store) blobRows(blobs [][]byte) ([]cas.Row, error) {
	rows := make([]cas.Row, len(blobs))
	err := cores.Each(len(blobs), func(i int) error {
		p := blobs[i]
		d := hashing.Sum(p)
		if len(p) <= cas.InlineLimit {
			rows[i] = cas.Row{Key: index.BlobKey(d), Value: s.codec.encode(p).Encode()}
			return nil
		}
		blob, err := s.folder.Write(d, p)
		rows[i] = fileRow(blob)
		return err
	})
	return rows, err
}
