package calyxfile

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/calyx-build/calyx/graph"
)

// call is one call of a declaring function such as step(). What is wrong with it is reported and the evaluation goes
// on, so that one run reports many mistakes.
type call struct {
	e      *evaluation
	kind   string // the function
	name   string // of what it declares, "" where there is none
	number int    // tells it from others at the same place
	pos    graph.Pos
	from   string // where the file was called that the call is in, if that is not the Calyxfile
	failed bool
}

func (e *evaluation) newCall(kind string) call {
	e.calls++
	c := call{e: e, kind: kind, number: e.calls, pos: position(e.thread.CallFrame(1).Pos)}
	if c.pos.File != e.main {
		_, c.from = e.blame(e.thread.CallStack())
	}
	return c
}

// label begins every message about the call.
func (c *call) label() string {
	if c.name == "" {
		return c.kind
	}
	return fmt.Sprintf("%s %q", c.kind, c.name)
}

// fail reports an error at an argument of the call, or at the call where arg is empty or cannot be found.
func (c *call) fail(arg, format string, args ...any) {
	c.failAt(c.e.argument(c.pos, arg), format, args...)
}

func (c *call) failAt(pos graph.Pos, format string, args ...any) {
	c.failed = true
	c.e.addOf(c.number, Error{Pos: pos, Msg: c.e.describe(c.label() + ": " + fmt.Sprintf(format, args...)), from: c.from})
}

// signature is what a declaring function takes.
type signature[T any] struct {
	setters    map[string]func(*T, starlark.Value) error // take the arguments, by name
	positional []string                                  // the arguments that may be given without their names
	nullable   []string                                  // the arguments for which None is a value; else it means: left out
}

// bind passes every argument of a call to its setter and reports what is wrong with it.
func (s *signature[T]) bind(c *call, into *T, args starlark.Tuple, kwargs []starlark.Tuple) {
	if len(args) > len(s.positional) {
		c.fail("", "it takes %s, got %d", count(len(s.positional), "argument without a name", "arguments without a name"), len(args))
		args = args[:len(s.positional)]
	}
	for i, v := range args {
		s.set(c, into, s.positional[i], v)
	}
	for _, kv := range kwargs {
		name := string(kv[0].(starlark.String))
		switch {
		case s.setters[name] == nil:
			c.fail(name, "unknown argument %q%s", name, nearest(name, keys(s.setters)))
		case slices.Contains(s.positional[:len(args)], name):
			c.fail(name, "argument %q is there twice", name)
		default:
			s.set(c, into, name, kv[1])
		}
	}
}

func (s *signature[T]) set(c *call, into *T, name string, v starlark.Value) {
	if v == starlark.None && !slices.Contains(s.nullable, name) {
		return
	}
	err := s.setters[name](into, v)
	if err == nil {
		return
	}
	var later unsupportedOption
	if errors.As(err, &later) {
		c.fail(name, "%v", later)
	} else {
		c.fail(name, "%s: %v", name, err)
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func keys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// takeName finds the argument "name" first, so that messages about the others can use it.
func (c *call) takeName(args starlark.Tuple, kwargs []starlark.Tuple) {
	v := starlark.Value(starlark.None)
	if len(args) > 0 {
		v = args[0]
	}
	for _, kv := range kwargs {
		if kv[0] == starlark.String("name") {
			v = kv[1]
		}
	}
	name, ok := starlark.AsString(v)
	switch {
	case !ok:
		c.fail("name", "it needs a name, a string")
	case c.e.marked(name):
		c.fail("name", "a node cannot be part of a name")
	case strings.HasPrefix(name, "//"):
		c.fail("name", "%q: names that begin with // are reserved for packages", name)
	case !graph.ValidName(name):
		c.fail("name", "%q is no name: letters, digits and _ . - are, after a letter or _", name)
	default:
		c.name = name
	}
}

// argument finds the place of a named argument of the call at pos; the file is parsed for it once.
func (e *evaluation) argument(pos graph.Pos, name string) graph.Pos {
	if arg := e.findArgument(pos, name); arg != nil {
		return position(syntax.Start(arg))
	}
	return pos
}

// findArgument returns `name = value` of the call at pos, nil where it is not written there.
func (e *evaluation) findArgument(pos graph.Pos, name string) *syntax.BinaryExpr {
	if name == "" {
		return nil
	}
	tree := e.files[pos.File].callAt(pos)
	if tree == nil {
		return nil
	}
	for _, a := range tree.Args {
		if kv, ok := a.(*syntax.BinaryExpr); ok && kv.Op == syntax.EQ {
			if id, ok := kv.X.(*syntax.Ident); ok && id.Name == name {
				return kv
			}
		}
	}
	return nil
}

// callAt returns the call of a plain name that begins at pos.
func (f *sourceFile) callAt(pos graph.Pos) *syntax.CallExpr {
	if f == nil {
		return nil
	}
	if f.calls == nil {
		f.indexCalls(pos.File)
	}
	return f.calls[place{int32(pos.Line), int32(pos.Col)}]
}

// place is a line and a column.
type place struct{ line, col int32 }

func (f *sourceFile) indexCalls(name string) {
	f.calls = map[place]*syntax.CallExpr{}
	tree, err := dialect().Parse(name, f.text, 0)
	if err != nil {
		panic(fmt.Sprintf("internal error: a file that ran does not parse: %v", err))
	}
	syntax.Walk(tree, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.CallExpr); ok {
			if id, ok := c.Fn.(*syntax.Ident); ok {
				f.calls[place{id.NamePos.Line, id.NamePos.Col}] = c
			}
		}
		return true
	})
}
