package calyxfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.starlark.net/syntax"

	"github.com/calyx-build/calyx/graph"
)

// shellLine renders the sh of one step: constants are quoted into the text, references stay for the engine. In the
// Concat that comes out, a constant string is text of the shell, everything else is a value that is quoted where it is
// put in.
type shellLine struct {
	*linker
	node     *declared
	items    []graph.Expr // a buffer that lines share, as the next two are
	segments []segment
	text     []byte
}

func (l *linker) shell(d *declared) {
	s := &l.line
	s.linker, s.node = l, d
	s.segments = l.template(d.spec.sh, s.segments[:0])
	s.items = s.items[:0]
	for _, g := range s.segments {
		s.segment(g)
	}
	s.flush()
	d.Step.Shell = &graph.Expr{Kind: graph.Concat, Items: slices.Clone(s.items)}
}

func (s *shellLine) flush() {
	if len(s.text) > 0 {
		s.items = append(s.items, constant(string(s.text)))
		s.text = s.text[:0]
	}
}

func (s *shellLine) segment(g segment) {
	if g.name == "" && g.mark == nil {
		switch {
		case strings.Contains(g.text, s.seed):
			s.fail(g, "%v", errBrokenMark)
		case strings.IndexByte(g.text, 0) >= 0:
			s.fail(g, "%v", errNUL)
		}
		s.text = append(s.text, g.text...)
		return
	}
	x, err := s.resolve(g)
	switch {
	case (err != nil || x == nil) && s.node.spec.lacks: // that is told, and this may follow from it
	case err != nil:
		s.fail(g, "%v", err)
	case x == nil && g.quoted: // braces of another language, as in awk '{print}'
		s.text = append(s.text, g.text...)
	case x == nil:
		s.unknown(g)
	case g.quoted:
		s.fail(g, "%s stands in quotes; calyx quotes what it puts in, so take the quotes away", s.describe(g.text))
	default:
		s.put(g, *x)
	}
}

// resolve finds what a {name} or a placeholder stands for; nil if there is nothing of that name.
func (s *shellLine) resolve(g segment) (*graph.Expr, error) {
	step := s.node.Step
	if g.mark != nil {
		x := g.mark.expr
		if g.mark.out != nil {
			x = (&resolver{spec: s.node.spec, combination: step.Matrix}).expr(x)
		}
		return &x, nil
	}
	for _, args := range [][]graph.Arg{step.Args, step.Matrix} {
		for i := range args {
			if args[i].Name == g.name {
				return &args[i].Expr, nil
			}
		}
	}
	switch g.name {
	case "out":
		if len(step.Outs) != 1 {
			return nil, fmt.Errorf("{out} needs exactly one output, and there are %d; {outs} is all of them", len(step.Outs))
		}
		return &graph.Expr{Kind: graph.OutputPath, Text: step.Outs[0].Path}, nil
	case "outs":
		if len(step.Outs) == 0 {
			return nil, errors.New("{outs} needs outputs, and there are none")
		}
		return &graph.Expr{Kind: graph.OutputList}, nil
	case "item":
		return nil, errors.New("{item} needs map")
	}
	d, ok := s.byName[g.name]
	if !ok {
		return nil, nil
	}
	return &graph.Expr{Kind: graph.Reference, Ref: graph.Ref{Node: d.Name}}, nil
}

// put writes a value as words of the shell.
func (s *shellLine) put(g segment, x graph.Expr) {
	switch x.Kind {
	case graph.Constant:
		s.putConstant(g, x)
	case graph.ListOf:
		for i, item := range x.Items {
			if i > 0 {
				s.text = append(s.text, ' ')
			}
			s.put(g, item)
		}
	case graph.Reference:
		if err := inCommand(s.byName[x.Ref.Node], x.Ref); err != nil {
			s.fail(g, "%s: %v", s.describe(g.text), err)
		}
		s.putValue(x)
	default:
		s.putValue(x)
	}
}

func (s *shellLine) putValue(x graph.Expr) {
	s.flush()
	s.items = append(s.items, x)
}

// putConstant quotes a scalar, and each element of a list of scalars; what has no words stays a value.
func (s *shellLine) putConstant(g segment, x graph.Expr) {
	if x.Value.V == nil {
		s.fail(g, "%s is None, which no command can be given", s.describe(g.text))
		return
	}
	words := []string{}
	list, isList := x.Value.V.([]any)
	if !isList {
		list = []any{x.Value.V}
	}
	for _, v := range list {
		word, ok := graph.Word(v)
		if !ok {
			s.putValue(x)
			return
		}
		if strings.IndexByte(word, 0) >= 0 {
			s.fail(g, "%s: %v", s.describe(g.text), errNUL)
		}
		words = append(words, graph.Quote(word))
	}
	s.text = append(s.text, strings.Join(words, " ")...)
}

// unknown reports a {name} that is none.
func (s *shellLine) unknown(g segment) {
	known := []string{"out", "outs"}
	for _, a := range s.node.Step.Args {
		known = append(known, a.Name)
	}
	for _, a := range s.node.Step.Matrix {
		known = append(known, a.Name)
	}
	s.fail(g, "{%s} is no entry of args or matrix and no node%s", g.name, nearest(g.name, append(known, s.names()...)))
}

// fail reports an error at a segment: in the Calyxfile, where sh is written there in one piece.
func (s *shellLine) fail(g segment, format string, args ...any) {
	c := &s.node.spec.call
	c.failAt(c.e.inString(c.pos, "sh", s.node.spec.sh, g.at), "sh: "+format, args...)
}

// inString finds the place of a byte of a string that is an argument of the call at pos. It is exact where the string
// is written as one literal without escapes; else it is the argument's.
func (e *evaluation) inString(pos graph.Pos, arg, value string, at int) graph.Pos {
	kv := e.findArgument(pos, arg)
	if kv == nil {
		return pos
	}
	raw, start, ok := literalText(kv.Y)
	if !ok || !strings.HasPrefix(raw, value) {
		return e.argument(pos, arg)
	}
	before := value[:at]
	place := position(start)
	if n := strings.Count(before, "\n"); n > 0 {
		place.Line += n
		place.Col = 1
		before = before[strings.LastIndexByte(before, '\n')+1:]
	}
	place.Col += utf8.RuneCountInString(before)
	return place
}

// literalText returns what stands between the quotes of a string literal, and where that begins.
func literalText(x syntax.Expr) (string, syntax.Position, bool) {
	literal, ok := x.(*syntax.Literal)
	if !ok || literal.Token != syntax.STRING {
		return "", syntax.Position{}, false
	}
	body := strings.TrimPrefix(literal.Raw, "r")
	quote := 1
	if strings.HasPrefix(body, `"""`) || strings.HasPrefix(body, `'''`) {
		quote = 3
	}
	start := literal.TokenPos
	start.Col += int32(len(literal.Raw) - len(body) + quote)
	return body[quote : len(body)-quote], start, true
}
