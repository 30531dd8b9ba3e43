package calyxfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// axis is one entry of a matrix: a name and the values that it takes.
type axis struct {
	name   string
	values []graph.Literal
}

// axes parses a matrix. It is never nil where it is there.
func (e *evaluation) axes(v starlark.Value) ([]axis, error) {
	dict, ok := v.(*starlark.Dict)
	if !ok {
		return nil, want("a dictionary of lists", v)
	}
	if dict.Len() == 0 {
		return nil, errors.New("it has no entries")
	}
	axes, combinations := []axis{}, 1
	for _, kv := range dict.Items() {
		a, err := e.axis(kv[0], kv[1])
		if err != nil {
			return nil, err
		}
		if combinations *= len(a.values); combinations > maxNodes {
			return nil, fmt.Errorf("it has more than %d combinations", maxNodes)
		}
		axes = append(axes, a)
	}
	return axes, nil
}

func (e *evaluation) axis(key, v starlark.Value) (axis, error) {
	name, err := e.plain(key)
	if err == nil && !variablePattern.MatchString(name) {
		err = fmt.Errorf("%q is no name", name)
	}
	if err != nil {
		return axis{}, err
	}
	list, ok := sequence(v)
	if !ok {
		return axis{}, fmt.Errorf("%s: %w", name, want("a list", v))
	}
	a := axis{name: name, values: make([]graph.Literal, list.Len())}
	spelled := map[string]bool{}
	for i := range a.values {
		plain, err := e.literal(list.Index(i))
		if err != nil {
			return axis{}, fmt.Errorf("%s: %w", name, err)
		}
		if _, ok := graph.Word(plain); !ok {
			return axis{}, fmt.Errorf("%s: %w", name, want("strings, numbers and booleans", list.Index(i)))
		}
		text := graph.SpellLiteral(plain)
		if spelled[text] {
			return axis{}, fmt.Errorf("%s: %s is there twice", name, text)
		}
		spelled[text], a.values[i].V = true, plain
	}
	return a, nil
}

// declareMatrix declares the list and one step for each combination; the last entry varies fastest.
func (s *stepSpec) declareMatrix() *handle {
	list := &declared{Node: &graph.Node{Name: s.name, Pos: s.pos, Doc: s.doc, List: []graph.Ref{}}, spec: s, bad: s.failed}
	if s.name != "" {
		s.declare(list)
	}
	combination := make([]graph.Arg, len(s.axes))
	var declareFrom func(i int)
	declareFrom = func(i int) {
		if i < len(s.axes) {
			for _, v := range s.axes[i].values {
				combination[i] = graph.Arg{Name: s.axes[i].name, Expr: graph.Expr{Value: v}}
				declareFrom(i + 1)
			}
			return
		}
		d := s.declareOne(spellCombination(s.name, combination), slices.Clone(combination))
		list.List = append(list.List, graph.Ref{Node: d.Name})
	}
	declareFrom(0)
	list.bad = s.failed
	return &handle{e: s.e, node: list}
}

func spellCombination(name string, combination []graph.Arg) string {
	args := make([]graph.NamedLiteral, len(combination))
	for i, a := range combination {
		args[i] = graph.NamedLiteral{Name: a.Name, Value: a.Expr.Value}
	}
	return graph.Spell(name, args)
}

// fill replaces {name} by the combination's value of that name; after a $ it is the shell's.
func (r *resolver) fill(text string) string {
	if len(r.combination) == 0 || strings.IndexByte(text, '{') < 0 {
		return text
	}
	var b strings.Builder
	for at := 0; at < len(text); {
		name := placeholder(text, at)
		if value, ok := r.value(name); ok {
			b.WriteString(value)
			at += len(name) + 2
			continue
		}
		b.WriteByte(text[at])
		at++
	}
	return b.String()
}

func (r *resolver) value(name string) (string, bool) {
	for _, a := range r.combination {
		if a.Name == name {
			return graph.Word(a.Expr.Value.V)
		}
	}
	return "", false
}

// whole returns the value, with its type, of an expression that is nothing but {name}.
func (r *resolver) whole(x graph.Expr) (any, bool) {
	text, ok := x.Value.V.(string)
	if !ok || x.Kind != graph.Constant {
		return nil, false
	}
	for _, a := range r.combination {
		if text == "{"+a.Name+"}" {
			return a.Expr.Value.V, true
		}
	}
	return nil, false
}

// literal fills the strings in a plain value.
func (r *resolver) literal(v any) any {
	if len(r.combination) == 0 {
		return v
	}
	switch v := v.(type) {
	case string:
		return r.fill(v)
	case []any:
		filled := make([]any, len(v))
		for i := range v {
			filled[i] = r.literal(v[i])
		}
		return filled
	case hashing.Map:
		filled := make(hashing.Map, len(v))
		for i, p := range v {
			filled[i] = hashing.Pair{Key: p.Key, Value: r.literal(p.Value)}
		}
		return filled
	}
	return v
}
