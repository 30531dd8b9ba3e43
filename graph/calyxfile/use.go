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

// offer is what a node comes from that a plugin declares.
type offer struct {
	function *graph.Function // nil of a stored input
	read     *graph.Pos      // where value() read it; nil: nowhere
}

// replaceOffer makes one node of an input that a plugin declares and the Calyxfile's own of that name, which says what it is.
func (c *call) replaceOffer(there, d *declared) {
	switch {
	case d.offer != nil:
		d.Node = there.Node // the Calyxfile's own was first
	case there.offer.read != nil:
		c.fail("name", "value() read what the plugin declares at %s: declare the replacement before that", there.offer.read)
	default:
		if d.Doc == "" {
			d.Doc = there.Doc
		}
		there.Node, there.bad, there.offer = d.Node, d.bad, nil
	}
}

// use implements use(). Without the description nothing is known of the names that it would give, so a plugin that cannot
// be described stops the evaluation.
func (e *evaluation) use(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var v starlark.Value
	if err := starlark.UnpackPositionalArgs("use", args, kwargs, 1, &v); err != nil {
		return nil, err
	}
	value, ok := v.(*pluginValue)
	if !ok {
		return nil, fmt.Errorf("use: %w", want("a plugin", v))
	}
	p := e.pluginNames[value.name]
	if p == nil || p.failed {
		return nil, errReported
	}
	if there, ok := e.used[p.name]; ok {
		return there.module, nil
	}
	u := e.newUse(e.newCall("use"), p)
	offered, err := u.describe()
	if err != nil {
		return nil, err
	}
	u.declareAll(offered)
	return u.module, nil
}

func (e *evaluation) newUse(c call, p *declaredPlugin) *using {
	return &using{call: c, plugin: p, module: &section{kind: "use", name: p.name, members: map[string]starlark.Value{}}}
}

// declareAll declares every node of the plugin.
func (u *using) declareAll(offered *graph.Offer) {
	u.e.used[u.plugin.name] = u
	u.rests = offered.Rests
	for _, s := range offered.Stored {
		u.stored(s)
	}
	for i := range offered.Functions {
		u.function(&offered.Functions[i])
	}
}

// using is one call of use().
type using struct {
	call
	plugin *declaredPlugin
	module *section
	rests  []string // see graph.Offer
}

// describe has the plugin described as it will be started: with what workspace() gives to all.
func (u *using) describe() (*graph.Offer, error) {
	plugin := u.plugin.Plugin
	if s := u.e.settings; s != nil {
		plugin.Env, plugin.Secrets = withDefaults(plugin.Env, s.env), union(plugin.Secrets, s.secrets)
	}
	if holder := holderOfNodes(plugin); holder != "" {
		return nil, fmt.Errorf("use: %s of plugin %q holds nodes, which have no value yet while the Calyxfile is evaluated; "+
			"declare its steps with step(run = plugin.function)", holder, plugin.Name)
	}
	offered, err := u.e.source.Describe(plugin)
	if err == nil {
		return offered, nil
	}
	failure := Error{Pos: u.pos, Msg: "use: " + err.Error(), from: u.from, Plugin: errors.As(err, new(*PluginError))}
	u.e.add(failure)
	return nil, errReported
}

// holderOfNodes names the argument of a plugin that refers to nodes, "" where none does.
func holderOfNodes(p graph.Plugin) string {
	if slices.ContainsFunc(p.Cmd, func(x graph.Expr) bool { return x.Kind != graph.Constant }) {
		return "the command"
	}
	if slices.ContainsFunc(p.Env, func(v graph.EnvVar) bool { return v.Value != nil && v.Value.Kind != graph.Constant }) {
		return "env"
	}
	return ""
}

// named is the call on behalf of one of the names that the plugin declares.
func (u *using) named(name string) call {
	c := u.call
	c.kind, c.name = fmt.Sprintf("use(%q):", u.plugin.name), name
	return c
}

// stored declares an input.
func (u *using) stored(s graph.OfferedStored) {
	c := &storedCall{call: u.named(s.Name)}
	for _, a := range []struct{ arg, text string }{{"path", s.Path}, {"glob", s.Glob}, {"env", s.Env}, {"doc", s.Doc}} {
		if a.text != "" {
			storedSignature.set(&c.call, c, a.arg, starlark.String(a.text))
		}
	}
	switch value := toStarlark(s.Default.V); {
	case s.Env != "" && s.HasDefault:
		storedSignature.set(&c.call, c, "default", value)
	case s.HasDefault:
		storedSignature.set(&c.call, c, "value", value)
	}
	if !c.failed {
		c.check()
	}
	stored := c.Stored
	stored.Offered = true
	d := &declared{Node: &graph.Node{Name: s.Name, Pos: u.pos, Doc: c.doc, Stored: &stored}, bad: c.failed, offer: &offer{}}
	c.declare(d)
	u.enter(u.e.byName[s.Name])
}

// structural are the options of a step that say what it is: a function cannot have them.
var structural = []string{"name", "run", "cmd", "sh", "args", "outs", "stdout", "matrix", "map", "deps", "after", "resume", "doc"}

