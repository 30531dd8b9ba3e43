package trace

import (
	"encoding/json"
	"math"
	"time"

	"github.com/calyx-build/calyx/hashing"
)

// RequestKind tells what a request is about.
type RequestKind uint8

// The kinds of requests. Their numbers are part of the key encoding.
const (
	Node     RequestKind = iota + 1 // Subject: a node's name, with arguments in canonical spelling
	File                            // Subject: a path relative to the workspace, or absolute outside it
	Listing                         // Subject: a folder; the names in it and their kinds
	Glob                            // Subject: a pattern; the paths that match
	Env                             // Subject: a variable
	Exists                          // Subject: a path; whether it is there, and as what
	Param                           // Subject: a stored parameter
	Instance                        // the instance's name
	Status                          // Subject: a path; its kind, a file's size and whether it may be executed
	Link                            // Subject: a path; where the link leads
	Outside                         // Subject: a root outside the workspace, View: the digest of the set of what was seen below it
	GitIndex                        // Subject: the path of an index of git; what is tracked by it
	Program                         // Subject: a name; the program that PATH leads to
)

// Request is something that a task asked to see.
type Request struct {
	Kind    RequestKind `json:"k"`
	Subject string      `json:"s"`
	// View is the view taken of a node's value or a file: "" (the whole, as its media type means it), "bytes", "length",
	// "keys", "shape", "exists", "file:PATH" (one file of a tree), "item:N" (one element).
	View string `json:"v,omitempty"`
}

// Observation is a request with the digest of what was seen.
type Observation struct {
	Request
	Digest hashing.Digest `json:"d"`
}

// Stage is what a task asked for between two answers, sorted by kind, subject and view.
type Stage []Observation

// Metric is a number that a task reported about itself.
type Metric struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"`
}

// MarshalJSON writes a value that is no finite number, for which JSON has no form, as the text NaN, Infinity or -Infinity.
func (m Metric) MarshalJSON() ([]byte, error) {
	type plain Metric
	switch {
	case math.IsNaN(m.Value):
		return m.marshalText("NaN")
	case math.IsInf(m.Value, 1):
		return m.marshalText("Infinity")
	case math.IsInf(m.Value, -1):
		return m.marshalText("-Infinity")
	}
	return json.Marshal(plain(m))
}

func (m Metric) marshalText(value string) ([]byte, error) {
	return json.Marshal(struct {
		Name  string `json:"name"`
		Value string `json:"value"`
		Unit  string `json:"unit,omitempty"`
	}{m.Name, value, m.Unit})
}

// Component is one part of an action key. Its kind tells which reason a difference in it gives.
type Component struct {
	Kind string `json:"k"`
	// Subject is what it is about: a node, a path, a variable, a parameter.
	Subject string `json:"s,omitempty"`
	// Text is what counts: a value, or a printed digest.
	Text string `json:"t,omitempty"`
	// Show is what people are shown where Text would tell them nothing.
	Show string `json:"h,omitempty"`
	// Tree is what the store keeps behind the part, so that a difference can be named: the listing of a folder or a pattern, the
	// description of the plugin that a function belongs to.
	Tree hashing.Digest `json:"d,omitzero"`
}

// Result is what an execution yielded.
type Result struct {
	Value   Value    `json:"value"`
	Log     Value    `json:"log,omitzero"` // what it printed; Media empty where it printed nothing
	Metrics []Metric `json:"metrics,omitempty"`
	// Seconds is how long the execution took, wherever it was.
	Seconds float64 `json:"seconds"`
	// At is when the execution ended.
	At time.Time `json:"at"`
	// Run is the run that executed it.
	Run string `json:"run"`
}

// Trace is the record of one execution.
type Trace struct {
	Action hashing.Digest `json:"action"`
	Stages []Stage        `json:"stages,omitempty"`
	Result Result         `json:"result"`
}
