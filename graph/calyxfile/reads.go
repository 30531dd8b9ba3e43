package calyxfile

import (
	"fmt"

	"go.starlark.net/starlark"
)

// glob lists files of the workspace.
func (e *evaluation) glob(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var pattern, exclude starlark.Value
	if err := starlark.UnpackArgs("glob", args, kwargs, "pattern", &pattern, "exclude?", &exclude); err != nil {
		return nil, err
	}
	clean, err := e.pattern(pattern)
	if err != nil {
		return nil, fmt.Errorf("glob: %w", err)
	}
	without, err := e.patterns(exclude)
	if err != nil {
		return nil, fmt.Errorf("glob: exclude: %w", err)
	}
	found, err := e.source.Glob(clean, without)
	if err != nil {
		return nil, fmt.Errorf("glob %q: %w", clean, err)
	}
	e.earned.Add(pathHeap * int64(len(found)))
	list := make([]starlark.Value, len(found))
	for i, f := range found {
		list[i] = starlark.String(f)
	}
	return starlark.NewList(list), nil
}

func (e *evaluation) pattern(v starlark.Value) (string, error) {
	p, err := e.plain(v)
	if err != nil {
		return "", err
	}
	return e.workspace.pattern(p)
}

// patterns takes one pattern or a list of them; nil and None are none.
func (e *evaluation) patterns(v starlark.Value) ([]string, error) {
	if v == nil || v == starlark.None {
		return nil, nil
	}
	if _, ok := v.(starlark.String); ok {
		p, err := e.pattern(v)
		return []string{p}, err
	}
	list, ok := sequence(v)
	if !ok {
		return nil, want("a pattern or a list of patterns", v)
	}
	all := make([]string, list.Len())
	for i := range all {
		p, err := e.pattern(list.Index(i))
		if err != nil {
			return nil, err
		}
		all[i] = p
	}
	return all, nil
}

func (e *evaluation) readText(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	_, text, err := e.readArgument("read_text", args, kwargs)
	return starlark.String(text), err
}

func (e *evaluation) readJSON(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return e.readParsed("read_json", parseJSON, args, kwargs)
}

func (e *evaluation) readYAML(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return e.readParsed("read_yaml", parseYAML, args, kwargs)
}

func (e *evaluation) readParsed(function string, parse parser, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	file, text, err := e.readArgument(function, args, kwargs)
	if err != nil {
		return nil, err
	}
	plain, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", function, file, err)
	}
	return toStarlark(plain), nil
}

// readArgument reads the file that is a function's only argument.
func (e *evaluation) readArgument(function string, args starlark.Tuple, kwargs []starlark.Tuple) (string, []byte, error) {
	var v starlark.Value
	if err := starlark.UnpackArgs(function, args, kwargs, "path", &v); err != nil {
		return "", nil, err
	}
	p, err := e.plain(v)
	if err == nil {
		p, err = e.workspace.clean(p)
	}
	var text []byte
	if err == nil {
		text, err = e.read(p)
	}
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", function, err)
	}
	return p, text, nil
}
