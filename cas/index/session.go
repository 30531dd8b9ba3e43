package index

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/calyx-build/calyx/cas"
)

// A session's row says which of its last request's transactions were applied, and is written together with them. So a
// request that is repeated after a server was killed is applied once, also where a condition on a row that the request
// itself changed would now fail.
//
//	row: 8 bytes of time (seconds since 1970), 8 of the request's number, then a bit for each transaction

const sessionHeader = 16

// forget is how long a session's row is kept after its last request: much longer than any client takes to repeat one.
const forget = 24 * time.Hour

// bitmap tells which transactions of a request were applied.
type bitmap []byte

func (b bitmap) has(i int) bool { return i/8 < len(b) && b[i/8]&(1<<(i%8)) != 0 }

// appliedBefore returns what an earlier attempt at the same request applied.
func (w *writer) appliedBefore(r *Request) (bitmap, error) {
	if r.Session == [16]byte{} {
		return nil, nil
	}
	row, err := w.get(sessionKey(r.Session))
	if err != nil || len(row) < sessionHeader || binary.BigEndian.Uint64(row[8:]) != r.Seq {
		return nil, err
	}
	return bitmap(row[sessionHeader:]), nil
}

// remember notes which transactions of a request are applied. Where none is, repeating it does no harm.
func (w *writer) remember(p *pending) {
	applied := func(r cas.TxnResult) bool { return r.Applied }
	if p.Session == [16]byte{} || !slices.ContainsFunc(p.results, applied) {
		return
	}
	row := make([]byte, sessionHeader+(len(p.results)+7)/8)
	binary.BigEndian.PutUint64(row, uint64(time.Now().Unix()))
	binary.BigEndian.PutUint64(row[8:], p.Seq)
	for i, r := range p.results {
		if r.Applied {
			row[sessionHeader+i/8] |= 1 << (i % 8)
		}
	}
	w.set(sessionKey(p.Session), row)
}

func sessionKey(session [16]byte) []byte { return append([]byte(sessionsKey), session[:]...) }

// Forget deletes the rows of sessions that ended long ago.
func (d *DB) Forget(ctx context.Context) error {
	oldest := uint64(time.Now().Add(-forget).Unix())
	var old Txn
	err := d.iterate(ctx, []byte(sessionsKey), after([]byte(sessionsKey)), func(it *pebble.Iterator) bool {
		if v := it.Value(); len(v) < sessionHeader || binary.BigEndian.Uint64(v) < oldest {
			old.Put = append(old.Put, cas.Row{Key: append([]byte(nil), it.Key()...)})
		}
		return true
	})
	if err != nil || len(old.Put) == 0 {
		return err
	}
	_, err = d.Apply(ctx, []Txn{old}) // what is lost of it is forgotten another time
	return err
}
