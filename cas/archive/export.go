package archive

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

// atOnce is how many small blobs are fetched with one round trip.
const atOnce = 64

// Export writes an archive of blobs and rows. The error wraps cas.ErrMissing where the store does not have one of the
// blobs. Memory does not grow with the archive.
func Export(ctx context.Context, s cas.Store, w io.Writer, digests []hashing.Digest, rows []cas.Row) (Summary, error) {
	summary, err := export(ctx, s, w, digests, rows)
	if err != nil {
		return Summary{}, fmt.Errorf("write an archive of the cache: %w", err)
	}
	return summary, nil
}

func export(ctx context.Context, s cas.Store, w io.Writer, digests []hashing.Digest, rows []cas.Row) (Summary, error) {
	if _, err := io.WriteString(w, Format+"\n"); err != nil {
		return Summary{}, err
	}
	packed, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return Summary{}, err
	}
	e := &exporter{store: s, out: bufio.NewWriterSize(packed, 64<<10), digest: hashing.NewHasher()}
	err = e.all(ctx, digests, rows)
	return e.summary, errors.Join(err, packed.Close())
}

// exporter writes records. Its first error stays.
type exporter struct {
	store   cas.Store
	out     *bufio.Writer
	digest  *hashing.Hasher
	summary Summary
}

func (e *exporter) all(ctx context.Context, digests []hashing.Digest, rows []cas.Row) error {
	digests = unique(digests)
	for len(digests) > 0 {
		n := min(atOnce, len(digests))
		if err := e.blobs(ctx, digests[:n]); err != nil {
			return err
		}
		digests = digests[n:]
	}
	for _, r := range rows {
		e.row(r)
	}
	return e.end()
}

func unique(digests []hashing.Digest) []hashing.Digest {
	seen := map[hashing.Digest]bool{}
	var once []hashing.Digest
	for _, d := range digests {
		if !seen[d] {
			seen[d] = true
			once = append(once, d)
		}
	}
	return once
}

// blobs writes small blobs from memory and large ones from their files.
func (e *exporter) blobs(ctx context.Context, digests []hashing.Digest) error {
	sizes, err := e.store.Sizes(ctx, digests...)
	if err != nil {
		return err
	}
	var small []hashing.Digest
	for i, d := range digests {
		switch {
		case sizes[i] < 0:
			return fmt.Errorf("blob %s: %w", d, cas.ErrMissing)
		case sizes[i] <= cas.InlineLimit:
			small = append(small, d)
		default:
			if err := e.large(ctx, d, sizes[i]); err != nil {
				return err
			}
		}
	}
	contents, err := e.store.Get(ctx, small...)
	if err != nil {
		return err
	}
	for i, p := range contents {
		if p == nil {
			return fmt.Errorf("blob %s: %w", small[i], cas.ErrMissing)
		}
		e.blobHead(small[i], int64(len(p)))
		e.write(p)
	}
	return nil
}

func (e *exporter) large(ctx context.Context, d hashing.Digest, size int64) error {
	path, err := e.store.Open(ctx, d)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	e.blobHead(d, size)
	_, err = io.CopyN(io.MultiWriter(e.digest, e.out), file, size)
	return errors.Join(err, file.Close())
}

func (e *exporter) blobHead(d hashing.Digest, size int64) {
	e.write([]byte{kindBlob})
	e.write(d[:])
	e.number(uint64(size))
	e.summary.Blobs++
	e.summary.Bytes += size
}

func (e *exporter) row(r cas.Row) {
	e.write([]byte{kindRow})
	e.number(uint64(len(r.Key)))
	e.write(r.Key)
	e.number(uint64(len(r.Value)))
	e.write(r.Value)
	e.summary.Rows++
}

func (e *exporter) end() error {
	e.write([]byte{kindEnd})
	e.number(uint64(e.summary.Blobs))
	e.number(uint64(e.summary.Rows))
	sum := e.digest.Sum()
	e.write(sum[:])
	return e.out.Flush()
}

func (e *exporter) number(n uint64) { e.write(binary.AppendUvarint(nil, n)) }

// write relies on the writer to keep its first error for Flush.
func (e *exporter) write(p []byte) {
	_, _ = e.digest.Write(p)
	_, _ = e.out.Write(p)
}
