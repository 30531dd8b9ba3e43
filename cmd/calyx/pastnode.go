package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/reports"
)

// pastNode is what a target with @RUN was in that run.
type pastNode struct {
	*reports.Past
	target string    // as typed
	node   string    // which it names
	part   valuePart // which of its outputs or elements
	// list tells that it is the list of a matrix, and steps are what it consisted of then. It has no Past of its own.
	list  bool
	steps []*pastNode
}

// cutRun splits a target from the run that it names; run is empty where it names none. A node or an output whose name only
// looks so is what it is.
func (s *session) cutRun(ctx context.Context, typed string) (now, run string, err error) {
	if !strings.Contains(typed, "@") {
		return typed, "", nil
	}
	t, err := graph.ParseTarget(typed)
	if err != nil || t.Run == "" {
		return typed, "", err
	}
	d, err := s.engine.Graph(ctx)
	if err != nil {
		return "", "", err
	}
	if s.isThere(d, typed) {
		return typed, "", nil
	}
	return strings.TrimSuffix(typed, "@"+t.Run), t.Run, nil
}

// isThere reports whether a node or an output is called exactly so.
func (s *session) isThere(d *graph.Declarations, word string) bool {
	for _, n := range d.Nodes {
		if n.Name == word {
			return true
		}
		for _, o := range outputsOf(n) {
			if o.Path == word || o.Path == fromFolder(s.Below, word) {
				return true
			}
		}
	}
	return false
}

// pastNode looks a target up in the run that it names; nil where it names none.
func (a *app) pastNode(ctx context.Context, s *session, typed string) (*pastNode, error) {
	now, run, err := s.cutRun(ctx, typed)
	if err != nil || run == "" {
		return nil, err
	}
	p, err := s.past(ctx)
	if err != nil {
		return nil, err
	}
	head, err := p.run("@" + run)
	if err != nil {
		return nil, err
	}
	t := &pastNode{target: typed}
	steps, gone := t.name(ctx, a, s, now)
	var unknown *executor.TargetError
	if gone != nil && !errors.As(gone, &unknown) {
		return nil, gone
	}
	if t.list {
		return t, t.addSteps(ctx, p, head, steps)
	}
	t.Past, err = reports.LoadPast(ctx, p.store, p.scope.Workspace, head, t.node)
	switch {
	case err != nil:
		return nil, err
	case !t.known() && gone != nil:
		return nil, gone
	case !t.known():
		return nil, unknownThen(t.target, head)
	}
	return t, nil
}

// known reports whether a recorded run tells of the node.
func (t *pastNode) known() bool { return t.Span != nil || t.Made != nil }

func unknownThen(target string, head reports.Head) error {
	return usage("`calyx history` lists the runs", "find %q: no recorded run up to %s tells of it", target, head.Run)
}

// addSteps looks up what the list of a matrix consisted of; it has the given steps now.
func (t *pastNode) addSteps(ctx context.Context, p past, head reports.Head, now []string) error {
	t.Past = &reports.Past{Run: head}
	names, all, err := reports.LoadPastList(ctx, p.store, p.scope.Workspace, head, t.node, now)
	if err != nil {
		return err
	}
	known := false
	for i, name := range names {
		step := &pastNode{Past: all[i], target: t.target, node: name}
		known = known || step.known()
		t.steps = append(t.steps, step)
	}
	if !known && len(names) > 0 {
		return unknownThen(t.target, head)
	}
	return nil
}

// name finds the node that a target means now, and the steps of a list. A target that means none now may be a node that is
// gone: the error is a TargetError then, and the node is called as it was typed.
func (t *pastNode) name(ctx context.Context, a *app, s *session, now string) (steps []string, err error) {
	if t.part, err = s.partTarget(ctx, now); err != nil {
		return nil, err
	}
	t.node = graph.Spell(t.part.Name, t.part.Args)
	survey, at, err := a.surveyOne(ctx, s, now, executor.Options{})
	if err != nil {
		return nil, err
	}
	f := survey.Nodes[at]
	t.node, t.list = f.Node, f.List
	if f.Stored {
		return nil, s.storedThen(ctx, t.target, f.Node)
	}
	return dependencies(survey, at), nil
}

// storedThen says that a run does not tell the value of a stored node, and what does.
func (s *session) storedThen(ctx context.Context, target, node string) error {
	d, err := s.engine.Graph(ctx)
	if err != nil {
		return err
	}
	records, err := s.engine.Records(ctx)
	if err != nil {
		return err
	}
	step := "STEP"
	if users := dependents(d, records, node); len(users) > 0 {
		step = users[0]
	}
	run := target[strings.LastIndex(target, "@"):]
	return usage("`calyx why "+shellWord(step+run)+"` tells what it was changed to, if that is why the step ran",
		"find %q: %q is stored, and runs record what was derived", target, node)
}

// value is the value that the target had.
func (t *pastNode) value(ctx context.Context, s *session) (executor.TargetValue, error) {
	v := executor.TargetValue{Target: t.target, Node: t.node}
	if t.list {
		return t.values(v)
	}
	if t.Made == nil {
		return v, &failure{status: exitFailed, err: fmt.Errorf("get %q: %s", t.target, t.problem())}
	}
	v.Value = t.Made.Value
	if err := s.part(ctx, &v, t.part); err != nil {
		return v, fmt.Errorf("get %q: %w", t.target, err)
	}
	return v, nil
}

// values are those of the steps of a list.
func (t *pastNode) values(v executor.TargetValue) (executor.TargetValue, error) {
	v.Items = []trace.Value{}
	for _, step := range t.steps {
		if step.Made == nil {
			return v, &failure{
				status: exitFailed, err: fmt.Errorf("get %q: %s: %s", t.target, step.node, step.problem()),
				hint: "the others have values of their own, by their names",
			}
		}
		v.Items = append(v.Items, step.Made.Value)
	}
	v.Value, _ = trace.ListOf(v.Items)
	return v, nil
}

// problem says why there was no value.
func (t *pastNode) problem() string {
	switch {
	case t.Span != nil && t.Span.Outcome == executor.Failed:
		return fmt.Sprintf("it failed in run %s: %s", t.Run.Run, console.Line(t.Span.Failure))
	case t.Span != nil:
		return fmt.Sprintf("in run %s it was blocked by %s", t.Run.Run, someOf(t.Span.Blocked))
	}
	return fmt.Sprintf("no recorded run up to %s tells its value", t.Run.Run)
}

// span is what became of the node last, up to the run.
func (t *pastNode) span() (*reports.Span, reports.Head) {
	if t.Span == nil || t.Made != nil {
		return t.Made, t.MadeIn
	}
	return t.Span, t.Run
}

// last puts it as `calyx why` does.
func (t *pastNode) last() *lastRun {
	s, in := t.span()
	l := &lastRun{Run: in.Run, Outcome: string(s.Outcome), Chain: t.Chain}
	if s.Reason.Kind == "" {
		return l
	}
	l.Reason = &s.Reason
	if len(l.Chain) == 0 {
		l.Chain = []graph.Reason{s.Reason}
	}
	return l
}

func (t *pastNode) log() trace.Value {
	s, _ := t.span()
	return s.Log
}

// refuseRuns refuses targets that name a past run.
func (s *session) refuseRuns(ctx context.Context, typed []string) error {
	for _, text := range typed {
		now, run, err := s.cutRun(ctx, text)
		if err != nil {
			return err
		}
		if run != "" {
			return usage("get, info, log and why look back; without @"+run+" it is "+shellWord(now)+" as it is now", "target %q: a past run cannot be asked for here", text)
		}
	}
	return nil
}
