// Package reports records what builds do, and answers questions about it: which runs there were, where their time went,
// what differed between two, and how long a build would take with other means. It prints nothing: its answers are data.
package reports

import (
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/reports/idle"
)

// State is how a run stands.
type State string

// The states of a run; their spelling is part of the command line's contract.
const (
	StateRunning     State = "running"
	StateOK          State = "ok"
	StateFailed      State = "failed"
	StateInterrupted State = "interrupted" // stopped by the user, or its process is gone
)

// Head is what the history keeps of one run.
type Head struct {
	Run      string    `json:"run"`
	Instance string    `json:"instance"`
	State    State     `json:"state"`
	Started  time.Time `json:"started"`
	// Ended is zero while the run goes on; for one whose process is gone it is when it was last heard of.
	Ended    time.Time `json:"ended,omitzero"`
	Seconds  float64   `json:"seconds"`
	Targets  []string  `json:"targets"` // as typed; empty: the Calyxfile's default
	Jobs     int       `json:"jobs"`
	Version  string    `json:"version"` // of calyx
	Command  []string  `json:"command"` // the command line
	Host     string    `json:"host"`
	Executed int       `json:"executed"`
	Cached   int       `json:"cached"`
	Fresh    int       `json:"fresh"`
	Failed   int       `json:"failed"`
	Blocked  int       `json:"blocked"`
}

// Idle reports whether the run found nothing to do.
func (h *Head) Idle() bool {
	return h.State == StateOK && h.Executed+h.Cached+h.Failed+h.Blocked == 0
}

// idle is what is noted of such a run.
func (h *Head) idle() idle.Run {
	return idle.Run{
		Run: h.Run, Instance: h.Instance, Started: h.Started, Ended: h.Ended, Targets: h.Targets, Jobs: h.Jobs, Version: h.Version,
		Command: h.Command, Host: h.Host, Fresh: h.Fresh,
	}
}

// idleHead is the head of a run that was noted.
func idleHead(r idle.Run) Head {
	return Head{
		Run: r.Run, Instance: r.Instance, State: StateOK, Started: r.Started, Ended: r.Ended, Seconds: r.Ended.Sub(r.Started).Seconds(),
		Targets: append([]string{}, r.Targets...), Jobs: r.Jobs, Version: r.Version, Command: r.Command, Host: r.Host, Fresh: r.Fresh,
	}
}

// count adds the outcome of one node.
func (h *Head) count(o executor.NodeOutcome) {
	switch o {
	case executor.Executed:
		h.Executed++
	case executor.Cached:
		h.Cached++
	case executor.Fresh:
		h.Fresh++
	case executor.Failed:
		h.Failed++
	case executor.Blocked:
		h.Blocked++
	}
}

// Run is a run with what became of its nodes, in the order in which they ended. Of nodes that
// were fresh, most are only counted.
type Run struct {
	Head
	Spans []Span
}

// Span is what became of one node in one run. Moments are given as the time since the run started.
type Span struct {
	Node string `cbor:"1,keyasint"`
	// Outcome is empty for a node that did nothing, and only passes on who waited for whom: the list of a matrix, or a fresh
	// node that depends on others which have spans.
	Outcome executor.NodeOutcome `cbor:"2,keyasint,omitempty"`
	Reason  graph.Reason         `cbor:"3,keyasint,omitzero"`
	Value   trace.Value          `cbor:"4,keyasint,omitzero"`
	Log     trace.Value          `cbor:"5,keyasint,omitzero"`
	Metrics []trace.Metric       `cbor:"6,keyasint,omitempty"`
	// Start is when the last attempt began to work, Took how long it worked; both are zero where nothing was executed.
	Start time.Duration `cbor:"7,keyasint,omitempty"`
	Took  time.Duration `cbor:"8,keyasint,omitempty"`
	// Self is the part of Took in which it did not wait for needs.
	Self time.Duration `cbor:"9,keyasint,omitempty"`
	CPU  time.Duration `cbor:"10,keyasint,omitempty"` // zero where unknown
	// Done is when its result was durable and its dependents could go on.
	Done time.Duration `cbor:"11,keyasint"`
	// Waited is the time between the end of its last declared dependency and its worker; Prepared the time from there to
	// Start: leases, locks, inputs restored.
	Waited   time.Duration `cbor:"12,keyasint,omitempty"`
	Prepared time.Duration `cbor:"13,keyasint,omitempty"`
	// Retrying is the time from the first attempt to the last one, pauses included.
	Retrying time.Duration `cbor:"14,keyasint,omitempty"`
	Attempts int           `cbor:"15,keyasint,omitempty"`
	// Usual is, for reused nodes, what the execution cost when it took place.
	Usual   time.Duration `cbor:"16,keyasint,omitempty"`
	Worker  int           `cbor:"17,keyasint,omitempty"` // the job slot, from 0
	Deps    []string      `cbor:"18,keyasint,omitempty"` // the nodes that it was seen to depend on
	Failure string        `cbor:"19,keyasint,omitempty"`
	Exit    int           `cbor:"20,keyasint,omitempty"`
	Blocked []string      `cbor:"21,keyasint,omitempty"` // what failed, for a blocked node
}

// ran reports whether the node was executed in the run, with or without success.
func (s *Span) ran() bool { return s.Attempts > 0 }

// begin is when the node first held a worker.
func (s *Span) begin() time.Duration {
	if !s.ran() {
		return s.Done
	}
	return max(0, s.Start-s.Prepared-s.Retrying)
}

// end is when the node stopped working.
func (s *Span) end() time.Duration {
	if !s.ran() {
		return s.Done
	}
	return s.Start + s.Took
}

// busy is how long the node occupied a worker, failed attempts and preparation included, waiting for needs not.
func (s *Span) busy() time.Duration {
	if !s.ran() {
		return 0
	}
	return max(0, s.end()-s.begin()-s.suspended())
}

// suspended is how long the node waited for needs that came up as it ran.
func (s *Span) suspended() time.Duration { return s.Took - s.Self }

// numbers maps nodes to their spans; a node that ended twice (its value was lost meanwhile) to the last.
func numbers(spans []Span) map[string]int {
	number := make(map[string]int, len(spans))
	for i := range spans {
		number[spans[i].Node] = i
	}
	return number
}
