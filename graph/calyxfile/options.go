package calyxfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"github.com/calyx-build/calyx/graph"
)

// unsupportedOption is the error about an option that the language knows and the engine does not yet.
type unsupportedOption string

func (o unsupportedOption) Error() string {
	return fmt.Sprintf("option %q is not supported by this version of calyx", string(o))
}

// unsupported refuses an option, by its type first.
func unsupported(name string, typeError error) error {
	if typeError != nil {
		return typeError
	}
	return unsupportedOption(name)
}

// stepSignature lists every argument of step(), in the order of the design of the language.
var stepSignature = signature[stepSpec]{
	setters: map[string]func(*stepSpec, starlark.Value) error{
		"name":     func(*stepSpec, starlark.Value) error { return nil },
		"run":      (*stepSpec).setRun,
		"cmd":      (*stepSpec).setCmd,
		"sh":       (*stepSpec).setShell,
		"args":     func(s *stepSpec, v starlark.Value) error { return s.named(into(&s.Args, s.e.arguments, v)) },
		"outs":     func(s *stepSpec, v starlark.Value) error { return s.named(s.setOuts(v)) },
		"stdout":   func(s *stepSpec, v starlark.Value) error { return into(&s.Stdout, s.e.plain, v) },
		"deps":     (*stepSpec).setDeps,
		"after":    (*stepSpec).setAfter,
		"matrix":   func(s *stepSpec, v starlark.Value) error { return s.named(into(&s.axes, s.e.axes, v)) },
		"pool":     func(s *stepSpec, v starlark.Value) error { return into(&s.Pool, s.e.poolName, v) },
		"mem":      func(s *stepSpec, v starlark.Value) error { return into(&s.Mem, s.e.size, v) },
		"timeout":  func(s *stepSpec, v starlark.Value) error { return into(&s.Timeout, s.e.duration, v) },
		"retries":  func(s *stepSpec, v starlark.Value) error { return into(&s.Retries, wholeNumber(0, maxRetries), v) },
		"ttl":      func(s *stepSpec, v starlark.Value) error { return into(&s.TTL, s.e.duration, v) },
		"env":      func(s *stepSpec, v starlark.Value) error { return into(&s.Env, s.e.envVars, v) },
		"secrets":  func(s *stepSpec, v starlark.Value) error { return into(&s.Secrets, s.e.variables, v) },
		"wrap":     (*stepSpec).setWrap,
		"resume":   func(s *stepSpec, v starlark.Value) error { return into(&s.Resume, s.e.plain, v) },
		"cache":    (*stepSpec).setCache,
		"trace":    (*stepSpec).setTrace,
		"depfile":  func(s *stepSpec, v starlark.Value) error { return into(&s.Depfile, s.e.plain, v) },
		"portable": func(s *stepSpec, v starlark.Value) error { return into(&s.Portable, flag, v) },
		"platform": func(s *stepSpec, v starlark.Value) error { return into(&s.Platform, s.e.platform, v) },
		"local":    func(s *stepSpec, v starlark.Value) error { return into(&s.Local, flag, v) },
		"doc":      func(s *stepSpec, v starlark.Value) error { return into(&s.doc, s.e.plain, v) },

		"map":  func(_ *stepSpec, v starlark.Value) error { return unsupported("map", mapSource(v)) },
		"flat": func(_ *stepSpec, v starlark.Value) error { return unsupported("flat", second(flag(v))) },
		"batch": func(_ *stepSpec, v starlark.Value) error {
			return unsupported("batch", second(wholeNumber(1, maxSlots)(v)))
		},
		"rate":      func(s *stepSpec, v starlark.Value) error { return unsupported("rate", second(s.e.plain(v))) },
		"on_error":  func(s *stepSpec, v starlark.Value) error { return unsupported("on_error", second(s.e.plain(v))) },
		"tolerance": func(_ *stepSpec, v starlark.Value) error { return unsupported("tolerance", tolerance(v)) },
		"format":    func(_ *stepSpec, v starlark.Value) error { return unsupported("format", valueFormat(v)) },
	},
	positional: []string{"name"},
}

