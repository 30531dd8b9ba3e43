package calyxfile

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// storedCall collects the arguments of stored().
type storedCall struct {
	call
	graph.Stored
	doc         string
	sources     []string // which of path, glob, value and env are there
	hasFallback bool     // default is there
}

var storedSignature = signature[storedCall]{
	setters: map[string]func(*storedCall, starlark.Value) error{
		"name":    func(*storedCall, starlark.Value) error { return nil },
		"path":    (*storedCall).setPath,
		"glob":    (*storedCall).setGlob,
		"value":   (*storedCall).setValue,
		"env":     (*storedCall).setEnv,
		"default": (*storedCall).setDefault,
		"exclude": func(s *storedCall, v starlark.Value) error { return into(&s.Exclude, s.e.patterns, v) },
		"format":  func(_ *storedCall, v starlark.Value) error { return unsupported("format", valueFormat(v)) },
		"doc":     func(s *storedCall, v starlark.Value) error { return into(&s.doc, s.e.plain, v) },
	},
	positional: []string{"name"},
	nullable:   []string{"value", "default"},
}

// stored implements stored().
func (e *evaluation) stored(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	s := &storedCall{call: e.newCall("stored")}
	s.takeName(args, kwargs)
	storedSignature.bind(&s.call, s, args, kwargs)
	if !s.failed {
		s.check()
	}
	stored := s.Stored // a copy: s holds on to the evaluation
	d := &declared{Node: &graph.Node{Name: s.name, Pos: s.pos, Doc: s.doc, Stored: &stored}, bad: s.failed}
	if s.name != "" {
		s.declare(d)
	}
	return &handle{e: e, node: d}, nil
}

// check looks at what the arguments are together.
func (s *storedCall) check() {
	switch n := len(s.sources); {
	case n == 0:
		s.fail("", "it needs one of path, glob, value and env")
	case n > 1:
		s.fail(s.sources[1], "it can have one source, not %s", strings.Join(s.sources, " and "))
	case s.hasFallback && s.sources[0] != "env":
		s.fail("default", "only env takes a default")
	case len(s.Exclude) > 0 && s.sources[0] != "glob" && s.sources[0] != "path":
		s.fail("exclude", "exclude belongs to glob and path")
	}
}

func (s *storedCall) source(name string) { s.sources = append(s.sources, name) }

func (s *storedCall) setPath(v starlark.Value) error {
	s.source("path")
	return into(&s.Path, s.e.path, v)
}

// path returns a clean path.
func (e *evaluation) path(v starlark.Value) (string, error) {
	p, err := e.plain(v)
	if err != nil {
		return "", err
	}
	return e.workspace.clean(p)
}

func (s *storedCall) setGlob(v starlark.Value) error {
	s.source("glob")
	return into(&s.Glob, s.e.pattern, v)
}

func (s *storedCall) setEnv(v starlark.Value) error {
	s.source("env")
	return into(&s.Env, s.e.variableName, v)
}

func (s *storedCall) setValue(v starlark.Value) error {
	s.source("value")
	s.HasDefault = true
	return into(&s.Default.V, s.e.literal, v)
}

func (s *storedCall) setDefault(v starlark.Value) error {
	switch v.(type) {
	case starlark.String, starlark.NoneType:
	default:
		return want("a string, as variables have", v)
	}
	s.HasDefault, s.hasFallback = true, true
	return into(&s.Default.V, s.e.literal, v)
}

// paramsCall collects the arguments of params().
type paramsCall struct {
	call
	path, prefix string
}

var paramsSignature = signature[paramsCall]{
	setters: map[string]func(*paramsCall, starlark.Value) error{
		"path": func(p *paramsCall, v starlark.Value) error { return into(&p.path, p.e.path, v) },
		"name": func(p *paramsCall, v starlark.Value) error { return into(&p.prefix, p.e.plain, v) },
	},
	positional: []string{"path", "name"},
}

// params declares a stored node for each leaf of a file. A file that cannot be read stops the evaluation: nothing is
// known of the names that it would give.
func (e *evaluation) params(args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	p := &paramsCall{call: e.newCall("params"), prefix: "params"}
	paramsSignature.bind(&p.call, p, args, kwargs)
	switch {
	case p.failed:
		return nil, errReported
	case p.path == "":
		return nil, errors.New("params: it needs the path of a file")
	case !graph.ValidName(p.prefix):
		return nil, fmt.Errorf("params: %q is no name", p.prefix)
	}
	tree, err := p.parse()
	if err != nil {
		return nil, fmt.Errorf("params %q: %w", p.path, err)
	}
	return p.section(p.prefix, nil, tree), nil
}

// parse reads the file by the format that its name tells.
func (p *paramsCall) parse() (hashing.Map, error) {
	parsers := map[string]parser{".json": parseJSON, ".yaml": parseYAML, ".yml": parseYAML, ".toml": parseTOML}
	parse, ok := parsers[path.Ext(p.path)]
	if !ok {
		return nil, errors.New("its name must end in .yaml, .yml, .toml or .json")
	}
	text, err := p.e.read(p.path)
	if err != nil {
		return nil, err
	}
	v, err := parse(text)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case hashing.Map:
		return v, nil
	case nil:
		return nil, nil
	}
	return nil, errors.New("it holds no mapping of names to values")
}

// section declares the leaves of a mapping.
func (p *paramsCall) section(name string, key []string, m hashing.Map) *section {
	s := &section{kind: "params", name: name, members: make(map[string]starlark.Value, len(m))}
	for _, entry := range m {
		member := name + "." + entry.Key
		at := slices.Concat(key, []string{entry.Key})
		switch v := entry.Value.(type) {
		case hashing.Map:
			s.members[entry.Key] = p.section(member, at, v)
		default:
			s.members[entry.Key] = p.leaf(member, at, v)
		}
	}
	return s
}

func (p *paramsCall) leaf(name string, key []string, v any) *handle {
	stored := graph.Stored{Params: p.path, Key: key, Default: graph.Literal{V: v}, HasDefault: true}
	d := &declared{Node: &graph.Node{Name: name, Pos: p.pos, Stored: &stored}}
	if graph.ValidName(name) {
		p.declare(d)
	} else {
		p.fail("path", "the key %q of %q cannot be part of a name", key[len(key)-1], p.path)
		d.bad = true
	}
	return &handle{e: p.e, node: d}
}
