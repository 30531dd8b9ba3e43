package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/explain"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
)

// whyAnswer is the answer of `calyx why --json`.
type whyAnswer struct {
	Node    string             `json:"node"`
	State   executor.NodeState `json:"state"`
	Certain bool               `json:"certain"`
	Reason  *graph.Reason      `json:"reason"`
	Last    *lastRun           `json:"last"`
	Chain   []graph.Reason     `json:"chain"`
}

// lastRun is what happened to a node in the last run that touched it.
type lastRun struct {
	Run     string         `json:"run"`
	Outcome string         `json:"outcome"`
	Reason  *graph.Reason  `json:"reason"`
	Chain   []graph.Reason `json:"chain,omitempty"`
}

func newWhy(a *app) *cobra.Command {
	var f *format
	c := newCommand(&cobra.Command{
		Use:   "why TARGET",
		Short: "Explain why a node ran last time, and why it would run now",
		Long: `Explain why a node ran last time or was reused, and why it would run now: the chain from the node down to the file,
parameter, code or variable that changed, with before and after. Nothing is run.`,
		Example:           "calyx why train\ncalyx why train@-1\ncalyx why out/table.txt --json",
		Args:              wantArgs(1, 1),
		ValidArgsFunction: a.completeNodes(anyNode, 1),
		RunE: runner(func(ctx context.Context, args []string) error {
			return a.within(ctx, func(ctx context.Context, s *session) error {
				if t, err := a.pastNode(ctx, s, args[0]); err != nil {
					return err
				} else if t != nil {
					return a.showPastWhy(t, f.json)
				}
				forecast, err := a.forecast(ctx, s, args[0])
				if err != nil {
					return err
				}
				if f.json {
					return a.printJSON(whyJSON(forecast))
				}
				return a.print(explain.Why(forecast, a.outStyle(), a.now()))
			})
		}).run,
	})
	f = formatFlags(c, "text")
	return c
}

// forecast surveys one target and returns what is said of it.
func (a *app) forecast(ctx context.Context, s *session, target string) (executor.Forecast, error) {
	survey, at, err := a.surveyOne(ctx, s, target, executor.Options{})
	if err != nil {
		return executor.Forecast{}, err
	}
	return survey.Nodes[at], nil
}

// surveyOne surveys a target that must mean one node, and returns the node's place in the survey.
func (a *app) surveyOne(ctx context.Context, s *session, target string, o executor.Options) (*executor.Survey, int, error) {
	var err error
	if o.Targets, err = s.targets(ctx, []string{target}); err != nil {
		return nil, 0, err
	}
	survey, err := a.survey(ctx, s, o)
	if err != nil {
		return nil, 0, err
	}
	if len(survey.Targets) != 1 {
		return nil, 0, usage("name one of them", "%q means %d nodes", target, len(survey.Targets))
	}
	return survey, survey.Targets[0], nil
}

// surveyTargets surveys targets as they were typed.
func (a *app) surveyTargets(ctx context.Context, s *session, typed []string) (*executor.Survey, error) {
	targets, err := s.targets(ctx, typed)
	if err != nil {
		return nil, err
	}
	return a.survey(ctx, s, executor.Options{Targets: targets})
}

func whyJSON(f executor.Forecast) whyAnswer {
	w := whyAnswer{Node: f.Node, State: f.State, Certain: f.Certain, Reason: firstReason(f.Chain), Chain: f.Chain}
	if w.Chain == nil {
		w.Chain = []graph.Reason{}
	}
	if f.Last != nil && f.Last.Outcome != "" {
		w.Last = lastOf(f.Last)
	}
	return w
}

func lastOf(r *trace.NodeRecord) *lastRun {
	l := &lastRun{Run: r.Run, Outcome: r.Outcome}
	if r.Reason.Kind != "" {
		reason := explain.FromRecord(r.Reason)
		l.Reason = &reason
	}
	for _, link := range r.Chain {
		l.Chain = append(l.Chain, explain.FromRecord(link))
	}
	return l
}
