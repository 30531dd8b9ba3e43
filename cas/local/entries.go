package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/folder"
	"github.com/calyx-build/calyx/cas/index"
	"github.com/calyx-build/calyx/hashing"
)

// entry is what the index has under a digest. Its row is nil where it has nothing.
type entry struct {
	index.Entry
	digest hashing.Digest
	row    []byte
}

// blob is the file of an entry of that kind.
func (e *entry) blob() folder.Blob { return folder.Blob{Digest: e.digest, Size: e.Size, Stat: e.Stat} }

// fileEntry is the row's value for a blob that is kept as a file.
func fileEntry(b folder.Blob) []byte {
	return index.Entry{Kind: index.File, Size: b.Size, Stat: b.Stat}.Encode()
}

// entries looks digests up. Where head is not 0, contents may be cut off.
func (s *Store) entries(ctx context.Context, digests []hashing.Digest, head int) ([]entry, error) {
	if len(digests) == 0 {
		return nil, nil
	}
	keys := make([][]byte, len(digests))
	for i, d := range digests {
		keys[i] = index.BlobKey(d)
	}
	rows, err := s.index.Rows(ctx, keys, head)
	if err != nil {
		return nil, err
	}
	found := make([]entry, len(digests))
	for i, row := range rows {
		found[i] = entry{digest: digests[i], row: row}
		if row == nil {
			continue
		}
		if found[i].Entry, err = index.DecodeEntry(row); err != nil {
			if err := s.drop(ctx, &found[i], "its row"); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// bytes returns the checked bytes of an entry; nil where it turned out to be damaged.
func (s *Store) bytes(ctx context.Context, e *entry) ([]byte, error) {
	if e.Kind != index.File {
		p, err := s.codec.decode(e.Entry)
		if err != nil || hashing.Sum(p) != e.digest {
			return nil, s.drop(ctx, e, "its row")
		}
		return p, nil
	}
	p, err := s.folder.Read(e.blob())
	if err != nil {
		return nil, s.lost(ctx, e, err)
	}
	return p, nil
}

// file makes sure that an entry's file is right; ok is false where it turned out to be damaged.
func (s *Store) file(ctx context.Context, e *entry) (b folder.Blob, ok bool, err error) {
	was := e.blob()
	b, err = s.folder.Check(was)
	if err != nil {
		return b, false, s.lost(ctx, e, err)
	}
	if b != was {
		_, err = s.index.Apply(ctx, []index.Txn{e.replaceBy(fileEntry(b))})
	}
	return b, true, err
}

// lost drops an entry whose file is gone or damaged, and passes on other errors.
func (s *Store) lost(ctx context.Context, e *entry, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, folder.ErrDamaged) {
		return s.drop(ctx, e, fmt.Sprintf("its file %q", s.folder.BlobPath(e.digest)))
	}
	return err
}

// drop forgets a damaged entry, and tells of it unless another process did so first.
func (s *Store) drop(ctx context.Context, e *entry, where string) error {
	results, err := s.index.Apply(ctx, []index.Txn{e.replaceBy(nil)})
	if err == nil && results[0].Applied {
		s.warn(fmt.Sprintf("blob %s of the cache %q is damaged or gone (%s); it will be computed again",
			e.digest, s.folder.Path(), where))
	}
	e.row = nil
	return err
}

// replaceBy changes the entry's row, unless somebody else changed it meanwhile.
func (e *entry) replaceBy(row []byte) index.Txn {
	key := index.BlobKey(e.digest)
	return index.Txn{If: []cas.Row{{Key: key, Value: e.row}}, Put: []cas.Row{{Key: key, Value: row}}}
}
