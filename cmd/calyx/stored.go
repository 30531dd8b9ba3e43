package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/state"
)

// stateOf opens the stored values of the workspace, and returns what the Calyxfile declares with them.
func (a *app) stateOf(ctx context.Context, s *session) (*graph.Declarations, *state.Store, error) {
	d, err := s.engine.Graph(ctx)
	if err != nil {
		return nil, nil, err
	}
	backend := d.Workspace.State
	if backend == "" {
		backend = state.Default
	}
	store, err := state.Open(backend, s.Root)
	return d, store, err
}

// setValues sets all values or, where one is refused, none.
func (a *app) setValues(ctx context.Context, s *session, list []assignment) error {
	d, store, err := a.stateOf(ctx, s)
	if err != nil {
		return err
	}
	values, err := coerceAll(d, list)
	if err != nil {
		return err
	}
	before, err := store.Values(a.global.instance)
	if err != nil {
		return err
	}
	if _, err := store.Set(a.global.instance, values); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		old, set := before[name]
		if !set {
			old = storedNamed(d, name).Stored.Default.V
		}
		a.say("%s", changeText(name, old, values[name]))
	}
	return nil
}

// changeText says what a value was and is.
func changeText(name string, before, now any) string {
	was, is := spelled(before), spelled(now)
	if was == is {
		return fmt.Sprintf("%s is %s already", console.Line(name), is)
	}
	return fmt.Sprintf("%s: %s → %s", console.Line(name), was, is)
}

// maxSpelled is how much of a value a line shows, in cells.
const maxSpelled = 60

// spelled shows a value as `calyx get --json` does.
func spelled(v any) string {
	text, err := graph.JSON(v)
	if err != nil {
		return "?"
	}
	return console.Truncate(console.Line(string(text)), maxSpelled)
}

// coerceAll checks names and gives each value the declared type.
func coerceAll(d *graph.Declarations, list []assignment) (map[string]any, error) {
	values := map[string]any{}
	for _, as := range list {
		n, err := settable(d, as.name)
		if err != nil {
			return nil, err
		}
		if _, twice := values[as.name]; twice {
			return nil, usage("", "set %q: it is named twice", as.name)
		}
		if as.typed {
			values[as.name], err = state.CoerceValue(n.Stored.Default.V, as.value)
		} else {
			values[as.name], err = state.Coerce(n.Stored.Default.V, as.text)
		}
		if err != nil {
			return nil, usage(typeHint(n), "set %q: %w", as.name, err)
		}
	}
	return values, nil
}

func typeHint(n *graph.Node) string {
	if n.Stored.Default.V == nil {
		return ""
	}
	return fmt.Sprintf("the Calyxfile declares it as %s", spelled(n.Stored.Default.V))
}

// settable returns the parameter or variable of that name.
func settable(d *graph.Declarations, name string) (*graph.Node, error) {
	n := storedNamed(d, name)
	switch {
	case n == nil:
		return nil, unknownStored(d, name)
	case n.Stored == nil:
		return nil, usage(nearParameter(d, name), "set %q: it is a step, and its value is derived", name)
	case n.Stored.Path != "":
		return nil, usage(fmt.Sprintf("change %s itself", n.Stored.Path), "set %q: it is a file, and calyx never writes one", name)
	case n.Stored.Glob != "":
		return nil, usage("change the files themselves", "set %q: it is the files that match %q, and calyx never writes them", name, n.Stored.Glob)
	}
	return n, nil
}

func storedNamed(d *graph.Declarations, name string) *graph.Node {
	for _, n := range d.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

func unknownStored(d *graph.Declarations, name string) error {
	hint := nearParameter(d, name)
	if hint == "" {
		hint = "`calyx ls --all` lists what there is"
	}
	return usage(hint, "find the stored value %q: there is none of that name", name)
}

func nearParameter(d *graph.Declarations, name string) string {
	var names []string
	for _, n := range d.Nodes {
		if isParameter(n) {
			names = append(names, n.Name)
		}
	}
	return didYouMean(name, names)
}

// unsetValues gives values back to their sources, all or none.
func (a *app) unsetValues(ctx context.Context, s *session, names []string) error {
	d, store, err := a.stateOf(ctx, s)
	if err != nil {
		return err
	}
	set, err := store.Values(a.global.instance)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, ok := set[name]; ok {
			continue // also one that the Calyxfile declares no more
		}
		if _, err := settable(d, name); err != nil {
			return err
		}
	}
	if _, err := store.Unset(a.global.instance, names); err != nil {
		return err
	}
	a.sayUnset(d, set, names)
	return nil
}

func (a *app) sayUnset(d *graph.Declarations, set map[string]any, names []string) {
	for _, name := range names {
		old, was := set[name]
		n := storedNamed(d, name)
		switch {
		case !was:
			a.say("%s was not set", console.Line(name))
		case n == nil || n.Stored.Env != "":
			a.say("%s is not set to %s any more", console.Line(name), spelled(old))
		default:
			a.say("%s", strings.TrimSuffix(changeText(name, old, n.Stored.Default.V), " already"))
		}
	}
}
