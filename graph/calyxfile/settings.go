package calyxfile

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/calyx-build/calyx/graph"
)

// settings are what workspace() was given.
type settings struct {
	call
	graph.Workspace
	env     []graph.EnvVar
	secrets []string
	wrap    []string
}

// defaultState is where stored values are kept unless the Calyxfile says otherwise.
const defaultState = "json:calyx.state.json"

var settingsSignature = signature[settings]{
	setters: map[string]func(*settings, starlark.Value) error{
		"name":    func(s *settings, v starlark.Value) error { return into(&s.Name, s.e.plain, v) },
		"state":   func(s *settings, v starlark.Value) error { return into(&s.State, s.e.stateBackend, v) },
		"env":     func(s *settings, v starlark.Value) error { return into(&s.env, s.e.envVars, v) },
		"secrets": func(s *settings, v starlark.Value) error { return into(&s.secrets, s.e.variables, v) },
		"wrap":    func(s *settings, v starlark.Value) error { return into(&s.wrap, s.e.argv, v) },
	},
}

// into parses v into a field.
func into[T any](field *T, parse func(starlark.Value) (T, error), v starlark.Value) error {
	parsed, err := parse(v)
	if err == nil {
		*field = parsed
	}
	return err
}

func (e *evaluation) workspaceCall(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	s := &settings{call: e.newCall("workspace"), Workspace: graph.Workspace{State: defaultState}}
	if e.settings != nil {
		s.fail("", "it can be called once; it was at %s", e.settings.pos)
		return starlark.None, nil
	}
	if len(e.used) > 0 {
		s.fail("", "it must come before use(), because its env and secrets are for plugins too")
	}
	e.settings = s
	settingsSignature.bind(&s.call, s, args, kwargs)
	return starlark.None, nil
}

// stateBackend reads "json:PATH".
func (e *evaluation) stateBackend(v starlark.Value) (string, error) {
	text, err := e.plain(v)
	if err != nil {
		return "", err
	}
	backend, place, ok := strings.Cut(text, ":")
	switch {
	case !ok || place == "":
		return "", fmt.Errorf("want a place like %q, got %q", defaultState, text)
	case backend == "sqlite" || backend == "plugin":
		return "", fmt.Errorf("the state backend %q is not supported by this version of calyx", backend)
	case backend != "json":
		return "", fmt.Errorf("unknown state backend %q%s", backend, nearest(backend, []string{"json", "sqlite", "plugin"}))
	}
	p, err := e.workspace.clean(place)
	return "json:" + p, err
}

// argv returns a command line without nodes.
func (e *evaluation) argv(v starlark.Value) ([]string, error) {
	words, err := e.strings(v)
	if err != nil {
		return nil, err
	}
	for _, w := range words {
		if strings.IndexByte(w, 0) >= 0 {
			return nil, errNUL
		}
	}
	return words, nil
}

// poolCall collects the arguments of pool().
type poolCall struct {
	call
	graph.Pool
}

var poolSignature = signature[poolCall]{
	setters: map[string]func(*poolCall, starlark.Value) error{
		"name": func(*poolCall, starlark.Value) error { return nil },
		"size": func(p *poolCall, v starlark.Value) error { return into(&p.Size, wholeNumber(1, maxSlots), v) },
		"env":  func(p *poolCall, v starlark.Value) error { return into(&p.Env, p.e.variableName, v) },
	},
	positional: []string{"name", "size"},
}

// maxSlots bounds pools and workers to numbers that make sense.
const maxSlots = 1_000_000

func (e *evaluation) pool(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	p := &poolCall{call: e.newCall("pool")}
	p.takeName(args, kwargs)
	poolSignature.bind(&p.call, p, args, kwargs)
	p.Name, p.Pos = p.name, p.pos
	if p.Size == 0 && !p.failed {
		p.fail("", "it needs a size")
	}
	if p.name != "" {
		p.register()
	}
	return &poolValue{name: p.name}, nil
}

// register makes equal calls one pool.
func (p *poolCall) register() {
	other, ok := p.e.poolNames[p.name]
	switch {
	case !ok:
		p.e.poolNames[p.name] = &p.Pool
		p.e.pools = append(p.e.pools, &p.Pool)
	case p.failed:
	case other.Size != p.Size:
		p.fail("size", "size %d differs from %d at %s", p.Size, other.Size, other.Pos)
	case other.Env != p.Env:
		p.fail("env", "env %q differs from %q at %s", p.Env, other.Env, other.Pos)
	}
}

// defaultTargets implements default().
func (e *evaluation) defaultTargets(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	c := e.newCall("default")
	for _, kv := range kwargs {
		c.fail("", "unknown argument %s: it takes nodes", kv[0])
	}
	if len(args)+len(kwargs) == 0 {
		c.fail("", "it needs a node")
	}
	for _, v := range args {
		ref, err := e.nodeOrName(v)
		if err != nil {
			c.fail("", "%v", err)
			continue
		}
		e.defaults = append(e.defaults, pendingRef{call: &c, ref: ref})
	}
	return starlark.None, nil
}

// nodeOrName takes a node, or the name of one that may be declared later.
func (e *evaluation) nodeOrName(v starlark.Value) (graph.Ref, error) {
	switch v := v.(type) {
	case *handle:
		return v.ref(), nil
	case starlark.String:
		name, err := e.plain(v)
		if n, args, bad := graph.ParseSpelling(name); bad == nil {
			name = graph.Spell(n, args) // sweep(seed = 2, lr = 0.1) is sweep(lr=0.1,seed=2)
		}
		return graph.Ref{Node: name}, err
	}
	return graph.Ref{}, want("a node or the name of one", v)
}
