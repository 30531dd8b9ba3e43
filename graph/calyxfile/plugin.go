package calyxfile

import (
	"fmt"

	"go.starlark.net/starlark"

	"github.com/calyx-build/calyx/graph"
)

// declaredPlugin is a plugin and the place of its declaration.
type declaredPlugin struct {
	call
	graph.Plugin
}

var pluginSignature = signature[declaredPlugin]{
	setters: map[string]func(*declaredPlugin, starlark.Value) error{
		"name":    func(*declaredPlugin, starlark.Value) error { return nil },
		"cmd":     func(p *declaredPlugin, v starlark.Value) error { return into(&p.Cmd, p.command, v) },
		"sources": func(p *declaredPlugin, v starlark.Value) error { return into(&p.Sources, p.e.patterns, v) },
		"workers": func(p *declaredPlugin, v starlark.Value) error { return into(&p.Workers, wholeNumber(1, maxSlots), v) },
		"env":     func(p *declaredPlugin, v starlark.Value) error { return into(&p.Env, p.e.envVars, v) },
		"secrets": func(p *declaredPlugin, v starlark.Value) error { return into(&p.Secrets, p.e.variables, v) },
	},
	positional: []string{"name"},
}

// plugin implements plugin().
func (e *evaluation) plugin(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	p := &declaredPlugin{call: e.newCall("plugin")}
	p.takeName(args, kwargs)
	pluginSignature.bind(&p.call, p, args, kwargs)
	p.Name, p.Pos = p.name, p.pos
	if len(p.Cmd) == 0 && !p.failed {
		p.fail("", "it needs cmd, the command that starts it")
	}
	if other, ok := e.pluginNames[p.name]; ok {
		p.fail("name", "the name is taken by the plugin at %s", other.pos)
	} else if p.name != "" {
		e.pluginNames[p.name] = p
		e.plugins = append(e.plugins, p)
	}
	return &pluginValue{name: p.name}, nil
}

// command reads the argv of a plugin. It has no outputs.
func (p *declaredPlugin) command(v starlark.Value) ([]graph.Expr, error) {
	return p.e.command(v, func(o *output) error {
		return fmt.Errorf("%s: a plugin has no outputs", o.Type())
	})
}
