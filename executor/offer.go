package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/calyxfile"
	"github.com/calyx-build/calyx/hashing"
)

// offered is a plugin that an evaluation had described: what it says of itself, or why it could not be asked. It is asked once
// in the engine's life, as the Calyxfile is evaluated once.
type offered struct {
	action      hashing.Digest // of the plugin's declaration
	decl        graph.Plugin
	description *Description
	err         error
	leaves      []*leaf // what the description hangs on
}

// describeAlone describes a plugin for the evaluation, before there is a graph. It is the same action as in a build, so a
// description that still holds starts nothing.
func (e *Engine) describeAlone(ctx context.Context, p graph.Plugin) (*offered, error) {
	encoded, err := graph.Encode(&graph.Declarations{Plugins: []graph.Plugin{p}}, nil)
	if err != nil {
		return nil, err
	}
	o := &offered{action: hashing.Sum(encoded), decl: p}
	if known := e.offered[p.Name]; known != nil && known.action == o.action {
		return known, nil
	}
	if err := e.ask(ctx, o, encoded); err != nil {
		return nil, err
	}
	if e.offered == nil {
		e.offered = map[string]*offered{}
	}
	e.offered[p.Name] = o
	return o, nil
}

// ask looks the description up, and starts the plugin where none holds. Its error is calyx's own.
func (e *Engine) ask(ctx context.Context, o *offered, encoded []byte) error {
	g, err := graph.Open(encoded)
	if err == nil {
		err = e.open(ctx)
	}
	if err != nil {
		return err
	}
	// To look is enough where the description holds; a cache or a workspace that cannot be written serves then too.
	if err := e.describeIn(ctx, g, o, true); err != nil || o.description != nil {
		return err
	}
	if err := errors.Join(e.takeUse(), e.takeRunner()); err != nil {
		return err
	}
	return e.describeIn(ctx, g, o, false)
}

// describeIn looks the description up, or (no survey) makes it. A survey that finds none that holds leaves o as it is.
func (e *Engine) describeIn(ctx context.Context, g *graph.Graph, o *offered, survey bool) error {
	l := e.newLoop(ctx, g, Options{Jobs: 1}, survey)
	defer l.cancel()
	// Which paths steps own is known only after the evaluation, so the graph of the last one says it.
	l.owners = e.lastGraph()
	l.commits.before = func() {} // no value of a node is replaced
	if survey {
		defer e.look()()
	}
	n := l.plugin(o.decl.Name)
	l.soon(func() { l.demand(n) })
	l.drive()
	if !survey {
		l.reviveTargets([]target{{n: n}}) // a long description is a blob, which the cache may have lost
	}
	switch {
	case l.broken != nil:
		return l.broken
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case n.state == done && n.dirty == clean:
		if d, err := l.describe(n); err == nil || !survey { // else the cache has lost it
			o.description, o.err = d, err
		}
	case !survey:
		o.err = undescribed(o.decl.Name, n)
	}
	o.leaves = slices.Concat(n.leaves, n.observedLeaves)
	return nil
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
	if n.failure.Declared {
		return errors.New(text)
	}
	return &calyxfile.PluginError{Text: text}
}

// rests are the paths that the description hangs on, as far as a step could make them: what is listed leaves those out.
func (o *offered) rests() (paths []string) {
	for _, f := range o.leaves {
		switch f.kind {
		case leafWord, leafProgram, leafFile, leafExists, leafStored:
			paths = append(paths, f.subject)
		}
	}
	return paths
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

// used calls yield for every plugin that the evaluation used, until yield returns false.
func (e *Engine) used(yield func(*offered) bool) {
	for _, r := range e.reads {
		if r.Kind == "plugin" && !yield(e.offered[r.Subject]) {
			return
		}
	}
}

// offersDigest is the digest of what the plugins declare that the evaluation used.
func (e *Engine) offersDigest() hashing.Digest {
	var all []byte
	for _, r := range e.reads {
		if r.Kind == "plugin" {
			all = append(append(all, r.Subject...), r.Digest[:]...)
		}
	}
	return hashing.Sum(all)
}

// pinOffers lets the build compare what it sees of files with what the evaluation saw of them.
func (l *loop) pinOffers() {
	for o := range l.e.used {
		for _, f := range o.leaves {
			l.pin(f)
		}
	}
}

// offers keeps what the descriptions of used plugins hang on: another description may mean other nodes.
func (k *keeping) offers() bool {
	row := snapshot.Node{Name: stillOffers, Data: nodeNote{index: -1}.encode()}
	for o := range k.l.e.used {
		for _, f := range o.leaves {
			i, ok := k.leaf(f)
			if !ok {
				return false
			}
			row.Leaves = append(row.Leaves, i)
		}
	}
	if len(row.Leaves) == 0 {
		return true
	}
	number := k.number(&node{name: stillOffers, index: -1})
	k.edit.SetNode(number, row)
	k.roots = append(k.roots, number)
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
