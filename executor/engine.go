package executor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/still"
	"github.com/calyx-build/calyx/executor/workspace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/state"
	"github.com/calyx-build/calyx/hashing"
)

// Config is what an engine works with. An engine that finds nothing to do calls neither Store nor Runner.
type Config struct {
	Root      string // the workspace's folder, absolute, without links
	Calyxfile string // the Calyxfile, relative to Root
	Instance  string
	CacheDir  string
	Version   string
	Environ   []string // the user's environment
	// Store opens the store; it is called at most once.
	Store func(ctx context.Context) (cas.Store, error)
	// Runner returns what carries tasks out; it is called when the first one comes, and after Renew again.
	Runner func() (Runner, error)
	// Watch reports why commands cannot be watched here; nil: they can. A nil Watch: they cannot.
	Watch func() error
	// Times returns the recorded seconds of nodes, for estimates and for what to start first; nil: none are known.
	Times func(ctx context.Context, store cas.Store, scope trace.Scope) (func(node string) (float64, bool), error)
	// Stored returns the values that `set` put into the instance, by name. backend is the Calyxfile's.
	Stored func(backend, instance string) (map[string]any, error)
	// Coerce turns the text of a --set into a value of the type that the declaration gives.
	Coerce func(declared any, text string) (any, error)
	// CoerceValue does the same with a value that was set before; nil: values are as they are.
	CoerceValue func(declared, v any) (any, error)
	// Ahead returns a look at the last build's snapshot that was begun before there was an engine, and the memory of what it read;
	// ok is false where none was, or for another question. It calls moved as still.Ask does. nil: none was begun.
	Ahead func(q *still.Question, moved func()) (look still.Look, memo *hashing.Memo, ok bool)
	// Now tells the time by which results expire and runs are dated; nil: the system's.
	Now func() time.Time
	// Print takes what a Calyxfile prints.
	Print func(text string)
	// Program, where it is not nil, is served instead of the steps of the Calyxfile, which then may be missing.
	Program *Program
}

// Engine answers questions about one workspace and instance, and builds. Its methods are not safe for concurrent use.
type Engine struct {
	cfg     Config
	environ environ
	memo    *hashing.Memo
	clock   hashing.Clock
	project *graph.Graph // of the Calyxfile
	graph   *graph.Graph // the same, or that of the program
	doubted bool         // the world may have changed since they were made
	full    bool         // a disk had no room left
	last    *graph.Graph // see lastGraph
	reads   []read
	gone    []string       // see evaluation
	set     map[string]any // --set
	state   map[string]any // what `set` put into the instance
	left    hashing.Digest // of the values that were set before; zero: they did not change
	parts   parts
	trees   trees
	roots   rooter
	sets    keptSets

	opening sync.Mutex // held while what follows is opened

	store  cas.Store
	db     *trace.DB
	scope  trace.Scope
	ws     *workspace.Workspace
	runner Runner
	// offered are the plugins that use() had described, by name.
	offered map[string]*offered
	times   func(node string) (float64, bool)
	notes   func(node, text string)
}

// New returns an engine; it reads nothing yet.
func New(cfg Config) *Engine {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	e := &Engine{cfg: cfg, environ: newEnviron(cfg.Environ)}
	e.parts.known = map[hashing.Digest][]trace.Named{}
	e.roots = rooter{home: e.home(), known: map[string]string{}}
	e.clock = func() int64 { return time.Now().UnixNano() }
	e.memo = hashing.NewMemo(func() int64 { return e.clock() })
	return e
}

// Close gives back what the engine opened.
func (e *Engine) Close() error {
	e.opening.Lock()
	defer e.opening.Unlock()
	err := e.dropRunner()
	if e.full {
		e.forgetBytecode()
	}
	if e.ws != nil {
		err = errors.Join(err, e.ws.Close())
	}
	if e.store != nil {
		err = errors.Join(err, e.store.Close())
	}
	return err
}