// maxRetries bounds retries to a number that ends.
const maxRetries = 1000

func second[T any](_ T, err error) error { return err }

// mapSource is the type of map: a node, a list, or a dictionary of them.
func mapSource(v starlark.Value) error {
	switch v.(type) {
	case *handle, *starlark.Dict, *starlark.List, starlark.Tuple:
		return nil
	}
	return want("a node, a list, or a dictionary of them", v)
}

// tolerance is a number or a dictionary like dict(rtol = 1e-5).
func tolerance(v starlark.Value) error {
	switch v.(type) {
	case *starlark.Dict, starlark.Float, starlark.Int:
		return nil
	}
	return want("a dictionary like dict(rtol = 1e-5)", v)
}

// valueFormat is the meaning that a file's content has.
func valueFormat(v starlark.Value) error {
	if v == starlark.String("json") || v == starlark.String("tensor") {
		return nil
	}
	return errors.New(`want "json" or "tensor"`)
}

// named notes whether an argument is wrong that a shell line's {name} may mean.
func (s *stepSpec) named(err error) error {
	s.lacks = s.lacks || err != nil
	return err
}

func (s *stepSpec) setRun(v starlark.Value) error {
	if h, ok := v.(*handle); ok && h.node.offer != nil && h.node.offer.function != nil {
		return fmt.Errorf("want a function of a plugin, plugin.function; what use() declares is a node, and takes arguments itself: %s(…)", h.node.Name)
	}
	f, ok := v.(*functionValue)
	if !ok {
		return want("a function of a plugin, plugin.function", v)
	}
	s.Call = &f.call
	return nil
}

func (s *stepSpec) setCmd(v starlark.Value) error {
	return into(&s.Cmd, func(v starlark.Value) ([]graph.Expr, error) { return s.e.command(v, s.addOutput) }, v)
}

// setShell keeps the line until all names are known; outputs that were formatted into it are the step's now.
func (s *stepSpec) setShell(v starlark.Value) error {
	s.isShell = true
	text, ok := v.(starlark.String)
	if !ok {
		return want("a string", v)
	}
	s.sh = string(text)
	if !s.e.marked(s.sh) {
		return nil
	}
	return s.e.split(s.sh, func(string) {}, func(k *mark) error {
		if k.out != nil {
			return s.addOutput(k.out)
		}
		return nil
	})
}

func (s *stepSpec) setOuts(v starlark.Value) error {
	if dict, ok := v.(*starlark.Dict); ok {
		return s.setNamedOuts(dict)
	}
	list, ok := sequence(v)
	if !ok {
		return want("a list of paths, or a dictionary of names to paths", v)
	}
	known := map[string]bool{}
	for i := range list.Len() {
		o, err := s.outputOf("", list.Index(i))
		if err != nil {
			return err
		}
		if known[o.Path] {
			return fmt.Errorf("%q is there twice", o.Path)
		}
		known[o.Path] = true
		if err := s.addOutput(o); err != nil {
			return err
		}
	}
	return nil
}

