package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/reports"
)

var errPending = errors.New("plan and diff are not in this version of calyx")

// recorder keeps the run in the history.
func (s *session) recorder(ctx context.Context, _ executor.Options) *reports.Recorder {
	return reports.NewRecorder(ctx, s.engine.Store, reports.About{Version: versionText(), Command: os.Args})
}

// usualTimes gives the engine the recorded seconds of nodes.
func usualTimes(ctx context.Context, store cas.Store, scope trace.Scope) (func(string) (float64, bool), error) {
	times, err := reports.LoadTimes(ctx, store, scope)
	if err != nil {
		return nil, err
	}
	return times.Seconds, nil
}

// history lists past runs as JSON, newest first.
func (a *app) history(ctx context.Context, s *session, most int, _ bool) error {
	store, scope, err := s.engine.Store(ctx)
	if err != nil {
		return err
	}
	runs, err := reports.Runs(ctx, store, scope.Workspace)
	if err != nil {
		return err
	}
	if most > 0 && len(runs) > most {
		runs = runs[:most]
	}
	return a.printJSON(runs)
}

// profile tells where a run's time went, as JSON or as a Chrome trace.
func (a *app) profile(ctx context.Context, s *session, spec, format string) error {
	store, scope, err := s.engine.Store(ctx)
	if err != nil {
		return err
	}
	runs, err := reports.Runs(ctx, store, scope.Workspace)
	if err != nil {
		return err
	}
	head, err := reports.Resolve(runs, spec)
	if err != nil {
		return err
	}
	if format == "trace" {
		run, err := reports.Load(ctx, store, scope.Workspace, head.Run)
		if err != nil {
			return err
		}
		var b strings.Builder
		if err := reports.ChromeTrace(&b, run); err != nil {
			return err
		}
		return a.print(b.String())
	}
	p, err := reports.LoadProfile(ctx, store, scope.Workspace, head, nil)
	if err != nil {
		return err
	}
	return a.printJSON(p)
}

func (a *app) diff(context.Context, *session, string, string, bool) error { return errPending }
func (a *app) plan(context.Context, *session, []string, int, bool) error  { return errPending }
