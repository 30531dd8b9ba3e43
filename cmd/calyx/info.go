package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/cmd/calyx/internal/explain"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
)

// infoAnswer is the answer of `calyx info --json`.
type infoAnswer struct {
	Node         string             `json:"node"`
	Kind         string             `json:"kind"`
	Doc          string             `json:"doc,omitempty"`
	CodeNotes    []string           `json:"code_notes,omitempty"`
	Signature    string             `json:"signature,omitempty"` // of a plugin's function
	Place        string             `json:"place,omitempty"`
	State        executor.NodeState `json:"state"`
	Certain      bool               `json:"certain"`
	Value        *infoValue         `json:"value"`
	Outputs      []string           `json:"outputs"`
	Dependencies []string           `json:"dependencies"`
	Dependents   []string           `json:"dependents"`
	Executions   int                `json:"executions"`
	LastSeconds  float64            `json:"last_seconds"`
	UsualSeconds float64            `json:"usual_seconds"`
	LastAt       *time.Time         `json:"last_at"`
	LastRun      string             `json:"last_run,omitempty"`
	LastOutcome  string             `json:"last_outcome,omitempty"`
	LastReason   *graph.Reason      `json:"last_reason"`
	Failure      string             `json:"failure,omitempty"`
	Action       string             `json:"action,omitempty"`
	Metrics      []trace.Metric     `json:"metrics,omitempty"`
	Varies       bool               `json:"varies,omitempty"` // it saw the same and gave another result
}

type infoValue struct {
	Media   string          `json:"media"`
	Digest  string          `json:"digest"`
	Size    int64           `json:"size"`
	Content json.RawMessage `json:"content,omitempty"` // of a stored parameter or variable
}

func newInfo(a *app) *cobra.Command {
	var f *format
	c := newCommand(&cobra.Command{
		Use:               "info TARGET",
		Short:             "Show all that is known of a node",
		Long:              "Show a node's kind, state, value, dependencies, dependents, counts, times and last reason. Nothing is run.",
		Example:           "calyx info train\ncalyx info train@-1\ncalyx info train --json",
		Args:              wantArgs(1, 1),
		ValidArgsFunction: a.completeNodes(anyNode, 1),
		RunE: runner(func(ctx context.Context, args []string) error {
			return a.within(ctx, func(ctx context.Context, s *session) error {
				if t, err := a.pastNode(ctx, s, args[0]); err != nil {
					return err
				} else if t != nil {
					return a.showPastInfo(t, f.json)
				}
				info, err := a.info(ctx, s, args[0])
				if err != nil {
					return err
				}
				if f.json {
					return a.printJSON(info)
				}
				return a.print(infoText(info, a.outStyle(), a.now()))
			})
		}).run,
	})
	f = formatFlags(c, "text")
	return c
}

func (a *app) info(ctx context.Context, s *session, target string) (infoAnswer, error) {
	survey, at, err := a.surveyOne(ctx, s, target, executor.Options{Open: true})
	if err != nil {
		return infoAnswer{}, err
	}
	f := survey.Nodes[at]
	d, err := s.engine.Graph(ctx)
	if err != nil {
		return infoAnswer{}, err
	}
	records, err := s.engine.Records(ctx)
	if err != nil {
		return infoAnswer{}, err
	}
	info := infoFrom(f, declared(d, f.Node))
	info.Dependencies = dependencies(survey, at)
	info.Dependents = dependents(d, records, f.Node)
	return info, nil
}

// declared returns the declaration of a node, of f for a node f(x=1), or nil.
func declared(d *graph.Declarations, name string) *graph.Node {
	base, _, _ := strings.Cut(name, "(")
	var found *graph.Node
	for _, n := range d.Nodes {
		if n.Name == name {
			return n
		}
		if n.Name == base {
			found = n
		}
	}
	return found
}

func infoFrom(f executor.Forecast, n *graph.Node) infoAnswer {
	info := infoAnswer{Node: f.Node, State: f.State, Certain: f.Certain, UsualSeconds: f.Usual, Outputs: []string{}}
	if n != nil {
		info.Kind, info.Doc, info.Place = kindOf(n), n.Doc, n.Pos.String()
		for _, o := range outputsOf(n) {
			info.Outputs = append(info.Outputs, o.Path)
		}
	}
	if f.Function != nil {
		info.Signature, info.CodeNotes = signatureText(f.Function), f.Function.Notes
	}
	if f.Last != nil {
		info.addRecord(f.Last)
	}
	if f.Stored {
		info.addStored(f)
	}
	return info
}

// signatureText writes a function's parameters and result as one writes them in Python.
func signatureText(f *executor.FunctionDescription) string {
	parameters := make([]string, len(f.Parameters))
	for i, p := range f.Parameters {
		parameters[i] = p.Name
		if p.Type != "" {
			parameters[i] += ": " + p.Type
		}
		if v, err := graph.ParseJSON([]byte(p.Default)); err == nil {
			parameters[i] += " = " + graph.SpellLiteral(v)
		}
	}
	text := f.Name + "(" + strings.Join(parameters, ", ") + ")"
	if f.Returns != "" {
		text += " -> " + f.Returns
	}
	return text
}

