package executor

import (
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// Options says what to build and how.
type Options struct {
	Targets    []string // as typed; empty: the Calyxfile's default
	Run        string   // the id of the run that the build is part of; empty: it is one of its own
	Jobs       int      // 0: one per core
	KeepGoing  bool
	Set        map[string]string // --set, as typed
	Force      bool              // the targets run
	ForceAll   bool              // all that they need runs
	CachedOnly bool              // running anything is an error
	Verbose    bool              // tell the observer of fresh nodes too
	Values     bool              // the targets' values are wanted: Summary.Values
	Open       bool              // of a survey: a function that needs arguments may be a target without them
	Observer   Observer
	// Stop, when closed, lets nothing new start and ends what runs; what is done is kept. (A cancelled context does the
	// same.)
	Stop <-chan struct{}
}

// Summary is how a build went.
type Summary struct {
	RunEnded
	// Moved names the inputs that changed during the build.
	Moved []string
	// Values are the values of the targets, in order.
	Values []TargetValue
	// Looked is what the result of a program's engine stands on, where that can be told.
	Looked *Looked
	// NothingMoved is true where the snapshot answered and the engine did not start.
	NothingMoved bool
}

// TargetValue is the value of one target: of the node, or of the part of it that the target names.
type TargetValue struct {
	Target string
	Node   string
	Value  trace.Value
	Inline []byte        // the content, where it is in no blob or in memory anyway
	Path   string        // where the value stands in the workspace; empty: nowhere
	Items  []trace.Value // of a list
	Tree   hashing.Tree  // of a stored folder or pattern, whose content is in no blob
	Base   string        // "/" where the paths in Tree are absolute, and lack it
}

// Prediction is what a build would do to a node.
type Prediction string

// The predictions; their spelling is part of the command line's contract.
const (
	WillRun   Prediction = "will-run"
	MayRun    Prediction = "may-run" // early cutoff may spare it
	WillReuse Prediction = "will-reuse"
	// WillBlock is said of a node that cannot have a value, for what it needs has none: a build reports it as blocked.
	WillBlock Prediction = "blocked"
)

// NodeState is what status and why say of a node.
type NodeState string

// The states; their spelling is part of the command line's contract.
const (
	StateFresh      NodeState = "fresh"
	StateDirty      NodeState = "dirty"
	StateNeverBuilt NodeState = "never-built"
	StateFailed     NodeState = "failed"
)

// Forecast is what would happen to one node, and why, told without running anything.
type Forecast struct {
	Node       string
	Stored     bool // a stored input: it has no prediction
	Prediction Prediction
	State      NodeState
	// Certain is false where early cutoff may still spare the node.
	Certain bool
	// Chain leads from the node to the root cause; its first link is the node's own reason. Empty for fresh nodes.
	Chain []graph.Reason
	// Last is what the workspace remembers of the node; nil where it never had a value here.
	Last *trace.NodeRecord
	// Reused is the trace that a build takes the result of a step from; nil where it runs the step, or might.
	Reused *trace.Trace
	// Usual is the recorded time of an execution in seconds, 0 where unknown.
	Usual float64
	List  bool        // the node of a matrix
	Doc   string      // what the declaration says of it
	Step  *graph.Step // of a derived node
	// Function is what the plugin says of the function that the step calls; nil where it calls none, or no description holds.
	Function *FunctionDescription
	Value    trace.Value // the value that it has now; zero where it is dirty
	Inline   []byte      // the JSON that Value is, of a stored parameter or variable
	// Problem says why the node cannot have a value: a stored file is not there, something that it needs has none.
	Problem string
}

// Survey is the answer of Engine.Survey: the closure of the targets, dependencies before dependents.
type Survey struct {
	Run        string // the last run in which the workspace was built, "" where there is none
	Nodes      []Forecast
	Edges      [][]int // Edges[i] lists the indexes of the nodes that Nodes[i] was seen to depend on (or, never built, declares)
	Targets    []int
	Overridden []Override
	Warnings   []string
}

// Override is a stored value that differs from its source.
type Override struct {
	Node  string `json:"node"`
	Value any    `json:"value"`
	From  string `json:"from"` // "set" or "state"
	// Source is the value that the file, the variable or the default would give.
	Source any `json:"source"`
}

// Prepared is how a step would be executed, for `calyx exec`.
type Prepared struct {
	Node    string
	Command *Command  // of a cmd or sh step
	Func    *Function // of a plugin's function
	Folders []string  // in which its outputs stand; a step finds them made
	Release func()    // gives up the locks and the scratch folder
	// Call has a runner of the caller's own run the function. Where that fails, the error is a Failure.
	Call func(Runner) (Payload, error)
}

// Stamp is a moment and the run it belongs to.
type Stamp struct {
	Run string
	At  time.Time
}
