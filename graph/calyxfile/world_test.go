package calyxfile_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sort"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/calyxfile"
)

// world is a Source in memory.
type world struct {
	files   map[string]string
	env     map[string]string
	set     map[string]any // stored values that differ from their defaults
	printed []string
	offers  map[string]*graph.Offer // what plugins declare
}

func (w *world) ReadFile(path string, limit int64) ([]byte, error) {
	text, ok := w.files[path]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text[:min(int64(len(text)), limit+1)]), nil
}

func (w *world) Glob(pattern string, exclude []string) ([]string, error) {
	var found []string
	for name := range w.files {
		if doublestar.MatchUnvalidated(pattern, name) && !matchesAny(exclude, name) {
			found = append(found, name)
		}
	}
	sort.Strings(found)
	return found, nil
}

func matchesAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if doublestar.MatchUnvalidated(p, name) {
			return true
		}
	}
	return false
}

func (w *world) Env(name string) (string, bool) {
	v, ok := w.env[name]
	return v, ok
}

func (w *world) Stored(name string, decl graph.Stored) (any, error) {
	if v, ok := w.set[name]; ok {
		return v, nil
	}
	if !decl.HasDefault {
		return nil, errors.New("it has no value")
	}
	return decl.Default.V, nil
}

func (w *world) Describe(p graph.Plugin) (*graph.Offer, error) {
	if o, ok := w.offers[p.Name]; ok {
		return o, nil
	}
	return nil, &calyxfile.PluginError{Text: fmt.Sprintf("plugin %q ended with exit status 1 before it was ready", p.Name)}
}

func (w *world) Print(pos graph.Pos, text string) {
	w.printed = append(w.printed, fmt.Sprintf("%s: %s", pos, text))
}

// evaluate runs a Calyxfile with the other files beside it.
func (w *world) evaluate(text string) (*graph.Declarations, error) {
	if w.files == nil {
		w.files = map[string]string{}
	}
	w.files["Calyxfile"] = text
	return calyxfile.Evaluate(context.Background(), calyxfile.Options{Path: "Calyxfile", Root: "/ws", Source: w})
}

// must evaluates a Calyxfile that has no errors.
func (w *world) must(t testing.TB, text string) *graph.Declarations {
	t.Helper()
	d, err := w.evaluate(text)
	if err != nil {
		t.Fatalf("evaluate:\n%v", err)
	}
	return d
}

// node finds a declaration by its name.
func node(t testing.TB, d *graph.Declarations, name string) *graph.Node {
	t.Helper()
	var names []string
	for _, n := range d.Nodes {
		if n.Name == name {
			return n
		}
		names = append(names, n.Name)
	}
	t.Fatalf("no node %q among %s", name, strings.Join(names, ", "))
	return nil
}
