package executor

import (
	"fmt"
	"slices"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// targets are what requests ask about: for each a node, a leaf, or neither (a parameter's name that is not there).
type targets struct {
	requests []trace.Request
	node     []*node
	leaf     []*leaf
	nodes    []*node // those of node, each once
	leaves   []*leaf
}

// resolve finds what requests ask about.
func (l *loop) resolve(requests []trace.Request) (*targets, error) {
	t := &targets{requests: requests, node: make([]*node, len(requests)), leaf: make([]*leaf, len(requests))}
	for i, r := range requests {
		n, f, err := l.subject(r)
		if err != nil {
			return nil, err
		}
		t.node[i], t.leaf[i] = n, f
		if n != nil && !slices.Contains(t.nodes, n) {
			t.nodes = append(t.nodes, n)
		}
		if f != nil {
			t.leaves = append(t.leaves, f)
		}
	}
	return t, nil
}

// subject finds the node or leaf that a request is about. Reading a path that a step owns is a need of that step.
func (l *loop) subject(r trace.Request) (*node, *leaf, error) {
	switch r.Kind {
	case trace.Node:
		n, err := l.spelled(r.Subject)
		return n, nil, err
	case trace.Param:
		n, err := l.spelled(r.Subject)
		if err == nil && !n.isStored() {
			err = fmt.Errorf("%q is no stored parameter", r.Subject)
		}
		return n, nil, err
	case trace.File, trace.Exists:
		if i, ok := l.g.Owner(r.Subject); ok {
			return l.numbered(i), nil, nil
		}
	}
	kind, ok := leafKinds[r.Kind]
	if !ok {
		return nil, nil, fmt.Errorf("a request of unknown kind %d", r.Kind)
	}
	key := leafKey{kind: kind, subject: r.Subject}
	if r.Kind == trace.Outside {
		key.exclude = r.View
	}
	return nil, l.leaf(key), nil
}

var leafKinds = map[trace.RequestKind]leafKind{
	trace.File: leafFile, trace.Listing: leafListing, trace.Glob: leafMatches, trace.Env: leafEnv, trace.Exists: leafExists, trace.Instance: leafInstance,
	trace.Status: leafStatus, trace.Link: leafLink, trace.Outside: leafOutside, trace.Program: leafProgram, trace.GitIndex: leafIndex,
}

// spelled returns the node that a spelling such as double(x=5) means: with arguments bound, and those left out that say
// what the declaration or the function's defaults say anyway.
func (l *loop) spelled(text string) (*node, error) {
	name, args, err := graph.ParseSpelling(text)
	if err != nil {
		return nil, err
	}
	if n, ok := l.nodes.find(text); ok {
		return n, nil
	}
	if _, ok := l.g.Find(text); ok { // the steps of a matrix have spellings for names
		return l.named(text), nil
	}
	if _, ok := l.g.Find(name); !ok {
		return nil, l.unknown(name)
	}
	base := l.named(name)
	if len(args) == 0 {
		return base, nil
	}
	return l.withArgs(base, args)
}

// unknown says that there is no such node, and which one may be meant.
func (l *loop) unknown(name string) error {
	err := fmt.Errorf("there is no node %q", name)
	if near := graph.Nearest(name, l.g.Names()); near != "" {
		err = fmt.Errorf("%w (did you mean %q?)", err, near)
	}
	return err
}

// nearestOf is the first step of a matrix that has most of some arguments.
func nearestOf(steps []graph.Ref, args []graph.NamedLiteral) (near string) {
	most := -1
	for _, r := range steps {
		t, err := graph.ParseTarget(r.Node)
		if err != nil {
			continue
		}
		n := 0
		for _, a := range args {
			if slices.ContainsFunc(t.Args, func(b graph.NamedLiteral) bool {
				return graph.Spell("", []graph.NamedLiteral{a}) == graph.Spell("", []graph.NamedLiteral{b})
			}) {
				n++
			}
		}
		if n > most {
			most, near = n, r.Node
		}
	}
	return near
}

func (l *loop) withArgs(base *node, args []graph.NamedLiteral) (*node, error) {
	if base.isList() {
		name := graph.Spell(base.name, args)
		if _, ok := l.g.Find(name); ok {
			return l.named(name), nil
		}
		return nil, &TargetError{Target: name, Near: nearestOf(base.decl().List, args)}
	}
	if !base.call {
		return nil, &FunctionError{fmt.Errorf("node %q takes no arguments: it is no function of a plugin", base.name)}
	}
	decl := base.hold() // that all who are called share
	var given hashing.Map
	var left []graph.NamedLiteral
	for _, a := range args {
		if err := mayBeGiven(base.name, decl.Step, a.Name); err != nil {
			return nil, err
		}
		if !declares(decl.Step, a) {
			given = append(given, argument{Key: a.Name, Value: a.Value.V})
			left = append(left, a)
		}
	}
	if len(left) == 0 {
		return base, nil
	}
	name := graph.Spell(base.name, left)
	if n, ok := l.nodes.find(name); ok {
		return n, nil
	}
	n := newNode(name, decl)
	n.args = given
	return l.nodes.add(name, n), nil
}

// mayBeGiven reports an argument for which a function that is known as a whole has no parameter.
func mayBeGiven(node string, s *graph.Step, name string) error {
	known := slices.Clone(s.Open)
	for _, a := range s.Args {
		known = append(known, a.Name)
	}
	if !s.Whole || slices.Contains(known, name) {
		return nil
	}
	err := fmt.Errorf("node %q has no parameter %q", node, name)
	if near := graph.Nearest(name, known); near != "" {
		err = fmt.Errorf("%w (did you mean %q?)", err, near)
	}
	return &FunctionError{err}
}

// argument is one of a call's arguments.
type argument = hashing.Pair

// declares reports whether a step's declaration gives the argument that very value.
func declares(s *graph.Step, a graph.NamedLiteral) bool {
	for _, d := range s.Args {
		if d.Name == a.Name && d.Expr.Kind == graph.Constant {
			return graph.SpellLiteral(d.Expr.Value.V) == graph.SpellLiteral(a.Value.V)
		}
	}
	return false
}

// arguments are the arguments of a function's call, sorted by name: those given over those declared.
func (n *node) arguments() []graph.Arg { return n.argumentsOf(n.decl().Step) }

func (n *node) argumentsOf(s *graph.Step) []graph.Arg {
	var all []graph.Arg
	for _, a := range s.Args {
		if !n.given(a.Name) {
			all = append(all, a)
		}
	}
	for _, p := range n.args {
		all = append(all, graph.Arg{Name: p.Key, Expr: graph.Expr{Kind: graph.Constant, Value: graph.Literal{V: p.Value}}})
	}
	slices.SortFunc(all, func(a, b graph.Arg) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return all
}

// observedBy notes what a trace observed: its edges.
func (l *loop) observedBy(n *node, stages []trace.Stage) {
	n.observed, n.observedLeaves = nil, nil
	for _, stage := range stages {
		t, err := l.resolve(stage.Requests())
		if err != nil {
			continue // a need of a node that is not there: its failure was observed, and nothing was recorded
		}
		for _, d := range t.nodes {
			if !slices.Contains(n.observed, d) {
				n.observed = append(n.observed, d)
			}
		}
		n.observedLeaves = append(n.observedLeaves, t.leaves...)
	}
}
