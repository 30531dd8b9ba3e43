package calyxfile

import (
	"errors"
	"fmt"

	"go.starlark.net/lib/json"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// function is the Go side of a built-in function.
type function = func(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)

// builtins returns what a Calyxfile finds declared, beside Starlark's own functions.
func (e *evaluation) builtins() starlark.StringDict {
	env := starlark.StringDict{
		"struct": starlark.NewBuiltin("struct", starlarkstruct.Make),
		"json":   json.Module,
	}
	for name, f := range map[string]function{
		"workspace":  e.workspaceCall,
		"stored":     e.stored,
		"params":     e.params,
		"plugin":     e.plugin,
		"use":        e.use,
		"step":       e.step,
		"out":        func(a starlark.Tuple, k []starlark.Tuple) (starlark.Value, error) { return e.out("out", false, a, k) },
		"outdir":     func(a starlark.Tuple, k []starlark.Tuple) (starlark.Value, error) { return e.out("outdir", true, a, k) },
		"pool":       e.pool,
		"default":    e.defaultTargets,
		"value":      e.value,
		"glob":       e.glob,
		"read_text":  e.readText,
		"read_json":  e.readJSON,
		"read_yaml":  e.readYAML,
		"env":        e.variable,
		"range":      e.boundedRange,
		"zip":        e.boundedZip,
		"len":        e.length,
		operandCheck: e.operand,
		wholeCheck:   e.whole,
		sizeCheck:    e.growth.sizeCheck,
		leftFactor:   e.growth.leftFactor,
		rightFactor:  e.growth.rightFactor,
		growthCheck:  e.growth.growthCheck,
	} {
		env[name] = starlark.NewBuiltin(name, func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			if e.full() {
				return nil, errReported
			}
			return f(args, kwargs)
		})
	}
	return env
}

// whole passes a value of which a part is taken on, unless it is a string into which a node was formatted.
func (e *evaluation) whole(args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if s, ok := args[0].(starlark.String); ok && e.marked(string(s)) {
		return nil, fmt.Errorf("%q is cut: %s", e.describe(string(s)), noCharacters)
	}
	return args[0], nil
}

// noCharacters says why nothing can be learnt of a string with a placeholder.
const noCharacters = "what was formatted into it has no characters yet while the Calyxfile is evaluated; format it in last"

// length is len(), which must not count the letters of a placeholder.
func (e *evaluation) length(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) > 0 {
		if s, ok := args[0].(starlark.String); ok && e.marked(string(s)) {
			return nil, fmt.Errorf("the length of %q: %s", e.describe(string(s)), noCharacters)
		}
	}
	return starlark.Call(e.thread, starlark.Universe["len"], args, kwargs)
}

// operand passes an operand of a comparison on, unless it is a node or holds one.
func (e *evaluation) operand(args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	switch v := args[0].(type) {
	case *handle:
		return nil, errors.New(v.noValue("is compared"))
	case starlark.String:
		if e.marked(string(v)) {
			return nil, errors.New("a string into which a node was formatted is compared: " +
				"the node has no value yet while the Calyxfile is evaluated")
		}
	}
	return args[0], nil
}

// maxRange is the length of the longest range. Starlark makes lists of ranges before anyone can stop it.
const maxRange = 5_000_000

// boundedRange is Starlark's range with a bound.
func (e *evaluation) boundedRange(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, err := starlark.Call(e.thread, starlark.Universe["range"], args, kwargs)
	if err != nil {
		return nil, err
	}
	if n := starlark.Len(v); n > maxRange {
		return nil, fmt.Errorf("range of %d numbers: at most %d are possible", n, maxRange)
	}
	return v, nil
}

// boundedZip is Starlark's zip with a bound on the elements of all tuples together.
func (e *evaluation) boundedZip(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	shortest := maxRange
	for _, v := range args {
		if n := starlark.Len(v); n >= 0 {
			shortest = min(shortest, n)
		}
	}
	if n := shortest * len(args); n > maxRange {
		return nil, fmt.Errorf("zip of %d elements: at most %d are possible", n, maxRange)
	}
	return starlark.Call(e.thread, starlark.Universe["zip"], args, kwargs)
}

// value reads a stored node.
func (e *evaluation) value(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var v starlark.Value
	if err := starlark.UnpackPositionalArgs("value", args, kwargs, 1, &v); err != nil {
		return nil, err
	}
	h, ok := v.(*handle)
	if !ok {
		return nil, fmt.Errorf("value: %w", want("a stored node", v))
	}
	switch stored := h.node.Stored; {
	case stored == nil:
		return nil, fmt.Errorf("value: %s is not stored; only a stored value is known while the Calyxfile is evaluated", h.node)
	case stored.Path != "" || stored.Glob != "":
		return nil, fmt.Errorf("value: %s is files, no value; use read_text, read_json, read_yaml or glob", h.node)
	case h.node.bad:
		return nil, errReported
	}
	if h.node.offer != nil && h.node.offer.read == nil {
		at := e.here()
		h.node.offer.read = &at
	}
	plain, err := e.source.Stored(h.node.Name, *h.node.Stored)
	if err != nil {
		return nil, fmt.Errorf("value of %q: %w", h.node.Name, err)
	}
	return toStarlark(plain), nil
}

// variable implements env(name, default).
func (e *evaluation) variable(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	var fallback starlark.Value
	if err := starlark.UnpackArgs("env", args, kwargs, "name", &name, "default?", &fallback); err != nil {
		return nil, err
	}
	if e.marked(name) {
		return nil, fmt.Errorf("env: %w", errNodesHere)
	}
	if value, ok := e.source.Env(name); ok {
		return starlark.String(value), nil
	}
	if fallback == nil {
		return nil, fmt.Errorf("env: the variable %q is not set; give a default: env(%q, \"\")", name, name)
	}
	return fallback, nil
}

// out makes an output for cmd.
func (e *evaluation) out(function string, dir bool, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var v starlark.Value
	if err := starlark.UnpackArgs(function, args, kwargs, "path", &v); err != nil {
		return nil, err
	}
	p, err := e.plain(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", function, err)
	}
	o := &output{e: e}
	o.Name, o.Path, o.Dir = p, p, dir
	return o, nil
}
