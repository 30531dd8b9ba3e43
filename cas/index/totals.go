package index

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
)

// Totals counts the caller's rows by walking over them, and tells what was counted of the blobs as they came and went.
func (d *DB) Totals(ctx context.Context) (Totals, error) {
	totals, err := d.loadTotals()
	if err != nil {
		return Totals{}, err
	}
	err = d.each(ctx, nil, nil, func(*pebble.Iterator) bool {
		totals.Rows++
		return true
	})
	return totals, err
}

func (d *DB) loadTotals() (Totals, error) {
	p, err := d.get([]byte(totalsKey), 0)
	if err != nil && !pebble.IsCorruptionError(err) {
		return Totals{}, fmt.Errorf("read the cache %q: %w", filepath.Dir(d.path), err)
	}
	return decodeTotals(p), nil
}

// count keeps the totals right where a blob's row changes.
func (w *writer) count(key, from, to []byte) {
	if !isBlob(key) {
		return
	}
	if e, err := DecodeEntry(from); err == nil {
		w.totals.add(e, -1)
	}
	if e, err := DecodeEntry(to); err == nil {
		w.totals.add(e, 1)
	}
}

func (t *Totals) add(e Entry, sign int64) {
	t.Blobs += sign
	t.BlobBytes += sign * e.Size
	t.StoredBytes += sign * e.stored()
}

func (t *Totals) encode() []byte {
	p := binary.AppendVarint(nil, t.Blobs)
	p = binary.AppendVarint(p, t.BlobBytes)
	return binary.AppendVarint(p, t.StoredBytes)
}

// decodeTotals reads what encode wrote. The totals are for show, so anything else counts as nothing.
func decodeTotals(p []byte) Totals {
	var t Totals
	for _, field := range []*int64{&t.Blobs, &t.BlobBytes, &t.StoredBytes} {
		v, n := binary.Varint(p)
		if n <= 0 {
			return Totals{}
		}
		*field, p = v, p[n:]
	}
	return t
}
