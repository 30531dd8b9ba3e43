package progress

import (
	"encoding/json"
	"io"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// Events writes a build as JSON, one object a line. It is not safe for concurrent use.
type Events struct {
	encoder *json.Encoder
	verbose bool
	err     error
}

// NewEvents returns an observer that writes to w; verbose tells of fresh nodes too.
func NewEvents(w io.Writer, verbose bool) *Events {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return &Events{encoder: encoder, verbose: verbose}
}

// Err returns the first error of writing, after which nothing more was written.
func (j *Events) Err() error { return j.err }

// Event writes the line that e is worth.
func (j *Events) Event(e executor.Event) {
	line := j.line(e)
	if line != nil && j.err == nil {
		j.err = j.encoder.Encode(line)
	}
}

func (j *Events) line(e executor.Event) any {
	switch e := e.(type) {
	case executor.RunStarted:
		return startLine{"start", e.Run, e.Started.UTC(), nonNil(e.Targets), e.Instance, e.Jobs, e.Expected}
	case executor.NodeDone:
		if e.Outcome != executor.Fresh || j.verbose {
			return nodeLine(e)
		}
	case executor.Note:
		return noteLine{"note", e.Node, e.Text, e.Hint, e.Warn}
	case executor.RunEnded:
		return endLine{"end", e.Run, e.OK, e.Interrupted, e.Executed, e.Cached, e.Fresh, e.Failed, e.Blocked, e.Seconds}
	}
	return nil
}

type startLine struct {
	Event    string    `json:"event"`
	Run      string    `json:"run"`
	Started  time.Time `json:"started"`
	Targets  []string  `json:"targets"`
	Instance string    `json:"instance"`
	Jobs     int       `json:"jobs"`
	Expected float64   `json:"expected_seconds"`
}

type doneLine struct {
	Event     string                `json:"event"`
	Node      string                `json:"node"`
	Outcome   *executor.NodeOutcome `json:"outcome"` // null for an input without a value: stored nodes have none
	Seconds   float64               `json:"seconds"`
	Value     *hashing.Digest       `json:"value"`
	Reason    *graph.Reason         `json:"reason"`
	Error     *errorPart            `json:"error,omitempty"`
	BlockedBy []string              `json:"blocked_by,omitempty"`
	Metrics   []trace.Metric        `json:"metrics,omitempty"`
}

type errorPart struct {
	Message string `json:"message"`
	Exit    int    `json:"exit"`
	Log     string `json:"log"`
	Hint    string `json:"hint,omitempty"`
}

type noteLine struct {
	Event   string `json:"event"`
	Node    string `json:"node,omitempty"`
	Text    string `json:"text"`
	Hint    string `json:"hint,omitempty"`
	Warning bool   `json:"warning"`
}

type endLine struct {
	Event       string  `json:"event"`
	Run         string  `json:"run"`
	OK          bool    `json:"ok"`
	Interrupted bool    `json:"interrupted,omitempty"`
	Executed    int     `json:"executed"`
	Cached      int     `json:"cached"`
	Fresh       int     `json:"fresh"`
	Failed      int     `json:"failed"`
	Blocked     int     `json:"blocked"`
	Seconds     float64 `json:"seconds"`
}

func nodeLine(e executor.NodeDone) doneLine {
	line := doneLine{Event: "node", Node: e.Node, Seconds: e.Seconds, BlockedBy: e.Blocked, Metrics: e.Metrics}
	if !e.Stored {
		line.Outcome = &e.Outcome
	}
	if !e.Value.Digest.IsZero() {
		line.Value = &e.Value.Digest
	}
	if e.Reason.Kind != "" {
		line.Reason = &e.Reason
	}
	if e.Failure != nil {
		line.Error = &errorPart{Message: e.Failure.Message, Exit: e.Failure.Exit, Log: e.LogTail, Hint: e.Failure.Hint}
	}
	return line
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