// openSoon has the store opened while other things are done. Who needs it opens it, and so waits for that.
func (e *Engine) openSoon(ctx context.Context) { go func() { _ = e.open(ctx) }() }

// open opens the store and what stands on it, once. In a workspace that may not be written, what only looks goes on without a
// folder of calyx and an id, under which nothing is recorded then.
func (e *Engine) open(ctx context.Context) error {
	e.opening.Lock()
	defer e.opening.Unlock()
	if e.store != nil {
		return nil
	}
	made := workspace.Create(e.cfg.Root)
	if made != nil && !isUnwritable(made) {
		return made
	}
	store, err := e.cfg.Store(ctx)
	if err != nil {
		return err
	}
	e.store = store
	e.db = trace.NewDB(store)
	id, err := workspace.ID(e.cfg.Root)
	if err != nil && made == nil && !isUnwritable(err) {
		return err
	}
	e.scope = trace.Scope{Workspace: id, Instance: e.cfg.Instance}
	if e.cfg.Times != nil {
		e.times, err = e.cfg.Times(ctx, store, e.scope)
	}
	return err
}

// takeUse lets this process write to the workspace, once.
func (e *Engine) takeUse() error {
	if e.ws != nil {
		return nil
	}
	ws, err := workspace.Open(e.cfg.Root, e.store, e.memo, func(node, text string) {
		if e.notes != nil {
			e.notes(node, text)
		}
	})
	if isUnwritable(err) {
		return unwritableError{err}
	}
	if err != nil {
		return err
	}
	e.ws, e.clock = ws, ws.Clock()
	if e.scope.Workspace == "" { // it could not be written when the store was opened
		e.scope.Workspace, err = workspace.ID(e.cfg.Root)
	}
	return err
}

func isUnwritable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// unwritableError says that the workspace may not be written.
type unwritableError struct{ error }

func (e unwritableError) Unwrap() error { return e.error }

// Hint is what may be done all the same.
func (unwritableError) Hint() string {
	return "calyx builds in the workspace: work on a copy in a folder that may be written; " +
		"status, why, info, log and get --no-build only look at it"
}

// takeRunner makes what carries steps out, once.
func (e *Engine) takeRunner() (err error) {
	if e.runner == nil {
		e.runner, err = e.cfg.Runner()
	}
	return err
}

// dropRunner ends what carries steps out; the next step takes another.
func (e *Engine) dropRunner() (err error) {
	if c, ok := e.runner.(io.Closer); ok {
		err = c.Close()
	}
	e.runner = nil
	return err
}

func (e *Engine) workspace() (*workspace.Workspace, error) {
	if e.ws == nil {
		return nil, errors.New("internal error: the workspace is not in use")
	}
	return e.ws, nil
}

// bytecode is where Python puts what it would leave beside sources.
func (e *Engine) bytecode() string {
	return filepath.Join(e.cfg.Root, workspace.Folder, "bytecode")
}

// unowned reports whether a path is no source for an evaluation, by the graph of the last one.
func (e *Engine) unowned(p string, _ bool) bool {
	if isNoise(p) {
		return true
	}
	_, owned := e.lastGraph().Owner(p)
	return owned
}

// loadState reads the values that were set, once the backend is known.
func (e *Engine) loadState(backend string) error {
	if e.state != nil || e.cfg.Stored == nil {
		return nil
	}
	values, err := e.cfg.Stored(backend, e.cfg.Instance)
	if err != nil {
		return err
	}
	e.state = values
	if e.state == nil {
		e.state = map[string]any{}
	}
	return nil
}

// storedValue is the effective value of a parameter or variable: --set, over what was set, over its source.
func (e *Engine) storedValue(name string, s graph.Stored) (any, error) {
	v, ok := e.override(name)
	switch {
	case !ok:
		return e.sourceValue(name, s)
	case e.cfg.CoerceValue == nil:
		return v, nil
	}
	// What was set may have been written by hand, or for another declaration.
	typed, err := e.cfg.CoerceValue(s.Default.V, v)
	if err != nil {
		return nil, fmt.Errorf("what is set for %q cannot be used: %w (`calyx unset %s` gives it back to its source)", name, err, name)
	}
	return typed, nil
}

