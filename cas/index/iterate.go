package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// scanCheck is after how many rows an iteration looks whether its caller still waits.
const scanCheck = 1024

// iterate visits the rows from one key up to another. What cannot be read is told and left out: a damaged part of the
// database must not keep anybody from the rest.
func (d *DB) iterate(ctx context.Context, from, to []byte, visit func(*pebble.Iterator) bool) error {
	for {
		next, err := d.readable(ctx, from, to, visit)
		if !pebble.IsCorruptionError(err) {
			return err
		}
		gap, known := d.gaps.at(next)
		if !known {
			gap = [2][]byte{next, d.beyond(ctx, next, to)}
			d.gaps.add(gap)
			d.foundDamaged(err)
		}
		if from = gap[1]; from == nil || to != nil && bytes.Compare(from, to) >= 0 {
			return ctx.Err()
		}
	}
}

// readable visits rows up to the first that cannot be read, and returns a key behind the last that could.
func (d *DB) readable(ctx context.Context, from, to []byte, visit func(*pebble.Iterator) bool) (next []byte, err error) {
	it, err := d.iterator(ctx, from, to)
	if err != nil {
		return from, err
	}
	next = from
	n := 0
	for ok := it.First(); ok && visit(it); ok = it.Next() {
		next = append(append(next[:0:0], it.Key()...), 0)
		if n++; n%scanCheck == 0 && ctx.Err() != nil {
			return next, errors.Join(ctx.Err(), it.Close())
		}
	}
	if err := it.Close(); err != nil {
		return next, fmt.Errorf("read the cache %q: %w", filepath.Dir(d.path), err)
	}
	return next, nil
}

func (d *DB) iterator(ctx context.Context, from, to []byte) (*pebble.Iterator, error) {
	if len(from) == 0 {
		from = nil // Pebble minds the difference
	}
	it, err := d.pebble.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return nil, fmt.Errorf("read the cache %q: %w", filepath.Dir(d.path), err)
	}
	return it, nil
}

// beyond returns a key behind from at which reading succeeds again; nil where there is none before to. Keys are taken for
// numbers: it looks at distances that double, and then bisects the last of them, so that it finds the end of a damaged
// block among keys of which it knows nothing.
func (d *DB) beyond(ctx context.Context, from, to []byte) []byte {
	ctx = context.WithoutCancel(ctx) // what is cut short must not be taken for damaged
	width := max(len(from), len(to)) + 8
	bad := number(from, width)
	good := new(big.Int)
	for distance := big.NewInt(1); ; distance.Lsh(distance, 1) {
		good.Add(bad, distance)
		if good.BitLen() > 8*width {
			return nil
		}
		if d.canRead(ctx, key(good, width), to) {
			break
		}
	}
	one, mid := big.NewInt(1), new(big.Int)
	for new(big.Int).Sub(good, bad).Cmp(one) > 0 {
		mid.Rsh(mid.Add(bad, good), 1)
		if d.canRead(ctx, key(mid, width), to) {
			good.Set(mid)
		} else {
			bad.Set(mid)
		}
	}
	return key(good, width)
}

// canRead reports whether the first row from a key on can be read, or there is none.
func (d *DB) canRead(ctx context.Context, from, to []byte) bool {
	if to != nil && bytes.Compare(from, to) >= 0 {
		return true
	}
	it, err := d.iterator(ctx, from, to)
	if err != nil {
		return false
	}
	it.First()
	return it.Close() == nil
}

// number is the number that a key is when it is filled up with zeros.
func number(key []byte, width int) *big.Int {
	return new(big.Int).SetBytes(append(slices.Clone(key), make([]byte, width-len(key))...))
}

func key(n *big.Int, width int) []byte { return n.FillBytes(make([]byte, width)) }

// gaps are the ranges of keys that were found damaged. They are safe for concurrent use.
type gaps struct {
	mu    sync.Mutex
	known [][2][]byte
}

// at returns the gap that a key lies in. The end of one that goes on to the end is nil.
func (g *gaps) at(key []byte) ([2][]byte, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, gap := range g.known {
		if bytes.Compare(key, gap[0]) >= 0 && (gap[1] == nil || bytes.Compare(key, gap[1]) < 0) {
			return gap, true
		}
	}
	return [2][]byte{}, false
}

func (g *gaps) add(gap [2][]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known = append(g.known, gap)
}
