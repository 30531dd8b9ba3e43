package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// offered is a plugin that an evaluation had described, with what the description hangs on.
type offered struct {
	decl   graph.Plugin
	leaves []*leaf
}

// describeAlone describes a plugin for the evaluation, before there is a graph. It is the same action as in a build, so a
// description that still holds starts nothing.
func (e *Engine) describeAlone(ctx context.Context, p graph.Plugin) (*Description, error) {
	if err := e.open(ctx); err != nil {
		return nil, err
	}
	encoded, err := graph.Encode(&graph.Declarations{Plugins: []graph.Plugin{p}}, nil)
	if err != nil {
		return nil, err
	}
	g, err := graph.Open(encoded)
	if err != nil {
		return nil, err
	}
	// To look is enough where the description holds; a cache or a workspace that cannot be written serves then too.
	if d, err := e.describeIn(ctx, g, p, true); d != nil || err != nil {
		return d, err
	}
	if err := errors.Join(e.takeUse(), e.takeRunner()); err != nil {
		return nil, err
	}
	return e.describeIn(ctx, g, p, false)
}

// describeIn looks the description up, or (no survey) makes it. It is nil where a survey finds none that holds.
func (e *Engine) describeIn(ctx context.Context, g *graph.Graph, p graph.Plugin, survey bool) (*Description, error) {
	l := e.newLoop(ctx, g, Options{Jobs: 1}, survey)
	defer l.cancel()
	if survey {
		defer e.look()()
	}
	n := l.plugin(p.Name)
	l.soon(func() { l.demand(n) })
	l.drive()
	switch {
	case l.broken != nil:
		return nil, l.broken
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case survey && (n.state != done || n.dirty != clean):
		return nil, nil
	case n.state != done:
		return nil, undescribed(p.Name, n)
	}
	d, err := l.describe(n)
	if err != nil && survey {
		return nil, nil // the cache has lost it
	}
	if e.offered == nil {
		e.offered = map[string]*offered{}
	}
	e.offered[p.Name] = &offered{decl: p, leaves: append(append([]*leaf{}, n.leaves...), n.observedLeaves...)}
	return d, err
}

// undescribed says what a plugin did instead of describing itself, with the end of what it wrote.
func undescribed(name string, n *node) error {
	if n.failure == nil {
		return fmt.Errorf("plugin %q was not described", name)
	}
	text := n.failure.Message
	if details := strings.TrimRight(n.failure.Details, "\n"); details != "" {
		text += "\n" + details
	}
	return errors.New(text)
}

// declares is the digest of what a Calyxfile sees of a description. What the functions compute is not in it: an edit of a
// function's body concerns its node alone.
func (d *Description) declares() hashing.Digest {
	seen := Description{Functions: make([]FunctionDescription, len(d.Functions)), Stored: d.Stored}
	for i, f := range d.Functions {
		seen.Functions[i] = FunctionDescription{Name: f.Name, Doc: f.Doc, Parameters: f.Parameters, Options: f.Options}
	}
	text, err := json.Marshal(seen)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return hashing.Sum(text)
}

// offer is the description as a Calyxfile takes it.
func (d *Description) offer() (*graph.Offer, error) {
	o := &graph.Offer{}
	for _, f := range d.Functions {
		function := graph.Function{Name: f.Name, Doc: f.Doc}
		for _, p := range f.Parameters {
			v, has, err := optional(p.Default)
			if err != nil {
				return nil, fmt.Errorf("plugin %q: the default of %q of %q: %w", d.Name, p.Name, f.Name, err)
			}
			function.Parameters = append(function.Parameters, graph.Parameter{Name: p.Name, Default: v, HasDefault: has})
		}
		for _, option := range f.Options {
			v, _, err := optional(option.Value)
			if err != nil {
				return nil, fmt.Errorf("plugin %q: the option %q of %q: %w", d.Name, option.Name, f.Name, err)
			}
			function.Options = append(function.Options, graph.NamedLiteral{Name: option.Name, Value: v})
		}
		o.Functions = append(o.Functions, function)
	}
	for _, s := range d.Stored {
		v, has, err := optional(s.Default)
		if err != nil {
			return nil, fmt.Errorf("plugin %q: the value of %q: %w", d.Name, s.Name, err)
		}
		o.Stored = append(o.Stored, graph.OfferedStored{Name: s.Name, Doc: s.Doc, Path: s.Path, Glob: s.Glob, Env: s.Env, Default: v, HasDefault: has})
	}
	return o, nil
}

// optional reads a JSON text that may be empty.
func optional(text string) (v graph.Literal, has bool, err error) {
	if text == "" {
		return v, false, nil
	}
	v.V, err = graph.ParseJSON([]byte(text))
	return v, true, err
}

// offers keeps what the descriptions of used plugins hang on, as facts: another description may mean other nodes.
func (k *keeping) offers(facts *snapshot.Node) bool {
	for _, r := range k.l.e.reads {
		if r.Kind != "plugin" {
			continue
		}
		o := k.l.e.offered[r.Subject]
		if o == nil {
			return false
		}
		for _, f := range o.leaves {
			i, ok := k.leaf(f)
			if !ok {
				return false
			}
			facts.Leaves = append(facts.Leaves, i)
		}
	}
	return true
}

// offerVariables adds the variables that a description hangs on.
func (k *keeping) offerVariables(o *offered) {
	if o == nil {
		return
	}
	for _, v := range o.decl.Env {
		k.vars[v.Name] = true
	}
	for _, f := range o.leaves {
		if f.kind == leafEnv {
			k.vars[f.subject] = true
		}
	}
}
