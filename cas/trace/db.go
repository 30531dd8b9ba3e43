package trace

import (
	"context"
	"errors"
	"fmt"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/rows"
)

// DB keeps traces and records in a store. It is safe for concurrent use.
type DB struct{ store cas.Store }

// NewDB returns a DB that keeps its rows in store.
func NewDB(store cas.Store) *DB { return &DB{store} }

// Entries returns what stands under each chain key, in order; nil where there is nothing. raw holds the rows as stored,
// for the condition of a later write. A row that cannot be read counts as none.
func (db *DB) Entries(ctx context.Context, keys []hashing.Digest) (entries []*Entry, raw [][]byte, err error) {
	at := make([][]byte, len(keys))
	for i, k := range keys {
		at[i] = chainKey(k)
	}
	raw, err = db.store.Rows(ctx, at...)
	if err != nil {
		return nil, nil, fmt.Errorf("look up traces: %w", err)
	}
	entries = make([]*Entry, len(keys))
	for i := range raw {
		entries[i] = DecodeEntry(raw[i])
	}
	return entries, raw, nil
}

// DecodeEntry reads a chain row; nil where it is empty or damaged.
func DecodeEntry(row []byte) *Entry {
	var e Entry
	if row == nil || rows.Unmarshal(row, &e) != nil {
		return nil
	}
	return &e
}

// LookUp returns what Records says of the nodes and Entries of the keys, for the price of one of them.
func (db *DB) LookUp(ctx context.Context, s Scope, nodes []string, keys []hashing.Digest) (records []*NodeRecord, entries []*Entry, raw [][]byte, err error) {
	found, err := db.store.Rows(ctx, lookUpKeys(s, nodes, keys)...)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("look up records and traces: %w", err)
	}
	return db.lookedUp(ctx, s, nodes, found)
}

// LookUpOrLease is LookUp for one node, and gives the lease of its action where nothing stands under the key and nobody
// holds it; nil otherwise.
func (db *DB) LookUpOrLease(ctx context.Context, s Scope, node string, key hashing.Digest, holding []hashing.Digest) (record *NodeRecord, entry *Entry, raw []byte, lease *cas.Lease, err error) {
	nodes := []string{node}
	found, lease, err := db.store.RowsOrLease(ctx, key, holding, lookUpKeys(s, nodes, []hashing.Digest{key})...)
	if err != nil {
		return nil, nil, nil, nil, fmt.Errorf("look up a record and traces: %w", err)
	}
	records, entries, rows, err := db.lookedUp(ctx, s, nodes, found)
	return records[0], entries[0], rows[0], lease, err
}

func lookUpKeys(s Scope, nodes []string, keys []hashing.Digest) [][]byte {
	at := make([][]byte, 0, len(nodes)+len(keys))
	for _, n := range nodes {
		at = append(at, nodeKey(s, n))
	}
	for _, k := range keys {
		at = append(at, chainKey(k))
	}
	return at
}

func (db *DB) lookedUp(ctx context.Context, s Scope, nodes []string, found [][]byte) (records []*NodeRecord, entries []*Entry, raw [][]byte, err error) {
	for _, row := range found[:len(nodes)] {
		records = append(records, decodeRecord(row))
	}
	raw = found[len(nodes):]
	for _, row := range raw {
		entries = append(entries, DecodeEntry(row))
	}
	return records, entries, raw, db.Fill(ctx, s, nodes, records)
}

// Records returns the record of each node, in order; nil where there is none.
func (db *DB) Records(ctx context.Context, s Scope, nodes []string) ([]*NodeRecord, error) {
	keys := make([][]byte, len(nodes))
	for i, n := range nodes {
		keys[i] = nodeKey(s, n)
	}
	found, err := db.store.Rows(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("look up records: %w", err)
	}
	records := make([]*NodeRecord, len(nodes))
	for i, row := range found {
		records[i] = decodeRecord(row)
	}
	return records, db.Fill(ctx, s, nodes, records)
}

// AllRecords calls yield for every record of the scope, in the order of the nodes' names.
func (db *DB) AllRecords(ctx context.Context, s Scope, yield func(node string, r *NodeRecord) bool) error {
	const atOnce = 1024
	var nodes []string
	var records []*NodeRecord
	var failed error
	flush := func() bool {
		failed = db.Fill(ctx, s, nodes, records)
		for i, r := range records {
			if failed != nil || r != nil && !yield(nodes[i], r) {
				return false
			}
		}
		nodes, records = nil, nil
		return true
	}
	more := true
	err := db.store.Scan(ctx, nodePrefix(s), func(key, value []byte) bool {
		if r := decodeRecord(value); r != nil {
			nodes, records = append(nodes, nodeOf(s, key)), append(records, r)
		}
		if len(nodes) == atOnce {
			more = flush()
		}
		return more
	})
	if more && err == nil {
		flush()
	}
	return errors.Join(err, failed)
}

func decodeRecord(row []byte) *NodeRecord {
	var r NodeRecord
	if row == nil || rows.Unmarshal(row, &r) != nil {
		return nil
	}
	return &r
}

// RecordRow is the row that keeps a node's record.
func RecordRow(s Scope, node string, r *NodeRecord) (cas.Row, error) {
	value, err := rows.Marshal(r)
	if err != nil {
		return cas.Row{}, fmt.Errorf("encode the record of node %q: %w", node, err)
	}
	return cas.Row{Key: nodeKey(s, node), Value: value}, nil
}

// Write is a trace on its way into the store, with the entries under its keys as they were read.
type Write struct {
	Trace   *Trace
	Replace bool // over a result that stands there
	keys    []hashing.Digest
	raw     [][]byte
}

// Prepare reads what a write of the trace depends on. For a trace without stages whose row is known already, raw is that row.
func (db *DB) Prepare(ctx context.Context, t *Trace, replace bool, raw []byte) (*Write, error) {
	w := &Write{Trace: t, Replace: replace, keys: t.Keys()}
	if len(t.Stages) == 0 {
		w.raw = [][]byte{raw}
		return w, nil
	}
	var err error
	_, w.raw, err = db.Entries(ctx, w.keys)
	return w, err
}

// Txn adds the trace to a transaction and returns the result that holds once it is applied.
func (w *Write) Txn(txn *cas.Txn) (Result, error) {
	entries := make([]*Entry, len(w.raw))
	for i, row := range w.raw {
		entries[i] = DecodeEntry(row)
	}
	added, result := w.Trace.Add(entries, w.Replace)
	if last := entries[len(entries)-1]; last != nil && last.Done != nil && !SameResult(*last.Done, result) {
		txn.Put = append(txn.Put, newGenerationRow())
	}
	for i, e := range added {
		value, err := rows.Marshal(e)
		if err != nil {
			return Result{}, fmt.Errorf("encode a trace: %w", err)
		}
		key := chainKey(w.keys[i])
		txn.If = append(txn.If, cas.Row{Key: key, Value: w.raw[i]})
		txn.Put = append(txn.Put, cas.Row{Key: key, Value: value})
	}
	return result, nil
}

// Retry takes the rows that a failed condition showed; the next Txn is built on them. current begins with the rows of
// this write's conditions.
func (w *Write) Retry(current [][]byte) { w.raw = current[:len(w.keys)] }
