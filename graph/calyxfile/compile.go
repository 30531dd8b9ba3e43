package calyxfile

import (
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/calyx-build/calyx/graph"
)

// maxFile is how many bytes a Calyxfile, or a file that it reads, may have. (A hundred thousand steps written out one by
// one take about ten million.)
const maxFile = 32 << 20

// dialect is the Starlark of Calyxfiles.
func dialect() *syntax.FileOptions {
	return &syntax.FileOptions{Set: true, GlobalReassign: true, TopLevelControl: true}
}

// sourceFile is a file of Starlark, kept for the places in messages.
type sourceFile struct {
	text  []byte
	calls map[place]*syntax.CallExpr // calls of plain names, by their places; nil until a message needs one
}

// compile turns a file into a program, or reports all that is wrong with its text.
func (e *evaluation) compile(name string) (*starlark.Program, error) {
	text, err := e.read(name)
	if err == nil {
		err = checkNesting(text)
	}
	if err != nil {
		return nil, err
	}
	e.files[name] = &sourceFile{text: text}
	e.seedMarks(text)
	tree, err := dialect().Parse(name, text, 0)
	if err != nil {
		e.staticErrors(text, err)
		return nil, errReported
	}
	instrument(tree)
	program, err := starlark.FileProgram(tree, e.predeclared.Has)
	if err != nil {
		e.staticErrors(text, err)
		return nil, errReported
	}
	return program, nil
}

// read returns the content of a file within the limit.
func (e *evaluation) read(name string) ([]byte, error) {
	text, err := e.source.ReadFile(name, maxFile)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", name, err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("read %q: the file is larger than %d MiB", name, maxFile>>20)
	}
	e.earned.Add(readHeap * int64(len(text)))
	return text, nil
}

// staticErrors reports what the parser or the resolver found.
func (e *evaluation) staticErrors(text []byte, err error) {
	var parse syntax.Error
	var names resolve.ErrorList
	switch {
	case errors.As(err, &parse):
		e.add(static(text, parse.Pos, parse.Msg))
	case errors.As(err, &names):
		for _, n := range names {
			e.add(static(text, n.Pos, e.suggest(n.Msg)))
		}
	default:
		e.add(Error{Pos: graph.Pos{File: e.main}, Msg: err.Error()})
	}
}

// suggest adds the nearest built-in name to a message about a name that is not there; the resolver knows only others.
func (e *evaluation) suggest(msg string) string {
	name, ok := strings.CutPrefix(msg, "undefined: ")
	if !ok || strings.Contains(name, " ") {
		return msg
	}
	return msg + nearest(name, keys(e.predeclared))
}

func static(text []byte, pos syntax.Position, msg string) Error {
	return Error{Pos: position(pos), Msg: msg, Hint: syntaxHint(lineOf(text, int(pos.Line)), msg)}
}

// The built-ins that look at operands of comparisons, and at what is cut; no identifier can have their names.
const (
	operandCheck = "comparison operand"
	wholeCheck   = "what is cut"
)

// instrument changes a tree in four ways before it is compiled. A call of a plain name is placed where the name begins,
// not at its parenthesis, since that is where people look for it. What may make something large is checked. And operands of comparisons pass through a check,
// because Starlark lets values of different types differ in silence: `lr == 0.1` would be False whatever lr holds. So does what
// is cut, because a string into which a node was formatted would give a piece of the placeholder.
func instrument(tree *syntax.File) {
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			if name, ok := n.Fn.(*syntax.Ident); ok {
				n.Lparen = name.NamePos
			}
		case *syntax.BinaryExpr:
			if isComparison(n.Op) {
				n.X, n.Y = checked(n.X, n.OpPos), checked(n.Y, n.OpPos)
			} else {
				boundGrowth(n)
			}
		case *syntax.AssignStmt:
			boundAssignment(n)
		case *syntax.SliceExpr:
			n.X = callOf(wholeCheck, n.Lbrack, n.X)
		case *syntax.IndexExpr:
			if key, ok := n.Y.(*syntax.Literal); !ok || key.Token != syntax.STRING {
				n.X = callOf(wholeCheck, n.Lbrack, n.X)
			}
		}
		return true
	})
}

func isComparison(op syntax.Token) bool {
	switch op {
	case syntax.EQL, syntax.NEQ, syntax.LT, syntax.GT, syntax.LE, syntax.GE, syntax.IN, syntax.NOT_IN:
		return true
	}
	return false
}

// checked wraps an operand, unless it is plainly no node.
func checked(x syntax.Expr, pos syntax.Position) syntax.Expr {
	switch x := x.(type) {
	case *syntax.Literal:
		return x
	case *syntax.Ident:
		if x.Name == "None" || x.Name == "True" || x.Name == "False" {
			return x
		}
	}
	return callOf(operandCheck, pos, x)
}
