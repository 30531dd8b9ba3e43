package trace

import (
	"context"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/rows"
)

// Kept is what a workspace keeps of a record of a node when another one takes its place, so that it can be taken up again.
type Kept struct {
	Action hashing.Digest `json:"action"`
	Result Result         `json:"result"`
	// From is the id of the record whose place it took, and Chain why: whoever takes it up again in the place of that one
	// does so for the same reason.
	From  hashing.Digest   `json:"from,omitzero"`
	Chain []RecordedReason `json:"chain"`
	// What few ask for stays encoded: see Record.
	Stages     cbor.RawMessage `json:"stages,omitempty"`
	Components cbor.RawMessage `json:"components"`
	Seen       cbor.RawMessage `json:"seen,omitempty"`
}

// keptKey is the row of what is kept of a node's record; id tells the node's records apart.
func keptKey(s Scope, node string, id hashing.Digest) []byte {
	key := nodeKey(s, node)
	key[0] = 'w'
	return append(key, id[:]...)
}

// KeptRow is the row that keeps a record under an id of the caller's.
func KeptRow(s Scope, node string, id hashing.Digest, r *NodeRecord) (cas.Row, error) {
	value, err := rows.Marshal(struct {
		Trace
		Components []Component      `json:"components"`
		Seen       []Component      `json:"seen,omitempty"`
		From       hashing.Digest   `json:"from,omitzero"`
		Chain      []RecordedReason `json:"chain"`
	}{r.Trace, r.Components, r.Seen, r.From, r.Chain})
	if err != nil {
		return cas.Row{}, fmt.Errorf("encode the record of node %q: %w", node, err)
	}
	return cas.Row{Key: keptKey(s, node, id), Value: value}, nil
}

// ReferTo is the row of a record that says the same as what is kept under an id, beside what is of the moment.
func ReferTo(s Scope, node string, id hashing.Digest, r *NodeRecord) (cas.Row, error) {
	return RecordRow(s, node, &NodeRecord{
		Trace: Trace{Action: r.Action}, Ref: id,
		Outcome: r.Outcome, Run: r.Run, At: r.At, Executions: r.Executions, Varies: r.Varies,
	})
}

// Pair asks for a node's record and for what is kept of another one.
type Pair struct {
	Node string
	ID   hashing.Digest
}

// Pairs returns both, in order; nil where there is none. A record that refers to what is kept of it is not filled in: Fill
// does it.
func (db *DB) Pairs(ctx context.Context, s Scope, asked []Pair) (records []*NodeRecord, kept []*Kept, err error) {
	keys := make([][]byte, 0, 2*len(asked))
	for _, p := range asked {
		keys = append(keys, nodeKey(s, p.Node), keptKey(s, p.Node, p.ID))
	}
	found, err := db.store.Rows(ctx, keys...)
	if err != nil {
		return nil, nil, fmt.Errorf("look up records: %w", err)
	}
	records, kept = make([]*NodeRecord, len(asked)), make([]*Kept, len(asked))
	for i := range asked {
		records[i] = decodeRecord(found[2*i])
		kept[i] = decodeKept(found[2*i+1])
	}
	return records, kept, nil
}

func decodeKept(row []byte) *Kept {
	var k Kept
	if row == nil || rows.Unmarshal(row, &k) != nil {
		return nil
	}
	return &k
}

// Record returns the record as far as it is kept; nil where it is damaged.
func (k *Kept) Record() *NodeRecord {
	r := &NodeRecord{}
	if !r.fill(k) {
		return nil
	}
	return r
}

// Fill fills in, for the nodes' records that refer to what is kept of them, what they leave out. One that cannot be filled in
// becomes nil.
func (db *DB) Fill(ctx context.Context, s Scope, nodes []string, records []*NodeRecord) error {
	var keys [][]byte
	var at []int
	for i, r := range records {
		if r != nil && !r.Ref.IsZero() {
			keys = append(keys, keptKey(s, nodes[i], r.Ref))
			at = append(at, i)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	found, err := db.store.Rows(ctx, keys...)
	if err != nil {
		return fmt.Errorf("look up records: %w", err)
	}
	for j, i := range at {
		if k := decodeKept(found[j]); k == nil || !records[i].fill(k) {
			records[i] = nil
		}
	}
	return nil
}

func (r *NodeRecord) fill(k *Kept) (ok bool) {
	r.Trace = Trace{Action: k.Action, Result: k.Result}
	r.From, r.Chain = k.From, k.Chain
	if len(k.Chain) > 0 {
		r.Reason = k.Chain[0]
	}
	return decodePart(k.Stages, &r.Stages) && decodePart(k.Components, &r.Components) && decodePart(k.Seen, &r.Seen)
}

func decodePart(encoded cbor.RawMessage, into any) bool {
	return len(encoded) == 0 || rows.Unmarshal(encoded, into) == nil
}
