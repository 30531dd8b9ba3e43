package archive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

// portion is the size in bytes of what is committed at once.
const portion = 4 << 20

// maxWindow bounds the memory that an archive can make the decoder take.
const maxWindow = 32 << 20

// Import takes an archive into a store. Each blob must have its digest, and accept must take each row, or the import
// ends with an error; no row is written before the whole archive was checked, and none replaces a value that is there.
// The error wraps ErrDamaged where the archive is at fault. Memory does not grow with the archive.
func Import(ctx context.Context, s cas.Store, r io.Reader, accept func(key, value []byte) bool) (Summary, error) {
	dir, err := os.MkdirTemp("", "calyx-import-")
	if err != nil {
		return Summary{}, fmt.Errorf("read an archive: %w", err)
	}
	summary, err := importInto(ctx, s, r, accept, dir)
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		return Summary{}, fmt.Errorf("read an archive: %w", err)
	}
	return summary, nil
}

func importInto(ctx context.Context, s cas.Store, r io.Reader, accept func(key, value []byte) bool, dir string) (Summary, error) {
	packed := bufio.NewReaderSize(r, 64<<10)
	if err := checkFormat(packed); err != nil {
		return Summary{}, err
	}
	stream, err := zstd.NewReader(packed, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return Summary{}, err
	}
	defer stream.Close()
	spool, err := os.Create(dir + "/rows")
	if err != nil {
		return Summary{}, err
	}
	i := &importer{store: s, in: newReader(stream), accept: accept, dir: dir, rows: bufio.NewWriter(spool)}
	err = i.all(ctx)
	if err == nil {
		err = i.takeRows(ctx, spool)
	}
	return i.summary, errors.Join(err, spool.Close())
}

func checkFormat(r *bufio.Reader) error {
	line, err := r.ReadSlice('\n')
	found := strings.TrimSuffix(string(line), "\n")
	if err == nil && found == Format {
		return nil
	}
	if name := strings.TrimRight(Format, "0123456789"); err == nil && strings.HasPrefix(found, name) && len(found) < 40 {
		return fmt.Errorf("it has format %s, and this calyx knows %s", found, Format)
	}
	return fmt.Errorf("%w: it does not begin with %q", ErrDamaged, Format)
}

// importer takes records. Rows are kept in a file until the end was seen.
type importer struct {
	store   cas.Store
	in      *reader
	accept  func(key, value []byte) bool
	dir     string
	rows    *bufio.Writer
	summary Summary

	small     [][]byte // blobs to be committed
	smallSize int
}

func (i *importer) all(ctx context.Context) error {
	for {
		kind, err := i.in.byte()
		if err != nil {
			return err
		}
		switch {
		case kind == kindBlob && i.summary.Rows == 0:
			err = i.blob(ctx)
		case kind == kindRow:
			err = i.row()
		case kind == kindEnd:
			return i.end(ctx)
		default:
			err = fmt.Errorf("%w: a record of an unknown kind, or out of order", ErrDamaged)
		}
		if err != nil {
			return err
		}
	}
}

func (i *importer) blob(ctx context.Context) error {
	d, err := i.in.digest()
	if err != nil {
		return err
	}
	size, err := i.in.number(1 << 62)
	if err != nil {
		return err
	}
	i.summary.Blobs++
	i.summary.Bytes += size
	if size > cas.InlineLimit {
		return i.large(ctx, d, size)
	}
	p, err := i.in.bytes(size)
	if err != nil {
		return err
	}
	if hashing.Sum(p) != d {
		return wrongDigest(d)
	}
	i.small = append(i.small, p)
	if i.smallSize += len(p); i.smallSize > portion {
		return i.takeSmall(ctx)
	}
	return nil
}

func wrongDigest(d hashing.Digest) error {
	return fmt.Errorf("%w: the content of blob %s has another digest", ErrDamaged, d)
}

func (i *importer) takeSmall(ctx context.Context) error {
	_, err := cas.Commit(ctx, i.store, cas.Txn{Blobs: i.small})
	i.small, i.smallSize = nil, 0
	return err
}

// large puts a blob through a file. Where its digest is wrong, what was stored is under the digest that it has, and
// harms nobody.
func (i *importer) large(ctx context.Context, d hashing.Digest, size int64) error {
	path := i.dir + "/blob"
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(i.in.copy(file, size), file.Close()); err != nil {
		return err
	}
	put, err := i.store.PutFile(ctx, path)
	if err == nil && put.Digest != d {
		err = wrongDigest(d)
	}
	return err
}

func (i *importer) row() error {
	r, err := i.in.row()
	if err != nil {
		return err
	}
	if !i.accept(r.Key, r.Value) {
		return fmt.Errorf("it holds a row that has no place in a cache, under the key %q", r.Key)
	}
	i.summary.Rows++
	return writeRow(i.rows, r)
}

// end checks what the archive says of itself, and makes all blobs durable.
func (i *importer) end(ctx context.Context) error {
	if err := i.in.end(i.summary); err != nil {
		return err
	}
	if err := i.takeSmall(ctx); err != nil {
		return err
	}
	return i.rows.Flush()
}

// takeRows commits the rows that were kept in the file, where their keys are free.
func (i *importer) takeRows(ctx context.Context, spool *os.File) error {
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	rows := newReader(spool)
	var txns []cas.Txn
	bytes := 0
	for range i.summary.Rows {
		r, err := rows.row()
		if err != nil {
			return err
		}
		txns = append(txns, cas.Txn{If: []cas.Row{{Key: r.Key}}, Put: []cas.Row{r}})
		if bytes += len(r.Key) + len(r.Value); bytes > portion {
			if err := i.commit(ctx, txns); err != nil {
				return err
			}
			txns, bytes = nil, 0
		}
	}
	return i.commit(ctx, txns)
}

func (i *importer) commit(ctx context.Context, txns []cas.Txn) error {
	results, err := cas.Commit(ctx, i.store, txns...)
	for _, r := range results {
		if !r.Applied {
			i.summary.Kept++
		}
	}
	return err
}
