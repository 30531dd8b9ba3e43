package calyxfile

import (
	"errors"
	"fmt"
	"sort"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/calyx-build/calyx/graph"
)

// opaque is what the values of this package have in common: they are immutable and cannot be keys.
type opaque struct{}

func (opaque) Freeze()               {}
func (opaque) Truth() starlark.Bool  { return true }
func (opaque) Hash() (uint32, error) { return 0, errors.New("it cannot be a key or a member of a set") }

// handle is a node in a Calyxfile: what stored() and step() return, or one output of it.
type handle struct {
	opaque
	e      *evaluation
	node   *declared
	output string // the name of an output; empty: the whole value
	mark   string // the placeholder, once there is one
}

var (
	_ starlark.Mapping    = (*handle)(nil)
	_ starlark.HasBinary  = (*handle)(nil)
	_ starlark.Comparable = (*handle)(nil)
)

// Hash refuses a node as a key.
func (h *handle) Hash() (uint32, error) {
	return 0, errors.New(h.noValue("is used as a key or a member of a set"))
}

func (h *handle) ref() graph.Ref { return graph.Ref{Node: h.node.Name, Output: h.output} }

// Type is the type's name in messages.
func (h *handle) Type() string { return "node" }

// String leaves a placeholder.
func (h *handle) String() string {
	if h.mark == "" {
		h.mark = h.e.place(&mark{node: h.node, expr: graph.Expr{Kind: graph.Reference, Ref: h.ref()}})
	}
	return h.mark
}

// noValue is the message where a node is used as if its value were known.
func (h *handle) noValue(what string) string {
	msg := fmt.Sprintf("node %q %s: it has no value yet while the Calyxfile is evaluated", refName(h.ref()), what)
	if h.node.Stored != nil {
		msg += fmt.Sprintf("; value(%s) reads it", h.node.Name)
	}
	return msg
}

// Truth reports the error itself: Starlark has no other way to refuse a truth value.
func (h *handle) Truth() starlark.Bool {
	h.e.add(Error{Pos: h.e.here(), Msg: h.noValue("is used as a truth value")})
	return true
}

// CompareSameType refuses to compare nodes.
func (h *handle) CompareSameType(syntax.Token, starlark.Value, int) (bool, error) {
	return false, errors.New(h.noValue("is compared"))
}

// Binary joins a node with a string, and refuses to calculate.
func (h *handle) Binary(op syntax.Token, y starlark.Value, side starlark.Side) (starlark.Value, error) {
	text, ok := y.(starlark.String)
	switch {
	case op != syntax.PLUS || !ok:
		return nil, errors.New(h.noValue("is an operand of " + op.String()))
	case side == starlark.Left:
		return starlark.String(h.String()) + text, nil
	}
	return text + starlark.String(h.String()), nil
}

// Get implements node["output"].
func (h *handle) Get(key starlark.Value) (starlark.Value, bool, error) {
	name, ok := starlark.AsString(key)
	if !ok || h.output != "" || h.node.Step == nil {
		return nil, false, fmt.Errorf("%s has no parts; the outputs of a step are taken by name, train[\"metrics.json\"]", h.node)
	}
	names := h.node.outputNames()
	for _, n := range names {
		if n == name {
			return &handle{e: h.e, node: h.node, output: name}, true, nil
		}
	}
	if h.node.bad {
		return h, true, nil
	}
	return nil, false, fmt.Errorf("%s has no output %q%s", h.node, name, nearest(name, names))
}

// output is what out() and outdir() return.
type output struct {
	opaque
	e *evaluation
	graph.Output
	mark string
}

// Type is the type's name in messages.
func (o *output) Type() string { return "output" }

// String leaves a placeholder.
func (o *output) String() string {
	if o.mark == "" {
		o.mark = o.e.place(&mark{out: o, expr: graph.Expr{Kind: graph.OutputPath, Text: o.Path}})
	}
	return o.mark
}

// poolValue is what pool() returns.
type poolValue struct {
	opaque
	name string
}

func (p *poolValue) Type() string   { return "pool" }
func (p *poolValue) String() string { return fmt.Sprintf("pool(%q)", p.name) }

// pluginValue is what plugin() returns; its attributes are its functions.
type pluginValue struct {
	opaque
	name string
}

func (p *pluginValue) Type() string        { return "plugin" }
func (p *pluginValue) String() string      { return fmt.Sprintf("plugin(%q)", p.name) }
func (p *pluginValue) AttrNames() []string { return nil }

// Attr returns a function; whether the plugin has it is seen when the plugin describes itself.
func (p *pluginValue) Attr(name string) (starlark.Value, error) {
	return &functionValue{call: graph.Call{Plugin: p.name, Function: name}}, nil
}

// functionValue is a plugin's function.
type functionValue struct {
	opaque
	call graph.Call
}

func (f *functionValue) Type() string   { return "plugin function" }
func (f *functionValue) String() string { return f.call.Plugin + "." + f.call.Function }

// section is a mapping in a params file, or what a plugin declares: its attributes are nodes and further sections.
type section struct {
	opaque
	kind    string // the function that made it
	name    string
	members map[string]starlark.Value
	// whole are members by names with points, where the section has such.
	whole map[string]starlark.Value
}

// named makes a member reachable by its whole name.
func (s *section) named(name string, v starlark.Value) {
	if s.whole == nil {
		s.whole = map[string]starlark.Value{}
	}
	s.whole[name] = v
}

func (s *section) Type() string   { return s.kind }
func (s *section) String() string { return fmt.Sprintf("%s(%q)", s.kind, s.name) }

// AttrNames lists the members for dir() and for suggestions.
func (s *section) AttrNames() []string {
	names := make([]string, 0, len(s.members))
	for n := range s.members {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Attr returns a member; nil makes Starlark suggest the nearest one.
func (s *section) Attr(name string) (starlark.Value, error) { return s.members[name], nil }

// Get makes members whose names are no identifiers reachable.
func (s *section) Get(key starlark.Value) (starlark.Value, bool, error) {
	name, _ := starlark.AsString(key)
	v, ok := s.members[name]
	if !ok {
		v, ok = s.whole[name]
	}
	return v, ok, nil
}
