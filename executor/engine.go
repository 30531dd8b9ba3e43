package executor

import (
	"context"
	"io"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
)

// Config is what an engine works with. An engine that finds nothing to do calls neither Store nor Runner.
type Config struct {
	Root      string // the workspace's folder, absolute
	Calyxfile string // the Calyxfile, relative to Root
	Instance  string
	CacheDir  string
	Version   string
	Environ   []string // the user's environment
	// Store opens the store; it is called at most once.
	Store func(ctx context.Context) (cas.Store, error)
	// Runner returns what carries tasks out; it is called at most once.
	Runner func() (Runner, error)
	// Print takes what a Calyxfile prints.
	Print func(text string)
}

// Engine answers questions about one workspace and instance, and builds. Its methods are not safe for concurrent use.
type Engine struct {
	cfg Config
}

// New returns an engine; it reads nothing yet.
func New(cfg Config) *Engine { return &Engine{cfg: cfg} }

// Close gives back what the engine opened.
func (e *Engine) Close() error { return nil }

// Graph evaluates the Calyxfile (or takes the remembered evaluation) and returns the declarations.
func (e *Engine) Graph(ctx context.Context) (*graph.Declarations, error) { panic("internal error") }

// Build brings the targets up to date. A failed step is no error: Summary.OK is false then.
func (e *Engine) Build(ctx context.Context, o Options) (Summary, error) { panic("internal error") }

// Survey tells what a build of the targets would do, without doing it, and what the workspace knows of each node.
func (e *Engine) Survey(ctx context.Context, o Options) (*Survey, error) { panic("internal error") }

// Prepare brings what a step needs up to date, and returns how the step would be started.
func (e *Engine) Prepare(ctx context.Context, target string, o Options) (*Prepared, error) {
	panic("internal error")
}

// Records returns what the workspace remembers of every node of the instance, by name.
func (e *Engine) Records(ctx context.Context) (map[string]*trace.NodeRecord, error) {
	panic("internal error")
}

// Payload gives access to a value's content: bytes, a file, or elements.
func (e *Engine) Payload(ctx context.Context, v trace.Value) (Payload, error) {
	panic("internal error")
}

// Log copies what a node's execution printed.
func (e *Engine) Log(ctx context.Context, v trace.Value, w io.Writer) error { panic("internal error") }

// Clean removes the current outputs of all steps, or (stale) those of steps that are gone, and returns their paths.
func (e *Engine) Clean(ctx context.Context, stale bool) ([]string, error) { panic("internal error") }
