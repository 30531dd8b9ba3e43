package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
)

func newGet(a *app) *cobra.Command {
	var b buildFlags
	var f *format
	var output string
	var noBuild bool
	c := newCommand(&cobra.Command{
		Use:   "get TARGET",
		Short: "Bring a node up to date and print its value",
		Long: `Bring a node up to date and print its value: a string as it is (--json quotes it), numbers, lists and dictionaries as
JSON, a text file's text, a binary file's bytes (to a pipe), a tree's listing, an array's dtype, shape and head. With @RUN
nothing is built: the value is the one that the node had after that run.`,
		Example: `calyx get accuracy
calyx get accuracy@-1
calyx get 'train["metrics.json"]'
calyx get model -o model.safetensors
calyx get lr --no-build --json`,
		Args:              wantArgs(1, 1),
		ValidArgsFunction: a.completeNodes(anyNode, 1),
	})
	b.registerShared(c)
	c.Flags().StringVarP(&output, "output", "o", "", "write the value to `PATH` instead")
	c.Flags().BoolVar(&noBuild, "no-build", false, "print the last value; build nothing")
	c.RunE = runner(func(ctx context.Context, args []string) error {
		return a.within(ctx, func(ctx context.Context, s *session) error {
			v, verdict, err := a.valueOrPast(ctx, s, b, args[0], noBuild)
			if err != nil {
				return err
			}
			p, err := s.load(ctx, v)
			switch {
			case err != nil:
			case output != "":
				err = s.writeValue(ctx, output, v, p)
			default:
				err = a.printValue(v, p, f.json)
			}
			return cmp.Or(err, verdict)
		})
	}).run
	f = formatFlags(c, "text")
	return c
}

// valueOrPast returns the value of a target, as it was in the run that it names, or now. The verdict is of the build that it took.
func (a *app) valueOrPast(ctx context.Context, s *session, b buildFlags, target string, noBuild bool) (v executor.TargetValue, verdict, err error) {
	t, err := a.pastNode(ctx, s, target)
	switch {
	case err != nil:
		return v, nil, err
	case t == nil:
		return a.valueOf(ctx, s, b, target, noBuild)
	case len(b.set) > 0:
		return v, nil, usage("", "get %q: --set cannot change the past", target)
	}
	v, err = t.value(ctx, s)
	return v, nil, err
}

// valueOf returns the value of a target that means one node, after building it unless that is not wanted.
func (a *app) valueOf(ctx context.Context, s *session, b buildFlags, target string, noBuild bool) (v executor.TargetValue, verdict, err error) {
	if noBuild {
		survey, at, err := a.surveyOne(ctx, s, target, executor.Options{})
		if err != nil {
			return v, nil, err
		}
		switch f := survey.Nodes[at]; {
		case f.List:
			v, err = s.lastValues(ctx, target, survey, at)
			return v, nil, err
		case !f.Stored: // to bring a stored node up to date is to read it
			v, err = s.lastValue(ctx, target, f)
			return v, nil, err
		}
	}
	o, err := b.options(ctx, s, []string{target})
	if err != nil {
		return v, nil, err
	}
	o.Values = true
	sum, err := a.runBuild(ctx, s, o, b.display(a, false))
	if err != nil {
		return v, nil, err
	}
	verdict = sum.verdict()
	switch {
	case verdict != nil && len(sum.Values) == 0:
		return v, nil, verdict
	case len(sum.Values) != 1:
		return v, nil, usage("name one of them", "get %q: it means %d nodes", target, len(sum.Values))
	}
	return sum.Values[0], verdict, nil // one that saw a failure is delivered all the same
}

// lastValue is the value that a derived node had last.
func (s *session) lastValue(ctx context.Context, target string, f executor.Forecast) (executor.TargetValue, error) {
	v := executor.TargetValue{Target: target, Node: f.Node}
	if f.Last == nil || f.Last.Failure != "" {
		return v, &failure{
			status: exitFailed, err: fmt.Errorf("get %q: it has no value yet", f.Node), hint: "without --no-build it is built first",
		}
	}
	t, err := s.partTarget(ctx, target)
	if err == nil {
		v.Value = f.Last.Result.Value
		err = s.part(ctx, &v, t)
	}
	return v, err
}

// lastValues is the list of the values that the steps of a matrix had last.
func (s *session) lastValues(ctx context.Context, target string, survey *executor.Survey, at int) (executor.TargetValue, error) {
	v := executor.TargetValue{Target: target, Node: survey.Nodes[at].Node, Items: []trace.Value{}}
	for _, i := range survey.Edges[at] {
		f := survey.Nodes[i]
		item, err := s.lastValue(ctx, f.Node, f)
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, item.Value)
	}
	v.Value, _ = trace.ListOf(v.Items)
	return v, nil
}

// valuePart is the part of a node's value that a target names: an output, a file within it, an element.
type valuePart struct {
	graph.Target
	within string // the output, which is a folder
}

// partTarget reads a target for the part of a node's value that it means. An output's path is one of its step's, whatever
// else it looks like; an element of a matrix is a node, and all of it.
func (s *session) partTarget(ctx context.Context, word string) (valuePart, error) {
	d, err := s.engine.Graph(ctx)
	if err != nil {
		return valuePart{}, err
	}
	for _, n := range d.Nodes {
		if n.Name == word {
			continue
		}
		for _, path := range []string{word, fromFolder(s.Below, word)} {
			if p, ok := partAt(n, path); ok {
				return p, nil
			}
		}
	}
	t, err := graph.ParseTarget(word)
	if err != nil {
		return valuePart{}, err
	}
	n := declared(d, t.Name)
	if n == nil {
		return valuePart{Target: t}, nil
	}
	if t.Element != nil && n.Step == nil && n.Stored == nil {
		t.Element = nil
	}
	if p, ok := partAt(n, t.Output); ok {
		t.Output = p.Output
		return valuePart{t, p.within}, nil
	}
	if outs := outputsOf(n); t.Output != "" && len(outs) == 1 && outs[0].Dir && outs[0].Name != t.Output {
		return valuePart{t, t.Output}, nil
	}
	return valuePart{Target: t}, nil
}

// partAt is the output of a node that stands at a path, or the file there within a folder that the node makes.
func partAt(n *graph.Node, path string) (valuePart, bool) {
	for _, o := range outputsOf(n) {
		p := valuePart{Target: graph.Target{Name: n.Name, Output: o.Name}}
		if o.Path == path {
			return p, true
		}
		if within, ok := strings.CutPrefix(path, o.Path+"/"); ok && o.Dir {
			p.within = within
			return p, true
		}
	}
	return valuePart{}, false
}
