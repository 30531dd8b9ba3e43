package executor

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// A plugin's description is the value of a node of its own, whose name no declaration can have: describing is an action
// with a trace (design page 4), so an up-to-date build starts no plugin.
const pluginPrefix = "//plugin/"

// descriptionVersion names what is kept of a description; another one finds nothing that this one recorded.
const descriptionVersion = trace.KeyVersion + " describe 2"

// plugin returns the node of a plugin's description.
func (l *loop) plugin(name string) *node {
	full := pluginPrefix + name
	if n, ok := l.nodes.find(full); ok {
		return n
	}
	n := &node{name: full, index: -1}
	return l.nodes.add(full, n)
}

func (l *loop) pluginDecl(n *node) *graph.Plugin {
	for i := range l.g.Plugins {
		if pluginPrefix+l.g.Plugins[i].Name == n.name {
			return &l.g.Plugins[i]
		}
	}
	panic("internal error: no plugin " + n.name)
}

// asStep sees a plugin's command line as a step's, which it is but for its name.
func asStep(p *graph.Plugin) *graph.Step {
	s := &graph.Step{Cmd: p.Cmd, Env: p.Env, Secrets: p.Secrets}
	for i := range p.Cmd {
		if text, ok := p.Cmd[i].Value.V.(string); ok && i > 0 && text != "" && text[0] != '-' {
			s.Words = append(s.Words, text)
		}
	}
	for _, source := range p.Sources {
		s.Deps = append(s.Deps, graph.Dep{Path: source})
	}
	return s
}

func (l *loop) declarePlugin(n *node) {
	s := asStep(l.pluginDecl(n))
	s.Refs(func(r graph.Ref) { n.deps = append(n.deps, l.named(r.Node)) })
	n.leaves = l.stepLeaves(s)
}

// pluginParts are the parts of the key under which a description stands: they are also the identity of a program that
// cannot tell its functions' code apart.
func (l *loop) pluginParts(n *node) ([]trace.Component, error) {
	s := asStep(l.pluginDecl(n))
	shadow := newNode(n.name, &graph.Node{Step: s})
	shadow.leaves = n.leaves
	k := keyer{l: l, n: shadow, parts: []trace.Component{part(partVersion, "", descriptionVersion)}}
	if err := k.code(); err != nil {
		return nil, err
	}
	err := k.env(s.Env, l.e.environ)
	k.files()
	return k.parts, err
}

// pluginProcess is what the plugin's processes are started from, made once in a build. Its inputs are done.
func (l *loop) pluginProcess(n *node) (*PluginProcess, error) {
	l.describing.Lock()
	defer l.describing.Unlock()
	if p, ok := l.processes[n]; ok {
		return p, nil
	}
	p, err := l.newPluginProcess(n)
	if err == nil {
		l.processes[n] = p
	}
	return p, err
}

func (l *loop) forgetProcesses() {
	l.describing.Lock()
	defer l.describing.Unlock()
	clear(l.processes)
}

func (l *loop) newPluginProcess(n *node) (*PluginProcess, error) {
	p := l.pluginDecl(n)
	s := asStep(p)
	r := renderer{n: newNode(n.name, &graph.Node{Step: s}), node: l.named}
	if l.isProgram(n) {
		return &PluginProcess{Name: p.Name}, nil
	}
	argv, err := r.command()
	if err != nil {
		return nil, err
	}
	if len(argv) == 0 {
		return nil, fmt.Errorf("plugin %q: its command has no words", p.Name)
	}
	path, err := l.programPath(argv[0])
	if err != nil {
		return nil, fmt.Errorf("plugin %q: %w", p.Name, err)
	}
	tmp := filepath.Join(l.e.cfg.Root, ".calyx", "tmp")
	if err := os.MkdirAll(tmp, 0o777); err != nil {
		return nil, err
	}
	env, err := l.environmentOf(p.Env, p.Secrets, tmp, &r)
	if err != nil {
		return nil, err
	}
	return &PluginProcess{
		Name: p.Name, Workers: p.Workers, Secrets: l.e.environ.values(p.Secrets),
		Command: Command{Path: path, Argv: argv, Env: env, Dir: l.e.cfg.Root},
	}, nil
}

// codeOf is a function and the digest of what it runs.
type codeOf struct {
	FunctionDescription
	code string
}

// describe reads a plugin's description, once in a build.
func (l *loop) describe(n *node) (*Description, error) {
	l.describing.Lock()
	defer l.describing.Unlock()
	if d, ok := l.described[n]; ok {
		return d, nil
	}
	text, err := l.e.content(l.ctx, n.value)
	if err != nil {
		return nil, err
	}
	var d Description
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("read the description of plugin %q: %w", n.name, err)
	}
	l.described[n] = &d
	return &d, nil
}

// function finds a function of a plugin whose description is there.
func (l *loop) function(n *node, name string) (codeOf, error) {
	d, err := l.describe(n)
	if err != nil {
		return codeOf{}, err
	}
	var names []string
	for _, f := range d.Functions {
		if f.Name == name {
			c := codeOf{FunctionDescription: f, code: f.Code}
			if c.code == "" {
				c.code = l.programCode(n)
			}
			return c, nil
		}
		names = append(names, f.Name)
	}
	err = fmt.Errorf("plugin %q has no function %q", strings.TrimPrefix(n.name, pluginPrefix), name)
	if near := graph.Nearest(name, names); near != "" {
		err = fmt.Errorf("%w (did you mean %q?)", err, near)
	}
	return codeOf{}, &FunctionError{err}
}

// FunctionError says that a Calyxfile or a target names a function that is none, or an argument that a function does not take.
type FunctionError struct{ error }

// Unwrap returns the cause.
func (e *FunctionError) Unwrap() error { return e.error }

// programCode is the identity of a plugin whose functions have none of their own: its program, its words and sources.
func (l *loop) programCode(n *node) string {
	var sources []byte
	for _, f := range n.observedLeaves {
		sources = append(sources, f.digest[:]...)
	}
	return hashing.Sum(append(n.key[:], sources...)).String()
}

// sourcesOf are the reads that a description adds to its trace: the sources that the plugin names.
func (e *Engine) sourcesOf(result []byte) []trace.Request {
	var d Description
	if json.Unmarshal(result, &d) != nil {
		return nil
	}
	var all []trace.Request
	for _, s := range d.Sources {
		all = append(all, e.spelt(trace.Request{Kind: trace.File, Subject: s}))
	}
	return all
}