// function declares a step.
func (u *using) function(f *graph.Function) {
	s := &stepSpec{call: u.named(f.Name), Step: &graph.Step{Call: &graph.Call{Plugin: u.plugin.name, Function: f.Name}, Whole: true}, doc: f.Doc}
	for _, o := range f.Options {
		switch allowed := stepSignature.setters[o.Name] != nil && !slices.Contains(structural, o.Name); {
		case !allowed:
			s.fail("", "a function has no option %q%s", o.Name, nearest(o.Name, keys(stepSignature.setters)))
		default:
			stepSignature.set(&s.call, s, o.Name, toStarlark(o.Value.V))
		}
	}
	s.bindDefaults(f)
	u.plugin.Secrets, s.Secrets = union(u.plugin.Secrets, s.Secrets), nil // one process has those of all its functions
	s.check()
	d := s.declareOne(f.Name, nil)
	d.offer = &offer{function: f}
	u.enter(d)
}

// bindDefaults makes the defaults of a function's parameters arguments: f() and f(1) are one node where 1 is the default.
func (s *stepSpec) bindDefaults(f *graph.Function) {
	for _, p := range f.Parameters {
		if p.HasDefault {
			s.Args = append(s.Args, graph.Arg{Name: p.Name, Expr: constant(p.Default.V)})
		} else {
			s.Open = append(s.Open, p.Name)
		}
	}
	sortArgs(s.Args)
}

// enter makes a node an attribute; a name with points is one of an attribute's attribute. Where a node has the name of such an
// attribute, the node is what m.name means; m["name.further"] reaches every node.
func (u *using) enter(d *declared) {
	h := &handle{e: u.e, node: d}
	u.module.named(d.Name, h)
	words := strings.Split(d.Name, ".")
	at := u.module
	for i, word := range words[:len(words)-1] {
		inner, ok := at.members[word].(*section)
		switch {
		case !ok && at.members[word] != nil:
			return
		case !ok:
			inner = &section{kind: "use", name: strings.Join(words[:i+1], "."), members: map[string]starlark.Value{}}
			at.members[word] = inner
		}
		at = inner
	}
	at.members[words[len(words)-1]] = h
}

// Name is the node's name, for Starlark's messages.
func (h *handle) Name() string { return h.node.Name }

// CallInternal returns the node with arguments.
func (h *handle) CallInternal(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if h.node.offer == nil || h.node.Step == nil {
		return nil, fmt.Errorf("%s takes no arguments: only the functions that use() declares do", h.node)
	}
	if h.node.bad {
		return h, nil
	}
	given, err := h.node.bind(h.e, args, kwargs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.node.Name, err)
	}
	return &handle{e: h.e, node: h.node.with(given)}, nil
}

// bind finds the parameters of arguments, and leaves out those that say what the defaults say.
func (d *declared) bind(e *evaluation, args starlark.Tuple, kwargs []starlark.Tuple) ([]graph.NamedLiteral, error) {
	parameters := d.offer.function.Parameters
	values := make([]starlark.Value, len(parameters))
	if len(args) > len(parameters) {
		return nil, fmt.Errorf("it takes %s, got %d", count(len(parameters), "argument", "arguments"), len(args))
	}
	copy(values, args)
	for _, kv := range kwargs {
		name := string(kv[0].(starlark.String))
		i := slices.IndexFunc(parameters, func(p graph.Parameter) bool { return p.Name == name })
		switch {
		case i < 0:
			return nil, fmt.Errorf("it has no parameter %q%s", name, nearest(name, parameterNames(parameters)))
		case values[i] != nil:
			return nil, fmt.Errorf("argument %q is there twice", name)
		}
		values[i] = kv[1]
	}
	var given []graph.NamedLiteral
	for i, p := range parameters {
		switch {
		case values[i] == nil && !p.HasDefault:
			return nil, fmt.Errorf("it needs an argument for %q", p.Name)
		case values[i] == nil:
			continue
		}
		x, err := e.expr(values[i], 0)
		if err == nil && x.Kind != graph.Constant {
			err = errors.New("a node cannot be part of the name that a call makes; declare a step(run = plugin.function, args = …)")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		if !p.HasDefault || !sameValue(x.Value.V, p.Default.V) {
			given = append(given, graph.NamedLiteral{Name: p.Name, Value: x.Value})
		}
	}
	return given, nil
}

func parameterNames(parameters []graph.Parameter) []string {
	names := make([]string, len(parameters))
	for i, p := range parameters {
		names[i] = p.Name
	}
	return names
}

// sameValue compares values with their types.
func sameValue(a, b any) bool {
	one, errOne := hashing.Canonical(a)
	other, errOther := hashing.Canonical(b)
	return errOne == nil && errOther == nil && string(one) == string(other)
}

// with returns the node with arguments, which is declared by the first call that gives them.
func (d *declared) with(given []graph.NamedLiteral) *declared {
	name := graph.Spell(d.Name, given)
	e := d.spec.e
	if there, ok := e.byName[name]; ok {
		return there
	}
	step := *d.Step
	step.Open = nil
	step.Args = slices.Clone(d.Step.Args)
	for _, a := range given {
		i := slices.IndexFunc(step.Args, func(known graph.Arg) bool { return known.Name == a.Name })
		if i < 0 {
			step.Args = append(step.Args, graph.Arg{Name: a.Name, Expr: constant(a.Value.V)})
		} else {
			step.Args[i].Expr = constant(a.Value.V)
		}
	}
	sortArgs(step.Args)
	call := &declared{Node: &graph.Node{Name: name, Pos: e.here(), Doc: d.Doc, Step: &step}, spec: d.spec}
	d.spec.declare(call)
	return call
}