func (info *infoAnswer) addRecord(r *trace.NodeRecord) {
	info.Executions, info.LastSeconds = r.Executions, r.Result.Seconds
	info.Varies = r.Varies
	info.LastRun, info.LastOutcome, info.Failure, info.Metrics = r.Run, r.Outcome, r.Failure, r.Result.Metrics
	if !r.At.IsZero() {
		info.LastAt = &r.At
	}
	if r.Reason.Kind != "" {
		reason := explain.FromRecord(r.Reason)
		info.LastReason = &reason
	}
	if !r.Action.IsZero() {
		info.Action = r.Action.String()
	}
	info.Value = infoValueOf(r.Result.Value)
}

// addStored tells the value of an input, or why it has none.
func (info *infoAnswer) addStored(f executor.Forecast) {
	info.Failure = f.Problem
	if info.Value = infoValueOf(f.Value); info.Value != nil {
		info.Value.Content = f.Inline
	}
}

// infoValueOf tells what a value is; nil where a node yields nothing.
func infoValueOf(v trace.Value) *infoValue {
	if v.Digest.IsZero() {
		return nil
	}
	return &infoValue{Media: v.Media, Digest: v.Digest.String(), Size: v.Size}
}

// dependencies lists the nodes that one was seen to depend on.
func dependencies(s *executor.Survey, at int) []string {
	list := []string{}
	for _, i := range s.Edges[at] {
		list = append(list, s.Nodes[i].Node)
	}
	return list
}

// dependents lists the nodes that were seen to depend on one and, of those that were never built, that declare to. They
// lie outside of the node's closure, so no survey of it names them.
func dependents(d *graph.Declarations, records map[string]*trace.NodeRecord, name string) []string {
	list := []string{}
	for node, r := range records {
		if saw(r, name) {
			list = append(list, node)
		}
	}
	for _, n := range d.Nodes {
		if records[n.Name] == nil && n.Step != nil && refersTo(n.Step, name) {
			list = append(list, n.Name)
		}
	}
	slices.Sort(list)
	return list
}

// inputPart is the kind of those parts of a key that are other nodes; their subject is NODE or NODE:VIEW.
const inputPart = "input"

func saw(r *trace.NodeRecord, name string) bool {
	for _, c := range r.Components {
		if node, _, _ := strings.Cut(c.Subject, ":"); c.Kind == inputPart && node == name {
			return true
		}
	}
	for _, stage := range r.Stages {
		for _, o := range stage {
			if (o.Kind == trace.Node || o.Kind == trace.Param) && o.Subject == name {
				return true
			}
		}
	}
	return false
}

func refersTo(s *graph.Step, name string) (found bool) {
	s.Refs(func(r graph.Ref) { found = found || r.Node == name })
	return found
}

func infoText(i infoAnswer, style console.Style, now time.Time) string {
	table := console.NewTable("", "")
	row := func(label, text string) {
		if text != "" {
			table.Row(style.Dim(label), text)
		}
	}
	row("node", style.Bold(console.Line(i.Node)))
	row("kind", i.Kind)
	row("doc", console.Line(firstLine(i.Doc)))
	row("signature", console.Line(i.Signature))
	for _, note := range i.CodeNotes {
		row("code", console.Line(note))
	}
	row("declared at", console.Line(i.Place))
	row("state", stateText(i.State, i.Certain))
	row("value", valueInfo(i.Value))
	row("outputs", lineOf(i.Outputs))
	row("depends on", lineOf(i.Dependencies))
	row("needed by", lineOf(i.Dependents))
	if i.LastAt != nil {
		row("executions", fmt.Sprint(i.Executions))
		row("last time", console.Seconds(i.LastSeconds))
		row("last outcome", fmt.Sprintf("%s, %s, run %s", i.LastOutcome, console.Ago(*i.LastAt, now), console.Line(i.LastRun)))
	}
	if i.LastReason != nil {
		row("last reason", explain.Long(*i.LastReason))
	}
	if i.Varies {
		row("deterministic", "no: it saw the same and gave another result")
	}
	row("failure", console.Line(i.Failure))
	for _, m := range i.Metrics {
		row("metric", metricText(m))
	}
	return table.String()
}

func metricText(m trace.Metric) string {
	return strings.TrimSpace(fmt.Sprintf("%s = %v %s", console.Line(m.Name), m.Value, console.Line(m.Unit)))
}

func stateText(s executor.NodeState, certain bool) string {
	if s == executor.StateDirty && !certain {
		return "maybe dirty"
	}
	return strings.ReplaceAll(string(s), "-", " ")
}

func valueInfo(v *infoValue) string {
	switch {
	case v == nil:
		return ""
	case v.Content != nil:
		return explain.Content(string(v.Content))
	}
	return fmt.Sprintf("%s, %s, %s", v.Media, console.Size(v.Size), explain.Content(v.Digest))
}

func lineOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return someOf(names)
}
