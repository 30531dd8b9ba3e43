// Package storepb is the protocol between a calyx process and the store server of a cache folder: messages, generated
// from store.proto, and how the types of packages cas and index are written as such.
package storepb

//go:generate buf generate
//go:generate buf lint

import (
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/index"
	"github.com/calyx-build/calyx/hashing"
)

// Protocol is the version of everything in store.proto but the first message.
const Protocol = 2

const (
	// BeatEvery is the time between two heartbeats of a client.
	BeatEvery = 300 * time.Millisecond
	// Silence is the time after which a side that was not heard of is taken for stopped.
	Silence = 2 * time.Second
	// MessageLimit is the size in bytes that no message reaches. Both sides split what they send long before it.
	MessageLimit = 1 << 30
	// Portion is the size in bytes at which a side begins a new message.
	Portion = 4 << 20
)

// FromRows writes rows as messages.
func FromRows(rows []cas.Row) []*Row {
	messages := make([]*Row, len(rows))
	for i, r := range rows {
		messages[i] = &Row{Key: r.Key, Value: r.Value}
	}
	return messages
}

// ToRows reads what FromRows wrote.
func ToRows(messages []*Row) []cas.Row {
	rows := make([]cas.Row, len(messages))
	for i, m := range messages {
		rows[i] = cas.Row{Key: m.Key, Value: m.Value}
	}
	return rows
}

// FromTxns writes transactions as messages.
func FromTxns(txns []index.Txn) []*Txn {
	messages := make([]*Txn, len(txns))
	for i, t := range txns {
		messages[i] = &Txn{If: FromRows(t.If), Add: FromRows(t.Add), Put: FromRows(t.Put)}
	}
	return messages
}

// ToTxns reads what FromTxns wrote.
func ToTxns(messages []*Txn) []index.Txn {
	txns := make([]index.Txn, len(messages))
	for i, m := range messages {
		txns[i] = index.Txn{If: ToRows(m.If), Add: ToRows(m.Add), Put: ToRows(m.Put)}
	}
	return txns
}

// FromValues writes values, nil where there is none, as messages.
func FromValues(values [][]byte) []*Value {
	messages := make([]*Value, len(values))
	for i, v := range values {
		messages[i] = &Value{Bytes: v}
	}
	return messages
}

// ToValues reads what FromValues wrote.
func ToValues(messages []*Value) [][]byte {
	if len(messages) == 0 {
		return nil
	}
	values := make([][]byte, len(messages))
	for i, m := range messages {
		values[i] = m.Bytes
	}
	return values
}

// FromResults writes the results of transactions as messages.
func FromResults(results []cas.TxnResult) []*TxnResult {
	messages := make([]*TxnResult, len(results))
	for i, r := range results {
		messages[i] = &TxnResult{Applied: r.Applied, Current: FromValues(r.Current)}
	}
	return messages
}

// ToResults reads what FromResults wrote.
func ToResults(messages []*TxnResult) []cas.TxnResult {
	results := make([]cas.TxnResult, len(messages))
	for i, m := range messages {
		results[i] = cas.TxnResult{Applied: m.Applied, Current: ToValues(m.Current)}
	}
	return results
}

// FromDigests writes digests as bytes.
func FromDigests(digests []hashing.Digest) [][]byte {
	var messages [][]byte
	for _, d := range digests {
		messages = append(messages, d[:])
	}
	return messages
}

// ToDigest reads a digest; bytes of another length give the zero digest or one that nobody else has.
func ToDigest(p []byte) hashing.Digest {
	var d hashing.Digest
	copy(d[:], p)
	return d
}

// ToDigests reads what FromDigests wrote.
func ToDigests(messages [][]byte) []hashing.Digest {
	var digests []hashing.Digest
	for _, m := range messages {
		digests = append(digests, ToDigest(m))
	}
	return digests
}
