package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/cmd/calyx/internal/explain"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
)

// statusAnswer is the answer of `calyx status --json`.
type statusAnswer struct {
	Dirty        []dirtyNode  `json:"dirty"`
	Fresh        int          `json:"fresh"`
	Failed       []string     `json:"failed"`
	Overridden   []overridden `json:"overridden"`
	StaleOutputs []string     `json:"stale_outputs"`
}

// overridden is a stored value that differs from its source, with both values as JSON.
type overridden struct {
	Node   string          `json:"node"`
	Value  json.RawMessage `json:"value"`
	From   string          `json:"from"` // "set" (in this build) or "state"
	Source json.RawMessage `json:"source"`
}

// dirtyNode is a node that a build would run, or might, and the root of that.
type dirtyNode struct {
	Node    string       `json:"node"`
	Certain bool         `json:"certain"`
	Reason  graph.Reason `json:"reason"`
	Problem string       `json:"problem,omitempty"` // why it cannot have a value
}

func newStatus(a *app) *cobra.Command {
	var f *format
	var exitCode bool
	c := newCommand(&cobra.Command{
		Use:   "status [TARGET…]",
		Short: "Tell what is out of date, and the root cause of each",
		Long: `Tell what is out of date and the root cause of each, which stored values are overridden, and which outputs belong to
no step any more. Nothing is run.`,
		Example:           "calyx status\ncalyx status train --exit-code",
		ValidArgsFunction: a.completeNodes(isStep, -1),
		RunE: runner(func(ctx context.Context, targets []string) error {
			return a.within(ctx, func(ctx context.Context, s *session) error {
				survey, err := a.surveyTargets(ctx, s, targets)
				if err != nil {
					return err
				}
				stale, err := s.engine.StaleOutputs(ctx)
				if err != nil {
					return err
				}
				return a.showStatus(statusFrom(survey, stale), f.json, exitCode)
			})
		}).run,
	})
	c.Flags().BoolVar(&exitCode, "exit-code", false, "exit with status 4 if something is out of date")
	f = formatFlags(c, "text")
	return c
}

func (a *app) showStatus(s statusAnswer, asJSON, exitCode bool) error {
	var err error
	if asJSON {
		err = a.printJSON(s)
	} else {
		err = a.print(statusText(s, a.outStyle()))
	}
	if err == nil && exitCode && len(s.Dirty) > 0 {
		return quietly(exitDirty)
	}
	return err
}

// statusFrom sums a survey and the outputs of steps that are gone up.
func statusFrom(s *executor.Survey, stale []string) statusAnswer {
	out := statusAnswer{Dirty: []dirtyNode{}, Failed: []string{}, Overridden: []overridden{}, StaleOutputs: append([]string{}, stale...)}
	for _, o := range s.Overridden {
		out.Overridden = append(out.Overridden, overridden{o.Node, literalJSON(o.Value), o.From, literalJSON(o.Source)})
	}
	for _, f := range s.Nodes {
		if f.Stored || f.List {
			continue
		}
		if f.State == executor.StateFresh {
			out.Fresh++
			continue
		}
		if f.State == executor.StateFailed {
			out.Failed = append(out.Failed, f.Node)
		}
		out.Dirty = append(out.Dirty, dirtyNode{Node: f.Node, Certain: f.Certain, Reason: rootReason(f), Problem: f.Problem})
	}
	return out
}

// literalJSON writes a plain value as JSON; one that JSON cannot say is null.
func literalJSON(v any) json.RawMessage {
	text, err := graph.JSON(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return text
}

// rootReason is the last link of a forecast's chain.
func rootReason(f executor.Forecast) graph.Reason {
	switch {
	case len(f.Chain) == 0 && f.Problem != "":
		return graph.Reason{Kind: graph.DependencyChanged, Node: f.Node}
	case len(f.Chain) == 0:
		return graph.Reason{Kind: graph.NeverBuilt, Node: f.Node}
	}
	return f.Chain[len(f.Chain)-1]
}

func statusText(s statusAnswer, style console.Style) string {
	var b strings.Builder
	if len(s.Dirty) == 0 {
		fmt.Fprintf(&b, "everything is up to date: %s\n", console.Count(s.Fresh, "step"))
	} else {
		b.WriteString(dirtyTable(s, style).String())
		fmt.Fprintf(&b, "\n%s out of date, %d up to date\n", console.CountIs(len(s.Dirty), "step"), s.Fresh)
	}
	if len(s.Overridden) > 0 {
		b.WriteString("\nStored values that are overridden:\n" + overrideTable(s.Overridden, style).String())
	}
	if len(s.StaleOutputs) > 0 {
		b.WriteString("\nOutputs of steps that are gone (`calyx clean --stale` removes them):\n")
		for _, path := range s.StaleOutputs {
			fmt.Fprintf(&b, "  %s\n", console.Line(path))
		}
	}
	return b.String()
}

func dirtyTable(s statusAnswer, style console.Style) *console.Table {
	failed := map[string]bool{}
	for _, n := range s.Failed {
		failed[n] = true
	}
	table := console.NewTable("", "", "")
	for _, d := range s.Dirty {
		word := style.Warn("dirty")
		switch {
		case d.Problem != "":
			word = style.Bad("blocked")
		case failed[d.Node]:
			word = style.Bad("failed")
		case d.Reason.Kind == graph.NeverBuilt && d.Reason.Node == d.Node:
			word = style.Warn("never built")
		case !d.Certain:
			word = style.Dim("maybe dirty")
		}
		table.Row(word, console.Line(d.Node), style.Dim(rootText(d)))
	}
	return table
}

// rootText names the root cause, and the node that it is about where that is another one.
func rootText(d dirtyNode) string {
	switch {
	case d.Problem != "" && d.Reason.Subject == "": // as of a step that was never built
		return console.Line(d.Problem)
	case d.Reason.Kind == graph.NeverBuilt && d.Reason.Node == d.Node:
		return ""
	}
	text := explain.Long(d.Reason)
	if d.Reason.Node != "" && d.Reason.Node != d.Node {
		text += " (in " + console.Line(d.Reason.Node) + ")"
	}
	return text
}

func overrideTable(list []overridden, style console.Style) *console.Table {
	table := console.NewTable("", "", "", "")
	for _, o := range list {
		table.Row("  "+console.Line(o.Node), explain.Content(string(o.Value)), style.Dim("source: "+explain.Content(string(o.Source))), style.Dim(o.From))
	}
	return table
}
