package graph

import (
	"bytes"
	"encoding/json"
)

// ReasonKind says what made a node run, or would.
type ReasonKind string

// The kinds of reasons; their spelling is part of the command line's contract.
const (
	NeverBuilt        ReasonKind = "never-built"
	DefinitionChanged ReasonKind = "definition-changed"
	CodeChanged       ReasonKind = "code-changed"
	ArgumentChanged   ReasonKind = "argument-changed"
	StoredChanged     ReasonKind = "stored-changed"
	FileChanged       ReasonKind = "file-changed"
	FileAdded         ReasonKind = "file-added"
	FileRemoved       ReasonKind = "file-removed"
	EnvChanged        ReasonKind = "env-changed"
	DependencyChanged ReasonKind = "dependency-changed"
	OutputMissing     ReasonKind = "output-missing"
	OutputEdited      ReasonKind = "output-edited"
	FailedBefore      ReasonKind = "failed-before"
	Expired           ReasonKind = "expired"
	Forced            ReasonKind = "forced"
	Uncacheable       ReasonKind = "uncacheable"
)

// Reason is one link in the chain from a node to what changed. Before and After are short texts for people: a value, or
// the printed digest of a content.
type Reason struct {
	Kind    ReasonKind
	Node    string
	Subject string
	Before  string
	After   string
	// Diff are the lines of code that changed, each after "-" or "+" or a space.
	Diff string
}

// MarshalJSON writes all that a reason may have, null where this one has nothing to say: programs find every key.
func (r Reason) MarshalJSON() ([]byte, error) {
	said := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(struct {
		Kind    ReasonKind `json:"kind"`
		Node    string     `json:"node"`
		Subject *string    `json:"subject"`
		Before  *string    `json:"before"`
		After   *string    `json:"after"`
		Diff    string     `json:"diff,omitempty"`
	}{r.Kind, r.Node, said(r.Subject), said(r.Before), said(r.After), r.Diff})
	return b.Bytes(), err
}

// Text says the reason in a few words, for a line beside a node's name.
func (r Reason) Text() string {
	text, ok := reasonTexts[r.Kind]
	if !ok {
		text = string(r.Kind)
	}
	if r.Subject != "" && r.Subject != r.Node {
		text = r.Subject + " " + text
	}
	return text
}

var reasonTexts = map[ReasonKind]string{
	NeverBuilt: "never built", DefinitionChanged: "redefined", CodeChanged: "changed", ArgumentChanged: "changed",
	StoredChanged: "was set", FileChanged: "changed", FileAdded: "added", FileRemoved: "removed", EnvChanged: "changed",
	DependencyChanged: "changed", OutputMissing: "missing", OutputEdited: "edited", FailedBefore: "failed before",
	Expired: "expired", Forced: "forced", Uncacheable: "never cached",
}