func (e *Engine) override(name string) (any, bool) {
	if v, ok := e.set[name]; ok {
		return v, true
	}
	v, ok := e.state[name]
	return v, ok
}

// sourceValue is what the variable, the file or the default gives.
func (e *Engine) sourceValue(name string, s graph.Stored) (any, error) {
	if s.Env != "" {
		if text, ok := e.environ.lookup(s.Env); ok {
			return text, nil
		}
		if !s.HasDefault {
			return nil, fmt.Errorf("stored %q: the variable %s is not set, and there is no default", name, s.Env)
		}
	}
	return s.Default.V, nil
}

// overrideDigest is the digest of what an evaluation saw of a stored value, beside what its own reads say.
func (e *Engine) overrideDigest(name string, _ graph.Stored) hashing.Digest {
	v, ok := e.override(name)
	if !ok {
		return absentDigest
	}
	encoded, err := hashing.Canonical(v)
	if err != nil {
		return hashing.Digest{}
	}
	return hashing.Sum(encoded)
}

// Records returns what the workspace remembers of every node of the instance, by name.
func (e *Engine) Records(ctx context.Context) (map[string]*trace.NodeRecord, error) {
	if err := e.open(ctx); err != nil {
		return nil, err
	}
	all := map[string]*trace.NodeRecord{}
	err := e.db.AllRecords(ctx, e.scope, func(node string, r *trace.NodeRecord) bool {
		all[node] = r
		return true
	})
	return all, err
}

// Store is the store that the engine works with, and whose records in it are its own.
func (e *Engine) Store(ctx context.Context) (cas.Store, trace.Scope, error) {
	err := e.open(ctx)
	return e.store, e.scope, err
}

// Log copies what a node's execution printed.
func (e *Engine) Log(ctx context.Context, v trace.Value, w io.Writer) error {
	if v.Size == 0 {
		return nil
	}
	if err := e.open(ctx); err != nil {
		return err
	}
	path, err := e.store.Open(ctx, v.Digest)
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	_, err = io.Copy(w, f)
	return errors.Join(err, f.Close())
}

// Clean removes the current outputs of all steps, or (stale) those of steps that are gone, where they are as calyx wrote
// them, and returns their paths.
func (e *Engine) Clean(ctx context.Context, stale bool) ([]string, error) {
	g, err := e.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(e.open(ctx), e.takeUse()); err != nil {
		return nil, err
	}
	var outs []workspace.Output
	err = e.ws.Recorded(ctx, func(o workspace.Output) bool {
		if _, owned := g.Owner(o.Path); owned != stale {
			outs = append(outs, o)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return e.ws.Remove(ctx, outs...)
}

// Graph returns what the Calyxfile declares.
func (e *Engine) Graph(ctx context.Context) (*graph.Declarations, error) {
	g, err := e.load(ctx)
	if err != nil {
		return nil, err
	}
	return g.Declarations(), nil
}

// load evaluates the Calyxfile, or takes the kept evaluation.
func (e *Engine) load(ctx context.Context) (*graph.Graph, error) {
	// Where the state lives is the Calyxfile's to say, and what it says may depend on the state: so the kept or default
	// backend is tried first, and the evaluation is repeated where it names another.
	backend := e.keptBackend()
	if err := e.loadState(backend); err != nil {
		return nil, err
	}
	g, err := e.evaluate(ctx)
	if err != nil || g.Workspace.State == backend || g.Workspace.State == "" {
		return g, err
	}
	e.forgetGraph()
	e.state = nil
	if err := e.loadState(g.Workspace.State); err != nil {
		return nil, err
	}
	return e.evaluate(ctx)
}

func (e *Engine) keptBackend() string {
	if named := e.lastGraph().Workspace.State; named != "" {
		return named
	}
	return state.Default
}
