package reports

import (
	"context"
	"fmt"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
)

// NodeTimes sums up the successful executions of one node in all runs of an instance, in seconds.
type NodeTimes struct {
	Count  int // executions
	Reused int // how often the cache had the result that a new state asked for
	Least  float64
	Most   float64
	Last   float64
	Total  float64
	// Self is the part of Last in which the node did not wait for needs.
	Self float64
	At   time.Time // of the last execution or reuse, to the second
}

// Mean is the mean time of an execution in seconds, 0 where there was none. Rounding takes it no further than Least and
// Most.
func (n NodeTimes) Mean() float64 {
	if n.Count == 0 {
		return 0
	}
	return min(max(n.Least, n.Total/float64(n.Count)), n.Most)
}

// HitRate is, of the times at which the result that stood in the workspace no longer did, the share for which the cache
// had another. Runs in which the node was simply fresh asked nothing of the cache and do not count.
func (n NodeTimes) HitRate() float64 {
	if n.Count+n.Reused == 0 {
		return 0
	}
	return float64(n.Reused) / float64(n.Count+n.Reused)
}

func executedOnce(s *Span, at time.Time) NodeTimes {
	took := s.Took.Seconds()
	return NodeTimes{Count: 1, Least: took, Most: took, Last: took, Total: took, Self: s.Self.Seconds(), At: at}
}

// merge adds what later runs told.
func (n NodeTimes) merge(later NodeTimes) NodeTimes {
	sum := later
	sum.Count, sum.Reused, sum.Total = n.Count+later.Count, n.Reused+later.Reused, n.Total+later.Total
	if n.At.After(later.At) {
		sum.At = n.At
	}
	switch {
	case n.Count == 0:
	case later.Count == 0:
		sum.Least, sum.Most, sum.Last, sum.Self = n.Least, n.Most, n.Last, n.Self
	default:
		sum.Least, sum.Most = min(n.Least, later.Least), max(n.Most, later.Most)
		if n.At.After(later.At) {
			sum.Last, sum.Self = n.Last, n.Self
		}
	}
	return sum
}

// Times is what is known of the times of an instance's nodes. It does not change, and is safe for concurrent use.
type Times struct {
	base  table                // of earlier runs
	later map[string]NodeTimes // of the runs since, over base
}

// The row `t` + workspace + instance + 0 holds the times of many runs; the same key + a run's id those of one run that are
// not folded into it yet.
func timesKey(s trace.Scope, run string) []byte {
	key := append(append([]byte{'t'}, s.Workspace...), s.Instance...)
	return append(append(key, 0), run...)
}

const (
	// foldRuns and foldBytes are how many runs' rows, and how many bytes in them, stand beside the base row at most.
	foldRuns  = 16
	foldBytes = 64 << 10
	// maxTimed is how many nodes' times are kept; those seen last stay.
	maxTimed = 200_000
)

// LoadTimes reads the times of the scope's nodes, in one read. What cannot be read counts as not known.
func LoadTimes(ctx context.Context, store cas.Store, s trace.Scope) (*Times, error) {
	var c codec
	rows, err := readTimes(ctx, store, s)
	if err != nil {
		return nil, err
	}
	rows.open(&c)
	return &Times{base: rows.base, later: rows.later()}, nil
}

// Seconds returns how long the last execution of a node worked, waiting for needs not counted: what an estimate or a
// schedule wants to know.
func (t *Times) Seconds(node string) (seconds float64, ok bool) {
	n, ok := t.Of(node)
	return n.Self, ok && n.Count > 0
}

// Of returns all that is known of a node's times.
func (t *Times) Of(node string) (NodeTimes, bool) {
	if n, ok := t.later[node]; ok {
		return n, true
	}
	return t.base.find(node)
}

// timesRows are the rows of one scope as they stand.
type timesRows struct {
	baseRow []byte // as stored; nil: none
	runRows [][]byte
	keys    [][]byte // of runs
	bytes   int      // in the rows of runs
	// What the rows hold, once they are open.
	base table
	runs []table
}

// open unpacks the rows, which takes much longer than reading them.
func (r *timesRows) open(c *codec) {
	r.base = openTable(c.unpack(r.baseRow))
	for _, row := range r.runRows {
		r.runs = append(r.runs, openTable(c.unpack(row)))
	}
}

func readTimes(ctx context.Context, store cas.Store, s trace.Scope) (timesRows, error) {
	var found timesRows
	prefix := timesKey(s, "")
	err := store.Scan(ctx, prefix, func(key, value []byte) bool {
		row := append([]byte{}, value...)
		if len(key) == len(prefix) {
			found.baseRow = row
			return true
		}
		found.runRows = append(found.runRows, row)
		found.keys = append(found.keys, append([]byte{}, key...))
		found.bytes += len(value)
		return true
	})
	if err != nil {
		return found, fmt.Errorf("read the times of nodes: %w", err)
	}
	return found, nil
}

// later returns the times of the nodes in the runs' rows, merged over the base.
func (r *timesRows) later() map[string]NodeTimes {
	later := map[string]NodeTimes{}
	for _, t := range r.runs {
		for i := range t.len() {
			name := t.name(i)
			known, ok := later[name]
			if !ok {
				known, _ = r.base.find(name)
			}
			later[name] = known.merge(t.times(i))
		}
	}
	return later
}

// foldTimes merges the rows of runs into the base row once they are many. Where another process does it at the same time,
// one of the two changes nothing.
func foldTimes(ctx context.Context, store cas.Store, c *codec, s trace.Scope) error {
	found, err := readTimes(ctx, store, s)
	if err != nil || len(found.runRows) < foldRuns && found.bytes < foldBytes {
		return err
	}
	found.open(c)
	all := found.later()
	for i := range found.base.len() {
		name := found.base.name(i)
		if _, ok := all[name]; !ok {
			all[name] = found.base.times(i)
		}
	}
	forgetOldest(all, maxTimed)
	key := timesKey(s, "")
	txn := cas.Txn{
		If:  []cas.Row{{Key: key, Value: found.baseRow}},
		Put: []cas.Row{{Key: key, Value: c.pack(newTable(all))}},
	}
	for _, k := range found.keys {
		txn.Put = append(txn.Put, cas.Row{Key: k})
	}
	if _, err := cas.Commit(ctx, store, txn); err != nil {
		return fmt.Errorf("record the times of nodes: %w", err)
	}
	return nil
}