func (s *stepSpec) setNamedOuts(dict *starlark.Dict) error {
	for _, kv := range dict.Items() {
		name, err := s.e.plain(kv[0])
		if err != nil {
			return fmt.Errorf("name: %w", err)
		}
		o, err := s.outputOf(name, kv[1])
		if err == nil {
			err = s.addOutput(o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// outputOf takes a path, or an output made by out() or outdir(). Without a name it is called by its path.
func (s *stepSpec) outputOf(name string, v starlark.Value) (*output, error) {
	if o, ok := v.(*output); ok {
		named := *o
		if name != "" {
			named.Name = name
		}
		return &named, nil
	}
	p, err := s.e.plain(v)
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = p
	}
	return &output{Output: graph.Output{Name: name, Path: p}}, nil
}

// addOutput adds an output unless the step has the same already. Paths are cleaned when a matrix is resolved in them.
func (s *stepSpec) addOutput(o *output) error {
	for _, other := range s.Outs {
		if other.Path == o.Path && (other.Name == o.Name || o.Name == o.Path) && other.Dir == o.Dir {
			return nil
		}
	}
	s.Outs = append(s.Outs, o.Output)
	return nil
}

func (s *stepSpec) setDeps(v starlark.Value) error {
	for _, x := range elements(v) {
		switch x := x.(type) {
		case *handle:
			ref := x.ref()
			s.Deps = append(s.Deps, graph.Dep{Ref: &ref})
		case starlark.String:
			p, err := s.e.plain(x)
			if err != nil {
				return err
			}
			s.Deps = append(s.Deps, graph.Dep{Path: p})
		default:
			return want("nodes, paths and patterns", x)
		}
	}
	return nil
}

// elements returns the elements of a list, or the value itself.
func elements(v starlark.Value) []starlark.Value {
	list, ok := sequence(v)
	if !ok {
		return []starlark.Value{v}
	}
	all := make([]starlark.Value, list.Len())
	for i := range all {
		all[i] = list.Index(i)
	}
	return all
}

func (s *stepSpec) setAfter(v starlark.Value) error {
	for _, x := range elements(v) {
		ref, err := s.e.nodeOrName(x)
		if err != nil {
			return err
		}
		s.After = append(s.After, ref.Node)
	}
	return nil
}

func (s *stepSpec) setWrap(v starlark.Value) error {
	s.hasWrap = true
	return into(&s.Wrap, s.e.argv, v)
}

func (s *stepSpec) setCache(v starlark.Value) error {
	cached, err := flag(v)
	s.NoCache = !cached
	return err
}

func (s *stepSpec) setTrace(v starlark.Value) error {
	traced, err := flag(v)
	s.NoTrace = !traced
	return err
}

// arguments parses args.
func (e *evaluation) arguments(v starlark.Value) ([]graph.Arg, error) {
	dict, ok := v.(*starlark.Dict)
	if !ok {
		return nil, want("a dictionary", v)
	}
	args := make([]graph.Arg, 0, dict.Len())
	for _, kv := range dict.Items() {
		name, err := e.plain(kv[0])
		if err != nil {
			return nil, fmt.Errorf("name: %w", err)
		}
		if !variablePattern.MatchString(name) {
			return nil, fmt.Errorf("%q is no name of an argument", name)
		}
		x, err := e.expr(kv[1], 0)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		args = append(args, graph.Arg{Name: name, Expr: x})
	}
	sortArgs(args)
	return args, nil
}

func sortArgs(args []graph.Arg) {
	slices.SortFunc(args, func(a, b graph.Arg) int { return strings.Compare(a.Name, b.Name) })
}

// poolName takes a pool or the name of one.
func (e *evaluation) poolName(v starlark.Value) (string, error) {
	if p, ok := v.(*poolValue); ok {
		return p.name, nil
	}
	if _, ok := v.(starlark.String); !ok {
		return "", want("a pool or the name of one", v)
	}
	return e.plain(v)
}

// platform parses a dictionary of properties.
func (e *evaluation) platform(v starlark.Value) (map[string]string, error) {
	dict, ok := v.(*starlark.Dict)
	if !ok {
		return nil, want("a dictionary of strings", v)
	}
	properties := make(map[string]string, dict.Len())
	for _, kv := range dict.Items() {
		key, err := e.plain(kv[0])
		if err != nil {
			return nil, err
		}
		if properties[key], err = e.plain(kv[1]); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	return properties, nil
}

// envVars parses a list of names, or a dictionary of names to values.
func (e *evaluation) envVars(v starlark.Value) ([]graph.EnvVar, error) {
	var vars []graph.EnvVar
	if dict, ok := v.(*starlark.Dict); ok {
		for _, kv := range dict.Items() {
			name, err := e.variableName(kv[0])
			if err != nil {
				return nil, err
			}
			value, err := e.word(kv[1], nil)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			vars = append(vars, graph.EnvVar{Name: name, Value: &value})
		}
	} else {
		names, err := e.variables(v)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			vars = append(vars, graph.EnvVar{Name: name})
		}
	}
	slices.SortFunc(vars, func(a, b graph.EnvVar) int { return strings.Compare(a.Name, b.Name) })
	return vars, nil
}
