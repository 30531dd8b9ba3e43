package executor

import (
	"context"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
)

// Options says what to build and how.
type Options struct {
	Targets    []string // as typed; empty: the Calyxfile's default
	Jobs       int
	KeepGoing  bool
	Set        map[string]any // --set, values as typed by graph/state
	Force      bool           // the targets run
	ForceAll   bool           // all that they need runs
	CachedOnly bool           // running anything is an error
	Observer   Observer
}

// Prediction is what a build would do to a node.
type Prediction string

// The predictions; their spelling is part of the command line's contract.
const (
	WillRun   Prediction = "will-run"
	MayRun    Prediction = "may-run" // early cutoff may spare it
	WillReuse Prediction = "will-reuse"
)

// Forecast is what a dry run says of one node.
type Forecast struct {
	Node       string
	Prediction Prediction
	Reason     graph.Reason   // zero for WillReuse
	Chain      []graph.Reason // from the node to the root cause
	State      NodeState
	Failed     bool // its last execution in this workspace failed
}

// NodeState is what status and why say of a node.
type NodeState string

// The states; their spelling is part of the command line's contract.
const (
	StateFresh      NodeState = "fresh"
	StateDirty      NodeState = "dirty"
	StateNeverBuilt NodeState = "never-built"
	StateFailed     NodeState = "failed"
)

// Summary is how a build went.
type Summary struct {
	RunEnded
	// Moved names the inputs that changed during the build.
	Moved []string
	// Values are the values of the targets, in order, with the names of their nodes.
	Values []TargetValue
	// NothingMoved is true where the snapshot answered and the engine did not start.
	NothingMoved bool
}

// TargetValue is the value of one target.
type TargetValue struct {
	Target string
	Node   string
	Value  trace.Value
}

// LastRecord is what the workspace remembers of a node's last execution or reuse.
type LastRecord struct {
	trace.Trace
	Components []trace.Component
	Outcome    NodeOutcome
	Reason     graph.Reason
	Run        string
	At         time.Time
	Executions int
}

// Builder is what commands use of an engine.
type Builder interface {
	Build(ctx context.Context, o Options) (Summary, error)
	DryRun(ctx context.Context, o Options) ([]Forecast, error)
}
