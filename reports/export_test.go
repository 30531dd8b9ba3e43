package reports

import (
	"bytes"
	"time"
)

// Merge adds what later runs told.
func (n NodeTimes) Merge(later NodeTimes) NodeTimes { return n.merge(later) }

// Alive reports whether a process somewhere is taken for alive.
func Alive(at string, seen, now time.Time) bool {
	return process{ID: 1 << 30, Place: at}.alive(place(), seen, now)
}

// ReadTable opens data as a table of times and reports whether it is one, and holds what it says.
func ReadTable(data []byte) (isTable, consistent bool) {
	t := openTable(data)
	consistent = true
	all := make(map[string]NodeTimes, t.len())
	for i := range t.len() {
		all[t.name(i)] = t.times(i)
		_, found := t.find(t.name(i))
		consistent = consistent && found
	}
	return t != nil, consistent && len(all) == t.len() && (t == nil || len(newTable(all)) == len(t) && bytes.Equal(newTable(all)[:16], t[:16]))
}

// NewTable encodes times.
func NewTable(all map[string]NodeTimes) []byte { return newTable(all) }

// ReadRows reads data as each kind of row.
func ReadRows(data []byte) (spans int, head bool) {
	var c codec
	_, head = decodeHead(data)
	return len(c.unpackSpans(data)), head
}

// PackSpans encodes spans as a row.
func PackSpans(spans []Span) []byte {
	var c codec
	row, err := c.packSpans(spans)
	if err != nil {
		panic(err)
	}
	return row
}
