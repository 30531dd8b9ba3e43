package trace

import (
	"fmt"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing/rows"
)

// Rows returns the rows that keep the trace alone, as they would stand in an empty store.
func (t *Trace) Rows() ([]cas.Row, error) {
	keys := t.Keys()
	entries, _ := t.Add(make([]*Entry, len(keys)), false)
	all := make([]cas.Row, len(keys))
	for i, e := range entries {
		value, err := rows.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("encode a trace: %w", err)
		}
		all[i] = cas.Row{Key: chainKey(keys[i]), Value: value}
	}
	return all, nil
}

// IsRow reports whether a row is one that keeps traces, and can be read.
func IsRow(key, value []byte) bool {
	return len(key) == len(chainKey(Trace{}.Action)) && key[0] == 'c' && DecodeEntry(value) != nil
}
