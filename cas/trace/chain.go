package trace

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/calyx-build/calyx/hashing"
)

// KeyVersion names the encoding of action keys; another one finds nothing that this one recorded.
const KeyVersion = "calyx action 1"

// Entry is what stands under one key of a stage chain.
type Entry struct {
	// Next holds what was asked for after the answers that led here. There is more than one where tasks that had seen the
	// same asked for different things, which a function of its answers does not.
	Next [][]Request `json:"next,omitempty"`
	// Done is the result, where a task ended after the answers that led here.
	Done *Result `json:"done,omitempty"`
	// Hints are the last complete traces, newest first; only under an action key.
	Hints []Trace `json:"hints,omitempty"`
}

// maxHints bounds the complete traces kept under an action key; older ones are still reached through the chain.
const maxHints = 4

// Compare orders requests as they stand in a stage.
func (r Request) Compare(other Request) int {
	return cmp.Or(cmp.Compare(r.Kind, other.Kind), cmp.Compare(r.Subject, other.Subject), cmp.Compare(r.View, other.View))
}

// Sort brings a stage into its canonical form: in order, and each request once.
func (s Stage) Sort() Stage {
	slices.SortFunc(s, func(a, b Observation) int { return a.Compare(b.Request) })
	return slices.CompactFunc(s, func(a, b Observation) bool { return a.Request == b.Request })
}

// OutsideSet is the digest of the blob that says what is asked about, where a request is about what lies outside the workspace.
func (r Request) OutsideSet() (hashing.Digest, bool) {
	if r.Kind != Outside {
		return hashing.Digest{}, false
	}
	d, err := hashing.ParseDigest(r.View)
	return d, err == nil
}

// Requests returns what the stage asked for.
func (s Stage) Requests() []Request {
	out := make([]Request, len(s))
	for i, o := range s {
		out[i] = o.Request
	}
	return out
}

// Next derives the key that follows key once the stage's views have been seen (design: "Keys: the stage chain").
func Next(key hashing.Digest, stage Stage) hashing.Digest {
	buf := make([]byte, 0, 64+64*len(stage))
	buf = append(buf, "calyx chain 1\x00"...)
	buf = append(buf, key[:]...)
	for _, o := range stage {
		buf = append(buf, byte(o.Kind))
		for _, s := range []string{o.Subject, o.View} {
			buf = binary.AppendUvarint(buf, uint64(len(s)))
			buf = append(buf, s...)
		}
		buf = append(buf, o.Digest[:]...)
	}
	return hashing.Sum(buf)
}

// Keys returns the keys of the trace's chain: the action key, then one after each stage.
func (t *Trace) Keys() []hashing.Digest {
	keys := make([]hashing.Digest, 1, len(t.Stages)+1)
	keys[0] = t.Action
	for i, stage := range t.Stages {
		keys = append(keys, Next(keys[i], stage))
	}
	return keys
}

// Add returns the entries under the trace's keys with the trace in them, given those that stand there now (nil where
// there is none), and the result that then holds: the one recorded first, unless replace is true.
func (t *Trace) Add(entries []*Entry, replace bool) ([]*Entry, Result) {
	out := make([]*Entry, len(entries))
	for i, e := range entries {
		out[i] = e.clone()
	}
	for i, stage := range t.Stages {
		out[i].addNext(stage.Requests())
	}
	last := out[len(out)-1]
	if last.Done == nil || replace {
		result := t.Result
		last.Done = &result
	}
	if len(t.Stages) > 0 {
		out[0].addHint(Trace{Action: t.Action, Stages: t.Stages, Result: *last.Done})
	}
	return out, *last.Done
}

// Hinted returns the result of the hint that observed the same, nil where there is none. It is the one that stands under the
// trace's last key, since whoever writes there writes the hint with it.
func (e *Entry) Hinted(stages []Stage) *Result {
	if e == nil {
		return nil
	}
	for i := range e.Hints {
		if SameStages(e.Hints[i].Stages, stages) {
			return &e.Hints[i].Result
		}
	}
	return nil
}

func (e *Entry) clone() *Entry {
	if e == nil {
		return &Entry{}
	}
	return &Entry{Next: slices.Clone(e.Next), Done: e.Done, Hints: slices.Clone(e.Hints)}
}

func (e *Entry) addNext(requests []Request) {
	known := slices.ContainsFunc(e.Next, func(n []Request) bool { return slices.Equal(n, requests) })
	if !known {
		e.Next = append(e.Next, requests)
	}
}

func (e *Entry) addHint(t Trace) {
	e.Hints = slices.DeleteFunc(e.Hints, func(h Trace) bool { return SameStages(h.Stages, t.Stages) })
	e.Hints = slices.Insert(e.Hints, 0, t)
	if len(e.Hints) > maxHints {
		e.Hints = e.Hints[:maxHints]
	}
}

// SameStages reports whether two traces observed the same.
func SameStages(a, b []Stage) bool {
	return slices.EqualFunc(a, b, slices.Equal[Stage])
}

// SameResult reports whether two results give dependents the same value.
func SameResult(a, b Result) bool { return a.Value == b.Value }

// chainKey is the row under which an entry stands.
func chainKey(d hashing.Digest) []byte { return append([]byte{'c'}, d[:]...) }

// nodeKey is the row under which a node's record stands.
func nodeKey(scope Scope, node string) []byte { return append(nodePrefix(scope), node...) }

func nodePrefix(s Scope) []byte {
	return append(append(append([]byte{'n'}, s.Workspace...), s.Instance...), 0)
}

// Scope is whose records are meant: those of one instance in one workspace.
type Scope struct {
	Workspace string // the id of the workspace; all ids have one length
	Instance  string
}

func nodeOf(s Scope, key []byte) string { return string(bytes.TrimPrefix(key, nodePrefix(s))) }
