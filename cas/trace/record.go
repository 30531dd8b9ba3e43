package trace

import (
	"time"

	"github.com/calyx-build/calyx/hashing"
)

// NodeRecord is what a workspace remembers of a node in one instance: its last trace, with what its key was made of.
type NodeRecord struct {
	Trace
	// Components are the parts of the action key, in order.
	Components []Component `json:"components"`
	// Seen are the stored values and the variables that were asked for as it ran, as people are shown them: a digest would tell them nothing.
	Seen []Component `json:"seen,omitempty"`
	// Outcome of the last run that touched the node ("executed", "cached", "failed"), its reason and when.
	Outcome string           `json:"outcome"`
	Reason  RecordedReason   `json:"reason,omitzero"`
	Chain   []RecordedReason `json:"chain,omitempty"`
	Run     string           `json:"last_run"`
	At      time.Time        `json:"last_at"`
	// Executions counts how often the node ran in this workspace.
	Executions int `json:"executions"`
	// Varies tells that two executions of the action saw the same and gave different results: it is not deterministic.
	Varies bool `json:"varies,omitempty"`
	// Failure is the message of a failed execution.
	Failure string `json:"failure,omitempty"`
	Exit    int    `json:"exit,omitempty"`
	// Ref is, where this is not zero, the id under which the store keeps what the record says (see Kept): its row leaves that
	// out.
	Ref hashing.Digest `json:"ref,omitzero"`
	// From is the id of the record whose place this one took.
	From hashing.Digest `json:"from,omitzero"`
}

// RecordedReason is why a node ran, as package graph spells reasons.
type RecordedReason struct {
	Kind    string `json:"kind"`
	Node    string `json:"node"`
	Subject string `json:"subject,omitempty"`
	Before  string `json:"before,omitempty"`
	After   string `json:"after,omitempty"`
	Diff    string `json:"diff,omitempty"`
}
