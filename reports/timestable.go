package reports

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"sort"
	"strings"
	"time"
)

// table is the times of nodes as bytes that are searched where they lie, so that a build which asks for ten of a hundred
// thousand nodes pays for ten:
//
//	magic, number of nodes n, n+1 ends of names (uint32), names in order, n records
//
// A record is count, reused (uint32), total, least, most, last, self (float64), seconds since 1970 (uint32), all
// little-endian. The empty table has no bytes at all.
type table []byte

const (
	tableMagic = "calyx times 2\n\x00\x00"
	tableHead  = len(tableMagic) + 4
	recordSize = 4 + 4 + 5*8 + 4
)

// newTable makes a table of all entries.
func newTable(all map[string]NodeTimes) table {
	names := slices.Sorted(maps.Keys(all))
	t := make(table, 0, tableHead+len(names)*(recordSize+36))
	t = append(t, tableMagic...)
	t = binary.LittleEndian.AppendUint32(t, uint32(len(names)))
	end := uint32(0)
	t = binary.LittleEndian.AppendUint32(t, end)
	for _, name := range names {
		end += uint32(len(name))
		t = binary.LittleEndian.AppendUint32(t, end)
	}
	for _, name := range names {
		t = append(t, name...)
	}
	for _, name := range names {
		t = t.appendRecord(all[name])
	}
	return t
}

func (t table) appendRecord(n NodeTimes) table {
	t = binary.LittleEndian.AppendUint32(t, uint32(n.Count))
	t = binary.LittleEndian.AppendUint32(t, uint32(n.Reused))
	for _, f := range []float64{n.Total, n.Least, n.Most, n.Last, n.Self} {
		t = binary.LittleEndian.AppendUint64(t, math.Float64bits(f))
	}
	return binary.LittleEndian.AppendUint32(t, uint32(n.At.Unix()))
}

// openTable checks that data is a table; other data is taken for the empty one.
func openTable(data []byte) table {
	t := table(data)
	if len(t) < tableHead+4 || !bytes.HasPrefix(t, []byte(tableMagic)) {
		return nil
	}
	n := uint64(binary.LittleEndian.Uint32(t[len(tableMagic):]))
	fixed := uint64(tableHead) + 4*(n+1) + recordSize*n
	if fixed > uint64(len(t)) || uint64(t.end(int(n))) != uint64(len(t))-fixed || !t.ordered() {
		return nil
	}
	return t
}

// ordered reports whether the names lie where they should, each once and in order.
func (t table) ordered() bool {
	n := t.len()
	if t.end(0) != 0 {
		return false
	}
	for i := range n {
		if t.end(i) > t.end(i+1) || t.end(i+1) > t.end(n) {
			return false
		}
		if i > 0 && bytes.Compare(t.bytes(i-1), t.bytes(i)) >= 0 {
			return false
		}
	}
	return true
}

func (t table) len() int {
	if len(t) == 0 {
		return 0
	}
	return int(binary.LittleEndian.Uint32(t[len(tableMagic):]))
}

// end is where name i-1 ends, and name i begins, among the names.
func (t table) end(i int) int { return int(binary.LittleEndian.Uint32(t[tableHead+4*i:])) }

func (t table) bytes(i int) []byte {
	names := tableHead + 4*(t.len()+1)
	return t[names+t.end(i) : names+t.end(i+1)]
}

func (t table) name(i int) string { return string(t.bytes(i)) }

func (t table) times(i int) NodeTimes {
	le := binary.LittleEndian
	r := t[len(t)-(t.len()-i)*recordSize:]
	seconds := func(at int) float64 { return math.Float64frombits(le.Uint64(r[at:])) }
	return NodeTimes{
		Count: int(le.Uint32(r)), Reused: int(le.Uint32(r[4:])), Total: seconds(8),
		Least: seconds(16), Most: seconds(24), Last: seconds(32), Self: seconds(40), At: time.Unix(int64(le.Uint32(r[48:])), 0),
	}
}

func (t table) find(name string) (NodeTimes, bool) {
	sought := []byte(name)
	i, ok := sort.Find(t.len(), func(i int) int { return bytes.Compare(sought, t.bytes(i)) })
	if !ok {
		return NodeTimes{}, false
	}
	return t.times(i), true
}

// forgetOldest drops the entries that were seen longest ago until at most n are left.
func forgetOldest(all map[string]NodeTimes, n int) {
	if len(all) <= n {
		return
	}
	names := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(all[a].At.Compare(all[b].At), strings.Compare(a, b))
	})
	for _, name := range names[:len(all)-n] {
		delete(all, name)
	}
}
