package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/cmd/calyx/internal/explain"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/reports"
)

// why answers as `calyx why --json` would have after the run.
func (t *pastNode) why() whyAnswer {
	w := whyAnswer{Node: t.node, State: t.state(), Certain: true, Chain: []graph.Reason{}}
	if !t.list {
		w.Last = t.last()
	}
	return w
}

// state is how the node stood after the run: a list like the first of its steps that was not well.
func (t *pastNode) state() executor.NodeState {
	switch {
	case t.list:
		for _, step := range t.steps {
			if state := step.state(); state != executor.StateFresh {
				return state
			}
		}
	case t.Made != nil:
	case t.Span != nil && t.Span.Outcome == executor.Failed:
		return executor.StateFailed
	default:
		return executor.StateDirty
	}
	return executor.StateFresh
}

func (a *app) showPastWhy(t *pastNode, asJSON bool) error {
	if asJSON {
		return a.printJSON(t.why())
	}
	return a.print(t.whyText(a.outStyle(), a.now()))
}

func (t *pastNode) whyText(style console.Style, now time.Time) string {
	var b strings.Builder
	if t.list {
		for _, step := range t.steps {
			b.WriteString(step.whyText(style, now))
		}
		return b.String()
	}
	s, in := t.span()
	if s == nil {
		return fmt.Sprintf("%s: no recorded run up to %s tells of it.\n", style.Bold(console.Line(t.node)), console.Line(t.Run.Run))
	}
	fmt.Fprintf(&b, "%s in run %s (%s) ", style.Bold(console.Line(t.node)), console.Line(t.Run.Run), console.Ago(t.Run.Started, now))
	if t.Span == nil {
		fmt.Fprintf(&b, "was fresh, or not asked for. In run %s (%s) it ", console.Line(in.Run), console.Ago(in.Started, now))
	}
	b.WriteString(becameText(s) + ".\n")
	explain.Chain(&b, t.last().Chain, style)
	return b.String()
}

// becameText says what became of a node, as the rest of a sentence.
func becameText(s *reports.Span) string {
	switch s.Outcome {
	case executor.Executed:
		return "was executed, in " + console.Seconds(s.Took.Seconds())
	case executor.Cached:
		return "was taken from the cache, which saved " + console.Seconds(s.Usual.Seconds())
	case executor.Failed:
		return fmt.Sprintf("failed, after %s: %s", console.Seconds(s.Took.Seconds()), console.Line(s.Failure))
	}
	return "was blocked by " + someOf(s.Blocked)
}

// pastAnswer is the answer of `calyx info TARGET@RUN --json`.
type pastAnswer struct {
	Node          string         `json:"node"`
	Run           string         `json:"run"`
	Outcome       string         `json:"outcome"`            // empty: fresh, or not asked for
	At            time.Time      `json:"at"`                 // when the run started
	MadeRun       string         `json:"made_run,omitempty"` // in which it got the value that it had
	Value         *infoValue     `json:"value"`
	Dependencies  []string       `json:"dependencies"`
	Seconds       float64        `json:"seconds"`
	SelfSeconds   float64        `json:"self_seconds"`
	WaitedSeconds float64        `json:"waited_seconds"`
	CPUSeconds    float64        `json:"cpu_seconds"`
	Attempts      int            `json:"attempts"`
	Reason        *graph.Reason  `json:"reason"`
	Failure       string         `json:"failure,omitempty"`
	BlockedBy     []string       `json:"blocked_by,omitempty"`
	Metrics       []trace.Metric `json:"metrics,omitempty"`
}

func (a *app) showPastInfo(t *pastNode, asJSON bool) error {
	if asJSON {
		return a.printJSON(t.info())
	}
	return a.print(t.info().text(a.outStyle(), a.now()))
}

func (t *pastNode) info() pastAnswer {
	if t.list {
		return t.listInfo()
	}
	s, _ := t.span()
	i := pastAnswer{
		Node: t.node, Run: t.Run.Run, At: t.Run.Started, MadeRun: t.MadeIn.Run, Dependencies: append([]string{}, s.Deps...),
		Seconds: s.Took.Seconds(), SelfSeconds: s.Self.Seconds(), WaitedSeconds: s.Waited.Seconds(), CPUSeconds: s.CPU.Seconds(),
		Attempts: s.Attempts, Reason: t.last().Reason, Failure: s.Failure, BlockedBy: s.Blocked, Metrics: s.Metrics,
	}
	if t.Span != nil {
		i.Outcome = string(t.Span.Outcome)
	}
	if t.Made != nil {
		i.Value = infoValueOf(t.Made.Value)
	}
	return i
}

// listInfo tells of the list of a matrix, which has times and reasons in its steps alone.
func (t *pastNode) listInfo() pastAnswer {
	i := pastAnswer{Node: t.node, Run: t.Run.Run, At: t.Run.Started, Dependencies: []string{}}
	for _, step := range t.steps {
		i.Dependencies = append(i.Dependencies, step.node)
	}
	if v, err := t.values(executor.TargetValue{}); err == nil {
		i.Value = infoValueOf(v.Value)
	}
	return i
}

func (i pastAnswer) text(style console.Style, now time.Time) string {
	table := console.NewTable("", "")
	row := func(label, text string) {
		if text != "" {
			table.Row(style.Dim(label), text)
		}
	}
	row("node", style.Bold(console.Line(i.Node)))
	row("run", fmt.Sprintf("%s, %s", console.Line(i.Run), console.Ago(i.At, now)))
	if i.MadeRun != "" && i.Outcome == "" {
		row("outcome", "fresh, or not asked for; the value is of run "+console.Line(i.MadeRun))
	}
	row("outcome", i.Outcome)
	row("value", valueInfo(i.Value))
	row("depends on", lineOf(i.Dependencies))
	if i.Attempts > 0 {
		row("took", fmt.Sprintf("%s, of which itself %s", console.Seconds(i.Seconds), console.Seconds(i.SelfSeconds)))
	}
	if i.Reason != nil {
		row("reason", explain.Long(*i.Reason))
	}
	row("failure", console.Line(i.Failure))
	row("blocked by", lineOf(i.BlockedBy))
	for _, m := range i.Metrics {
		row("metric", metricText(m))
	}
	return table.String()
}

// showPastLog shows what the node printed when it got the value that it had.
func (a *app) showPastLog(ctx context.Context, s *session, t *pastNode, asJSON bool) error {
	if t.list {
		return listHasNoLog(t.node)
	}
	var text bytes.Buffer
	if log := t.log(); log.Media != "" {
		if err := s.engine.Log(ctx, log, &text); err != nil {
			return err
		}
	}
	if asJSON {
		last := t.last()
		return a.printJSON(logAnswer{t.node, last.Run, last.Outcome, text.String()})
	}
	return a.printPrinted(&text)
}
