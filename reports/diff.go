package reports

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
)

// Side is one of two things to compare: a run, or an instance as it stands.
type Side struct {
	Name  string
	Head  *Head // of a run; nil for an instance
	nodes map[string]*sideNode
}

// sideNode is a node on one side.
type sideNode struct {
	value trace.Value
	known bool  // it has a value
	span  *Span // what became of it in the run itself; nil where it was fresh, or not asked for
}

// RunSide is a run with the values that its instance's nodes had after it, as far as the recorded runs up to it tell.
func RunSide(ctx context.Context, store cas.Store, workspace string, run Head) (*Side, error) {
	runs, err := Recent(ctx, store, workspace, run.Run, maxRuns, maxSpans)
	if err != nil {
		return nil, err
	}
	return sideOf(runs), nil
}

// sideOf makes a side of a run and those before it, newest first.
func sideOf(runs []*Run) *Side {
	s := &Side{Name: runs[0].Run, Head: &runs[0].Head, nodes: map[string]*sideNode{}}
	for at, r := range runs {
		for i := range r.Spans {
			span := &r.Spans[i]
			if span.Outcome == "" {
				continue
			}
			n := s.node(span.Node)
			if at == 0 {
				n.span = span
			}
			if !n.known && (span.Outcome == executor.Executed || span.Outcome == executor.Cached) {
				n.value, n.known = span.Value, true
			}
		}
	}
	return s
}

// InstanceSide is an instance with the values that its nodes have now.
func InstanceSide(ctx context.Context, store cas.Store, scope trace.Scope) (*Side, error) {
	s := &Side{Name: "instance:" + scope.Instance, nodes: map[string]*sideNode{}}
	err := trace.NewDB(store).AllRecords(ctx, scope, func(node string, r *trace.NodeRecord) bool {
		n := s.node(node)
		n.value, n.known = r.Result.Value, r.Failure == ""
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read instance %q: %w", scope.Instance, err)
	}
	return s, nil
}

// Empty reports whether nothing is known of any node.
func (s *Side) Empty() bool { return len(s.nodes) == 0 }

func (s *Side) node(name string) *sideNode {
	n := s.nodes[name]
	if n == nil {
		n = &sideNode{}
		s.nodes[name] = n
	}
	return n
}

// Change tells how a node's value differs between two sides.
type Change string

// The changes; their spelling is part of the command line's contract.
const (
	Same    Change = "same"
	Changed Change = "changed"
	OnlyA   Change = "only-a" // it has a value on this side alone
	OnlyB   Change = "only-b"
	NoValue Change = "no-value" // it has one on neither side
)

// Difference is what two sides differ in; as JSON it is what `diff --json` prints.
type Difference struct {
	A string `json:"a"`
	B string `json:"b"`
	// ASeconds and BSeconds are how long runs took; 0 for instances.
	ASeconds float64 `json:"a_seconds"`
	BSeconds float64 `json:"b_seconds"`
	// Nodes are those that took part in one of the runs or whose values differ, by name.
	Nodes   []NodeDifference `json:"nodes"`
	Changed int              `json:"changed"` // values that differ, or are on one side alone
}

// NodeDifference is one node of a difference.
type NodeDifference struct {
	Node   string   `json:"node"`
	Change Change   `json:"change"`
	A      NodeSide `json:"a"`
	B      NodeSide `json:"b"`
}

// NodeSide is a node on one side of a difference.
type NodeSide struct {
	// Outcome is empty where the node was fresh in the run or not asked for, and for instances.
	Outcome executor.NodeOutcome `json:"outcome,omitempty"`
	Reason  *graph.Reason        `json:"reason,omitempty"`
	Value   string               `json:"value,omitempty"` // the printed digest
	Seconds float64              `json:"seconds"`         // of the execution in the run
}

// Diff compares two sides.
func Diff(a, b *Side) *Difference {
	d := &Difference{A: a.Name, B: b.Name, Nodes: []NodeDifference{}}
	if a.Head != nil {
		d.ASeconds = a.Head.Seconds
	}
	if b.Head != nil {
		d.BSeconds = b.Head.Seconds
	}
	for name, n := range a.nodes {
		d.add(name, n, b.nodes[name])
	}
	for name, n := range b.nodes {
		if a.nodes[name] == nil {
			d.add(name, nil, n)
		}
	}
	slices.SortFunc(d.Nodes, func(x, y NodeDifference) int { return strings.Compare(x.Node, y.Node) })
	return d
}

func (d *Difference) add(name string, a, b *sideNode) {
	a, b = cmp.Or(a, &sideNode{}), cmp.Or(b, &sideNode{})
	change := changeOf(a, b)
	switch change {
	case Changed, OnlyA, OnlyB:
		d.Changed++
	default:
		if a.span == nil && b.span == nil {
			return
		}
	}
	d.Nodes = append(d.Nodes, NodeDifference{Node: name, Change: change, A: a.side(), B: b.side()})
}

func changeOf(a, b *sideNode) Change {
	switch {
	case a.known && b.known && a.value == b.value:
		return Same
	case a.known && b.known:
		return Changed
	case a.known:
		return OnlyA
	case b.known:
		return OnlyB
	}
	return NoValue
}

func (n *sideNode) side() NodeSide {
	var s NodeSide
	if n.known && !n.value.Digest.IsZero() {
		s.Value = n.value.Digest.String()
	}
	if n.span != nil {
		s.Outcome, s.Seconds = n.span.Outcome, n.span.Took.Seconds()
		if n.span.Reason.Kind != "" {
			s.Reason = &n.span.Reason
		}
	}
	return s
}
