package calyxfile

import (
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"github.com/calyx-build/calyx/graph"
)

// stepSpec is a call of step(). The paths and words of its graph.Step are as they are written: what a matrix puts into
// them is resolved for each combination by resolve, and what other declarations decide (names in sh, files that other
// steps make) by the linker.
type stepSpec struct {
	call
	*graph.Step
	sh      string
	isShell bool
	axes    []axis
	doc     string
	hasWrap bool
	lacks   bool // what is wrong in args, matrix or outs: what {name} may mean is not known
}

// step implements step().
func (e *evaluation) step(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	s := &stepSpec{call: e.newCall("step"), Step: &graph.Step{}}
	s.takeName(args, kwargs)
	stepSignature.bind(&s.call, s, args, kwargs)
	s.check()
	if s.axes != nil {
		return s.declareMatrix(), nil
	}
	return &handle{e: e, node: s.declareOne(s.name, nil)}, nil
}

// declareOne declares the step for one combination of its matrix, nil where there is none.
func (s *stepSpec) declareOne(name string, combination []graph.Arg) *declared {
	step := s.Step
	if combination != nil {
		copied := *s.Step
		step = &copied
	}
	s.resolve(step, combination)
	d := &declared{Node: &graph.Node{Name: name, Pos: s.pos, Doc: s.doc, Step: step}, spec: s, bad: s.failed}
	if s.name != "" {
		s.declare(d)
	}
	return d
}

// check looks at what the arguments are together.
func (s *stepSpec) check() {
	isCommand, isCall := s.isShell || s.Cmd != nil, s.Call != nil
	switch {
	case s.isShell && s.Cmd != nil:
		s.fail("sh", "it can have one of run, cmd and sh, not cmd and sh")
	case isCall && isCommand:
		s.fail("run", "it can have one of run, cmd and sh, not run beside a command")
	}
	if s.failed {
		return
	}
	s.needs("args", len(s.Args) > 0, isCall || s.isShell, "run or sh")
	s.needs("outs", len(s.Outs) > 0, isCall || isCommand, "run, cmd or sh")
	s.needs("matrix", s.axes != nil, isCall || isCommand, "run, cmd or sh")
	s.needs("stdout", s.Stdout != "", isCommand, "cmd or sh")
	s.needs("depfile", s.Depfile != "", isCommand, "cmd or sh")
	s.needs("trace", s.NoTrace, isCommand, "cmd or sh")
	s.needs("wrap", s.hasWrap, isCommand, "cmd or sh")
	s.needs("env", len(s.Env) > 0, isCommand, "cmd or sh; with run it is an argument of plugin()")
	s.needs("secrets", len(s.Secrets) > 0, isCommand, "cmd or sh; with run it is an argument of plugin()")
}

func (s *stepSpec) needs(arg string, there, allowed bool, what string) {
	if there && !allowed {
		s.fail(arg, "%s belongs to %s", arg, what)
	}
}

// resolve puts a combination into the paths and words of a step, and cleans the paths.
func (s *stepSpec) resolve(step *graph.Step, combination []graph.Arg) {
	r := resolver{spec: s, combination: combination}
	step.Matrix = combination
	step.Outs = r.outputs(step.Outs)
	if step.Stdout != "" {
		step.Stdout = r.stdout(step)
	}
	if step.Resume != "" {
		step.Resume = r.path("resume", step.Resume)
	}
	if step.Depfile != "" {
		step.Depfile = r.path("depfile", step.Depfile)
	}
	step.Deps = r.deps(step.Deps)
	step.Cmd = r.exprs(step.Cmd)
	step.Args = r.args(step.Args)
	step.Env = r.env(step.Env)
}

// resolver resolves one step for one combination.
type resolver struct {
	spec        *stepSpec
	combination []graph.Arg
}

// path resolves and cleans a path, or reports what is wrong with it.
func (r *resolver) path(arg, p string) string {
	clean, err := r.spec.e.workspace.clean(r.fill(p))
	switch {
	case err != nil:
		r.spec.fail(arg, "%s: %v", arg, err)
	case clean == ".":
		r.spec.fail(arg, "%s: %q is the workspace itself", arg, p)
	}
	return clean
}

func (r *resolver) outputs(outs []graph.Output) []graph.Output {
	cleaned := outs
	if r.combination != nil {
		cleaned = make([]graph.Output, len(outs))
	}
	for i, o := range outs {
		r.known("outs", o.Path)
		p := r.fill(o.Path)
		cleaned[i] = graph.Output{Name: r.fill(o.Name), Path: r.path("outs", o.Path), Dir: o.Dir || strings.HasSuffix(p, "/")}
		r.unique("outs", cleaned[i].Name, cleaned[:i])
	}
	return cleaned
}

