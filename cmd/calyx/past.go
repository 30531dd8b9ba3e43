package main

import (
	"context"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/reports"
)

// past is the recorded runs of the workspace, newest first, and where their spans are.
type past struct {
	store cas.Store
	scope trace.Scope
	runs  []reports.Head
}

// past lists the recorded runs. It needs no Calyxfile that can be evaluated.
func (s *session) past(ctx context.Context) (past, error) {
	store, scope, err := s.engine.Store(ctx)
	if err != nil {
		return past{}, err
	}
	_ = reports.TakeIdle(ctx, store, scope.Workspace, s.Root) // what cannot be written now is listed another time
	runs, err := reports.Runs(ctx, store, scope.Workspace)
	return past{store, scope, runs}, err
}

// busy is the last run of the instance that did something; "" where there is none.
func (p past) busy() string {
	for _, h := range reports.OfInstance(p.runs, p.scope.Instance) {
		if !h.Idle() {
			return h.Run
		}
	}
	return ""
}

// run finds the run that the user means: an id, or @-1 counted back in the instance.
func (p past) run(spec string) (reports.Head, error) {
	head, err := reports.Resolve(p.runs, p.scope.Instance, spec)
	if err == nil {
		return head, nil
	}
	hint := "`calyx history` lists the runs"
	if len(p.runs) == 0 {
		hint = "`calyx build` makes one"
	}
	return head, usage(hint, "%w", err)
}
