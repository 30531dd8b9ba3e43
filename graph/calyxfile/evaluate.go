package calyxfile

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync/atomic"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/calyx-build/calyx/graph"
)

// Evaluate runs a Calyxfile and returns what it declares, checked as a whole. What is wrong with the file is returned as
// Errors; any other error means that the evaluation was given up because ctx ended. Where an operation goes on without
// end after it was stopped, a goroutine stays behind with it.
func Evaluate(ctx context.Context, o Options) (*graph.Declarations, error) {
	e := newEvaluation(o)
	complete, ended := e.guarded(ctx)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", o.Path, context.Cause(ctx))
	}
	if !ended {
		return nil, Errors{{Pos: graph.Pos{File: e.main}, Msg: *e.stopped.Load(), Hint: endlessHint}}
	}
	// After a stop in the middle, names that would have followed would be reported as unknown.
	var declarations *graph.Declarations
	if complete {
		declarations = e.link()
	}
	if e.failed() {
		return nil, e.sorted()
	}
	return declarations, nil
}

// evaluation is one run of a Calyxfile and of what it loads.
type evaluation struct {
	report
	registry
	marks
	growth growth

	workspace   paths
	source      Source
	main        string
	thread      *starlark.Thread
	predeclared starlark.StringDict
	files       map[string]*sourceFile
	modules     map[string]*module
	calls       int                    // of declaring functions
	converted   int                    // elements of lists and dictionaries, see maxElements
	earned      atomic.Int64           // bytes of memory beside baseHeap, for what was declared and read
	stopped     atomic.Pointer[string] // why the guard ended the evaluation; nil: it did not
}

func newEvaluation(o Options) *evaluation {
	e := &evaluation{
		registry:  newRegistry(),
		workspace: paths{root: o.Root},
		source:    o.Source,
		main:      path.Clean(o.Path),
		files:     map[string]*sourceFile{},
		modules:   map[string]*module{},
	}
	e.thread = &starlark.Thread{Name: o.Path, Load: e.load, Print: e.print}
	e.predeclared = e.builtins()
	return e
}

// run executes the Calyxfile and reports whether it came to its end.
func (e *evaluation) run() bool {
	_, err := e.exec(e.main)
	if err != nil && !errors.Is(err, errReported) {
		e.add(Error{Pos: graph.Pos{File: e.main}, Msg: err.Error()})
	}
	return err == nil
}

// errReported stops the execution where the cause is in the report already.
var errReported = errors.New("reported")

// exec reads, compiles and executes a file. An error other than errReported is about the file as a whole.
func (e *evaluation) exec(name string) (starlark.StringDict, error) {
	program, err := e.compile(name)
	if err != nil {
		return nil, err
	}
	globals, err := program.Init(e.thread, e.predeclared)
	if err != nil {
		e.runtimeError(err)
		return nil, errReported
	}
	return globals, nil
}

// module is a file that load() named; globals is nil while it is being executed.
type module struct {
	globals starlark.StringDict
	err     error
}

// load implements load("other.star", …). The module runs on the thread of its loader: they share one budget, and a
// traceback shows the whole chain.
func (e *evaluation) load(_ *starlark.Thread, name string) (starlark.StringDict, error) {
	file, err := e.workspace.clean(name)
	if err != nil {
		return nil, err
	}
	if m, ok := e.modules[file]; ok {
		if m.globals == nil && m.err == nil {
			return nil, fmt.Errorf("%s is being loaded already: files load one another in a circle", file)
		}
		return m.globals, m.err
	}
	if file == e.main {
		return nil, fmt.Errorf("%s cannot be loaded: it is what loads", file)
	}
	m := &module{}
	e.modules[file] = m
	if m.globals, m.err = e.exec(file); m.err == nil {
		m.globals.Freeze()
	}
	return m.globals, m.err
}

func (e *evaluation) print(_ *starlark.Thread, text string) {
	e.source.Print(e.here(), e.describe(text))
}

// here is the innermost place in a file of the user.
func (e *evaluation) here() graph.Pos {
	for depth := range e.thread.CallStackDepth() {
		if pos := e.thread.CallFrame(depth).Pos; pos.Line > 0 {
			return position(pos)
		}
	}
	return graph.Pos{File: e.main}
}

func position(p syntax.Position) graph.Pos {
	return graph.Pos{File: p.Filename(), Line: int(p.Line), Col: int(p.Col)}
}

// runtimeError reports what stopped the execution, unless it is reported already.
func (e *evaluation) runtimeError(err error) {
	if errors.Is(err, errReported) {
		return
	}
	failure := Error{Pos: graph.Pos{File: e.main}, Msg: e.describe(err.Error())}
	var traced *starlark.EvalError
	if errors.As(err, &traced) {
		failure.Pos, failure.from = e.blame(traced.CallStack)
		failure.Msg = e.describe(traced.Msg)
	}
	failure.Hint = runtimeHint(failure.Msg)
	if why := e.stopped.Load(); why != nil {
		failure.Msg, failure.Hint, failure.from = *why, endlessHint, ""
	}
	e.add(failure)
}

// blame finds the innermost place in a file, and says from where that was called where the call came from another file.
func (e *evaluation) blame(stack starlark.CallStack) (pos graph.Pos, from string) {
	pos.File = e.main
	file := ""
	for i := range stack {
		frame := stack.At(i)
		switch place := position(frame.Pos); {
		case frame.Pos.Line == 0: // a built-in function
		case file == "":
			pos, file = place, place.File
		case place.File != file:
			from += fmt.Sprintf(" (called from %s)", place)
			file = place.File
		}
	}
	return pos, from
}
