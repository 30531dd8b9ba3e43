package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/ahead"
	"github.com/calyx-build/calyx/cmd/calyx/internal/place"
	"github.com/calyx-build/calyx/cmd/calyx/internal/release"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/state"
	"github.com/calyx-build/calyx/plugins/command/watch"
	"github.com/calyx-build/calyx/reports"
)

var errNoCalyxfile = errors.New("there is none")

// findWorkspace finds the Calyxfile: the one that is named, or the nearest one from the working directory upwards.
func findWorkspace(cwd, named string) (place.Place, error) {
	if named != "" {
		return namedWorkspace(cwd, named)
	}
	p, ok := place.Above(cwd)
	if !ok {
		return place.Place{}, usage("`calyx init` writes a first one", "find a Calyxfile in %q or above: %w", cwd, errNoCalyxfile)
	}
	return p, nil
}

func namedWorkspace(cwd, named string) (place.Place, error) {
	file := named
	if !filepath.IsAbs(file) {
		file = filepath.Join(cwd, file)
	}
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return place.Place{}, usage("", "--calyxfile %q: there is no such file", named)
	case err != nil:
		return place.Place{}, usage("", "--calyxfile %q: %w", named, causeOf(err))
	case info.IsDir():
		return place.Place{}, usage("-C works in a folder", "--calyxfile %q: it is a folder", named)
	}
	root, err := filepath.EvalSymlinks(filepath.Dir(file))
	if err != nil {
		return place.Place{}, usage("", "--calyxfile %q: %w", named, causeOf(err))
	}
	return place.At(cwd, root, filepath.Base(file)), nil
}

// session is a workspace that a command works with.
type session struct {
	place.Place
	engine *executor.Engine
}

// open finds the workspace; the engine opens what it needs when it needs it.
func (a *app) open() (*session, error) {
	cwd, err := place.WorkingDirectory()
	if err != nil {
		return nil, err
	}
	p, err := findWorkspace(cwd, a.global.calyxfile)
	if err != nil {
		return nil, err
	}
	starter := &watch.Starter{}
	c := a.config(p, place.Cache(cwd, p.Root, a.global.cacheDir))
	c.Runner = func() (executor.Runner, error) { return newRunner(starter), nil }
	c.Watch = starter.Usable
	c.Ahead = ahead.Take
	return &session{Place: p, engine: executor.New(c)}, nil
}

// config is what engines work with besides what carries steps out.
func (a *app) config(p place.Place, cache string) executor.Config {
	return executor.Config{
		Root: p.Root, Calyxfile: p.Calyxfile, Instance: a.global.instance, CacheDir: cache,
		Version: release.Text(), Environ: os.Environ(),
		Stored: func(backend, instance string) (map[string]any, error) { return state.Values(backend, p.Root, instance) },
		Coerce: state.Coerce, CoerceValue: state.CoerceValue,
		Times: usualTimes,
		Store: func(ctx context.Context) (cas.Store, error) { return a.openStore(ctx, cache) },
		Print: func(text string) { a.say("%s", printed(text)) },
	}
}

// usualTimes gives the engine the recorded seconds of nodes.
func usualTimes(ctx context.Context, store cas.Store, scope trace.Scope) (func(string) (float64, bool), error) {
	times, err := reports.LoadTimes(ctx, store, scope)
	if err != nil {
		return nil, err
	}
	return times.Seconds, nil
}

// within opens the workspace, lets do work with it, and closes it.
func (a *app) within(ctx context.Context, do func(context.Context, *session) error) error {
	s, err := a.open()
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, s), s.engine.Close())
}

// store is the store that the engine works with.
func (s *session) store(ctx context.Context) (cas.Store, error) {
	store, _, err := s.engine.Store(ctx)
	return store, err
}

// targets makes typed targets the engine's: paths of outputs are typed from the working directory, and become paths from
// the workspace's folder. A target of a past run is refused.
func (s *session) targets(ctx context.Context, typed []string) ([]string, error) {
	if err := s.refuseRuns(ctx, typed); err != nil {
		return nil, err
	}
	if s.Below == "" || len(typed) == 0 {
		return typed, nil
	}
	d, err := s.engine.Graph(ctx)
	if err != nil {
		return nil, err
	}
	return fromBelow(d, s.Below, typed)
}

// fromFolder is a path that was typed in a folder of the workspace, as seen from the workspace's.
func fromFolder(below, typed string) string { return path.Join(below, filepath.ToSlash(typed)) }

func matchesAny(pattern string, words map[string]bool, match func(pattern, word string) bool) bool {
	for w := range words {
		if match(pattern, w) {
			return true
		}
	}
	return false
}

// fromBelow rewrites the targets that name no node but, seen from the folder below, an output.
func fromBelow(d *graph.Declarations, below string, typed []string) ([]string, error) {
	names, outputs := map[string]bool{}, map[string]bool{}
	for _, n := range d.Nodes {
		names[n.Name] = true
		for _, o := range outputsOf(n) {
			outputs[o.Path] = true
		}
	}
	targets := make([]string, len(typed))
	for i, text := range typed {
		if at := fromFolder(below, text); !names[text] && outputs[at] {
			targets[i] = at
			continue
		}
		t, err := graph.ParseTarget(text)
		if err != nil {
			return nil, err
		}
		targets[i] = text
		at := fromFolder(below, t.Name)
		if !names[t.Name] && outputs[at] || t.Pattern && !matchesAny(t.Name, names, graph.MatchesName) && matchesAny(at, outputs, doublestar.MatchUnvalidated) {
			t.Name = at
			targets[i] = t.String()
		}
	}
	return targets, nil
}
