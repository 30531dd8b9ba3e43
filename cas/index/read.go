package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
)

// Rows returns the value under each key. A value that is damaged is told, deleted by the writer, and missing from then
// on.
func (d *DB) Rows(ctx context.Context, keys [][]byte, head int) ([][]byte, error) {
	values := make([][]byte, len(keys))
	var unreadable [][]byte
	for i, key := range keys {
		value, err := d.get(key, head)
		if pebble.IsCorruptionError(err) {
			unreadable = append(unreadable, key)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the cache %q: %w", filepath.Dir(d.path), err)
		}
		values[i] = value
	}
	if len(unreadable) == 0 {
		return values, ctx.Err()
	}
	_, err := d.ApplyRequest(ctx, Request{heal: unreadable})
	return values, err
}

// get returns a copy of the value under key, or of its first head bytes; nil where there is none.
func (d *DB) get(key []byte, head int) ([]byte, error) {
	value, closer, err := d.pebble.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if head > 0 {
		value = value[:min(head, len(value))]
	}
	clone := append(make([]byte, 0, len(value)), value...) // not nil, even where it is empty
	return clone, closer.Close()
}

// Scan calls yield for each of the caller's rows under prefix.
func (d *DB) Scan(ctx context.Context, prefix []byte, yield func(key, value []byte) bool) error {
	return d.ScanAfter(ctx, prefix, nil, yield)
}

// ScanAfter is Scan for the rows whose key is greater than last; where last is empty, for all.
func (d *DB) ScanAfter(ctx context.Context, prefix, last []byte, yield func(key, value []byte) bool) error {
	from := prefix
	if len(last) > 0 {
		from = append(bytes.Clone(last), 0)
	}
	return d.each(ctx, from, after(prefix), func(it *pebble.Iterator) bool {
		return yield(bytes.Clone(it.Key()), append([]byte{}, it.Value()...))
	})
}

// each visits the caller's rows from one key up to another, and leaves out the index's own.
func (d *DB) each(ctx context.Context, from, to []byte, visit func(*pebble.Iterator) bool) error {
	more := true
	for _, gap := range callersKeys(from, to) {
		if !more {
			return nil
		}
		err := d.iterate(ctx, gap[0], gap[1], func(it *pebble.Iterator) bool {
			more = visit(it)
			return more
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// callersKeys cuts the index's own keys out of the range of keys that begins with from and ends before to (nil: nowhere).
func callersKeys(from, to []byte) [][2][]byte {
	var gaps [][2][]byte
	for _, own := range []byte{blobPrefix, ownPrefix} {
		if bytes.Compare(from, []byte{own}) < 0 {
			gaps = append(gaps, [2][]byte{from, least(to, []byte{own})})
		}
		if bytes.Compare(from, []byte{own + 1}) < 0 {
			from = []byte{own + 1}
		}
	}
	if to == nil || bytes.Compare(from, to) < 0 {
		gaps = append(gaps, [2][]byte{from, to})
	}
	return gaps
}

func least(a, b []byte) []byte {
	if a != nil && bytes.Compare(a, b) < 0 {
		return a
	}
	return b
}
