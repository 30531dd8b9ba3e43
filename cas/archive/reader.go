package archive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

// reader reads the parts of records and digests them on the way. Its errors wrap ErrDamaged.
type reader struct {
	in   *bufio.Reader
	seen *hashing.Hasher
}

func newReader(r io.Reader) *reader {
	return &reader{in: bufio.NewReaderSize(r, 64<<10), seen: hashing.NewHasher()}
}

// damaged blames the archive for an error, unless the system is to blame.
func damaged(err error) error {
	var system *os.PathError
	if err == nil || errors.As(err, &system) {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut off", ErrDamaged)
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// byte reads one byte.
func (r *reader) byte() (byte, error) {
	b, err := r.ReadByte()
	return b, damaged(err)
}

// ReadByte is for encoding/binary.
func (r *reader) ReadByte() (byte, error) {
	b, err := r.in.ReadByte()
	if err == nil {
		_, _ = r.seen.Write([]byte{b})
	}
	return b, err
}

// number reads a number that must not be larger than limit.
func (r *reader) number(limit int64) (int64, error) {
	n, err := binary.ReadUvarint(r)
	if err == nil && n > uint64(limit) {
		err = fmt.Errorf("a length of %d, where at most %d makes sense", n, limit)
	}
	return int64(n), damaged(err)
}

// bytes reads n bytes; it takes memory only for what is really there.
func (r *reader) bytes(n int64) ([]byte, error) {
	p, err := io.ReadAll(io.LimitReader(r.in, n))
	if err == nil && int64(len(p)) < n {
		err = io.ErrUnexpectedEOF
	}
	_, _ = r.seen.Write(p)
	return p, damaged(err)
}

// copy copies n bytes to a file.
func (r *reader) copy(w io.Writer, n int64) error {
	_, err := io.CopyN(io.MultiWriter(w, r.seen), r.in, n)
	return damaged(err)
}

func (r *reader) digest() (d hashing.Digest, err error) {
	p, err := r.bytes(int64(len(d)))
	copy(d[:], p)
	return d, err
}

// row reads a row, after its kind.
func (r *reader) row() (cas.Row, error) {
	key, err := r.sized(maxKey)
	if err != nil {
		return cas.Row{}, err
	}
	value, err := r.sized(maxValue)
	return cas.Row{Key: key, Value: value}, err
}

func (r *reader) sized(limit int64) ([]byte, error) {
	n, err := r.number(limit)
	if err != nil {
		return nil, err
	}
	return r.bytes(n)
}

// writeRow writes what row reads.
func writeRow(w *bufio.Writer, r cas.Row) error {
	_, err := w.Write(binary.AppendUvarint(nil, uint64(len(r.Key))))
	_, keyErr := w.Write(r.Key)
	_, sizeErr := w.Write(binary.AppendUvarint(nil, uint64(len(r.Value))))
	_, valueErr := w.Write(r.Value)
	return errors.Join(err, keyErr, sizeErr, valueErr)
}

// end reads the last record and makes sure that nothing follows.
func (r *reader) end(found Summary) error {
	blobs, err := r.number(1 << 62)
	if err != nil {
		return err
	}
	rows, err := r.number(1 << 62)
	if err != nil {
		return err
	}
	want := r.seen.Sum()
	sum, err := r.digest()
	if err != nil {
		return err
	}
	if blobs != int64(found.Blobs) || rows != int64(found.Rows) || sum != want {
		return fmt.Errorf("%w: it is not what was written", ErrDamaged)
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows its end", ErrDamaged)
	}
	return nil
}