// known reports a {name} in an output of a matrix that is no entry of it, which would be a part of the file's name.
func (r *resolver) known(arg, p string) {
	if len(r.combination) == 0 {
		return
	}
	var names []string
	for _, a := range r.combination {
		names = append(names, a.Name)
	}
	for at := range len(p) {
		if name := placeholder(p, at); name != "" && !slices.Contains(names, name) {
			r.spec.fail(arg, "%s: {%s} is no entry of matrix%s", arg, name, nearest(name, names))
		}
	}
}

// unique reports an output whose name another one has.
func (r *resolver) unique(arg, name string, others []graph.Output) {
	if slices.ContainsFunc(others, func(o graph.Output) bool { return o.Name == name }) {
		r.spec.fail(arg, "%s: %q is there twice", arg, name)
	}
}

// stdout makes the path an output, unless outs name it already.
func (r *resolver) stdout(step *graph.Step) string {
	r.known("stdout", step.Stdout)
	p := r.path("stdout", step.Stdout)
	for _, o := range step.Outs {
		if o.Path == p {
			return p
		}
	}
	name := r.fill(step.Stdout)
	r.unique("stdout", name, step.Outs)
	step.Outs = append(step.Outs, graph.Output{Name: name, Path: p})
	return p
}

func (r *resolver) deps(deps []graph.Dep) []graph.Dep {
	if len(deps) == 0 {
		return nil
	}
	cleaned := make([]graph.Dep, len(deps))
	for i, d := range deps {
		if cleaned[i] = d; d.Ref == nil {
			cleaned[i].Path = r.dep(d.Path)
		}
	}
	return cleaned
}

// dep cleans a file, a folder (which keeps its slash) or a pattern.
func (r *resolver) dep(text string) string {
	text = r.fill(text)
	clean, err := "", error(nil)
	if isPattern(text) {
		clean, err = r.spec.e.workspace.pattern(text)
	} else if clean, err = r.spec.e.workspace.clean(text); strings.HasSuffix(text, "/") {
		clean = strings.TrimSuffix(clean, "/") + "/"
	}
	if err != nil {
		r.spec.fail("deps", "deps: %v", err)
	}
	return clean
}

func isPattern(text string) bool { return strings.ContainsAny(text, "*?[{") }

// exprs resolves words; without a matrix only paths of outputs change.
func (r *resolver) exprs(list []graph.Expr) []graph.Expr {
	if len(list) == 0 {
		return nil
	}
	resolved := list
	if r.combination != nil {
		resolved = make([]graph.Expr, len(list))
	}
	for i := range list {
		resolved[i] = r.expr(list[i])
	}
	return resolved
}

func (r *resolver) expr(x graph.Expr) graph.Expr {
	switch x.Kind {
	case graph.Constant:
		x.Value.V = r.literal(x.Value.V)
	case graph.OutputPath:
		if clean, err := r.spec.e.workspace.clean(r.fill(x.Text)); err == nil { // else the output has the error
			x.Text = clean
		}
	default:
		x.Items = r.exprs(x.Items)
	}
	return x
}

// args resolves arguments, and makes the combination arguments of a function.
func (r *resolver) args(args []graph.Arg) []graph.Arg {
	if r.combination == nil {
		return args
	}
	resolved := make([]graph.Arg, 0, len(args)+len(r.combination))
	for _, a := range args {
		if _, ok := r.value(a.Name); ok {
			r.spec.fail("args", "%q is in args and in matrix", a.Name)
		}
		x := r.expr(a.Expr)
		if v, ok := r.whole(a.Expr); ok {
			x = constant(v)
		}
		resolved = append(resolved, graph.Arg{Name: a.Name, Expr: x})
	}
	if r.spec.Call != nil {
		resolved = append(resolved, r.combination...)
	}
	sortArgs(resolved)
	return resolved
}

func (r *resolver) env(vars []graph.EnvVar) []graph.EnvVar {
	if r.combination == nil {
		return vars
	}
	resolved := make([]graph.EnvVar, len(vars))
	for i, v := range vars {
		if resolved[i] = v; v.Value != nil {
			value := r.expr(*v.Value)
			resolved[i].Value = &value
		}
	}
	return resolved
}
