package executor

import (
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
)

// Observer is told what a build does, in order, from one goroutine at a time; its methods must not block for long.
type Observer interface {
	Event(e Event)
}

// Event is one of the types below.
type Event interface{ event() }

// RunStarted is the first event.
type RunStarted struct {
	Run      string
	Started  time.Time
	Targets  []string
	Instance string
	Jobs     int
	// Expected is the time in seconds that the build probably takes (recorded times along the critical path and over the
	// jobs); 0 where nothing is known.
	Expected float64
	// Still is true where nothing has moved since the last build: RunEnded follows at once.
	Still bool
}

// NodeStarted tells that a node began to execute. Attempt counts from 1.
type NodeStarted struct {
	Node    string
	Doc     string
	At      time.Time
	Attempt int
	Reason  graph.Reason
	Worker  int // the job slot, from 0
	// Usual is the recorded time of the node in seconds; 0 where there is none.
	Usual float64
}

// NodeProgress tells how far a running node is.
type NodeProgress struct {
	Node        string
	Done, Total float64
	Unit        string
}

// NodeDone tells how a node ended. For executed nodes it comes when the result is durable.
type NodeDone struct {
	Node    string
	Stored  bool // an input that has no value: Failure says why, and it counts as no outcome
	Outcome NodeOutcome
	Reason  graph.Reason // why it executed; zero for fresh nodes
	Value   trace.Value
	Started time.Time // of the execution; zero where none took place in this run
	Seconds float64   // of the execution in this run
	// Usual is, for reused nodes, what the execution cost when it took place: the time saved.
	Usual   float64
	Worker  int
	Log     trace.Value
	Metrics []trace.Metric
	Failure *Failure
	LogTail string   // the end of what a failed node printed
	Blocked []string // what failed, for a blocked node
	// Deps are the nodes that it was seen to depend on; spans of a critical path follow them.
	Deps []string
	// Waited is the time in seconds between the moment its last dependency was done and its start.
	Waited float64
	// Self is the part of Seconds in which it did not wait for needs.
	Self float64
	// CPU is the processor time of the execution in seconds; 0 where unknown.
	CPU float64
	// At is when the node had ended for the build, which goes on before the result is durable; zero: now.
	At time.Time
}

// NodePassed tells that a node which did nothing has its value, and whom that came after: the list of a matrix, with its steps
// in their order, or a fresh node that depends on nodes which were told of. Chains of who waited for whom go through it.
type NodePassed struct {
	Node string
	Deps []string
	At   time.Time // zero: now
}

// Note is a sentence for the user: a warning, or news that is not about one outcome.
type Note struct {
	Node string
	Text string
	Hint string
	Warn bool
}

// Counts tells how far the build is; it comes at most a few times a second.
type Counts struct {
	Done, Total, Running, Queued int
	// Remaining is the estimated time to the end in seconds; negative where nothing is known.
	Remaining float64
}

// RunEnded is the last event.
type RunEnded struct {
	Run         string
	Ended       time.Time
	OK          bool
	Interrupted bool
	Executed    int
	Cached      int
	Fresh       int
	Failed      int
	Blocked     int
	Seconds     float64
}

func (RunStarted) event()   {}
func (NodeStarted) event()  {}
func (NodeProgress) event() {}
func (NodeDone) event()     {}
func (NodePassed) event()   {}
func (Note) event()         {}
func (Counts) event()       {}
func (RunEnded) event()     {}

// NodeOutcome is what became of a node in one build.
type NodeOutcome string

// The outcomes; their spelling is part of the command line's contract.
const (
	Fresh    NodeOutcome = "fresh"
	Cached   NodeOutcome = "cached"
	Executed NodeOutcome = "executed"
	Failed   NodeOutcome = "failed"
	Blocked  NodeOutcome = "blocked"
)
