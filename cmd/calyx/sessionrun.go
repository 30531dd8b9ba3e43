package main

import (
	"context"
	"sync"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/release"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/reports"
)

// sessionRun records a session as one run, which its first question begins and its end ends. Each question by itself would fill the
// history with runs of one node. It is safe for concurrent use.
type sessionRun struct {
	id       string
	recorder *reports.Recorder
	store    func(context.Context) (cas.Store, trace.Scope, error) // of the line that began the run

	mu    sync.Mutex
	began time.Time // zero: no question has come
	ended executor.RunEnded
}

func newSessionRun(ctx context.Context, now time.Time) *sessionRun {
	r := &sessionRun{id: trace.NewRunID(now)}
	open := func(ctx context.Context) (cas.Store, trace.Scope, error) { return r.store(ctx) }
	r.recorder = reports.NewRecorder(ctx, open, reports.About{Version: release.Text(), Command: []string{"calyx", "session"}})
	return r
}

// runOf is the run as the questions on one line observe it.
type runOf struct {
	*sessionRun
	line *line
}

// Event makes events of one run of those of several.
func (o runOf) Event(e executor.Event) {
	r := o.sessionRun
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e := e.(type) {
	case executor.RunStarted:
		if r.began.IsZero() {
			r.began, r.store = e.Started, o.line.engine.Store
			e.Targets = nil
			r.recorder.Event(e)
		}
	case executor.RunEnded:
		all := &r.ended
		all.Executed += e.Executed
		all.Cached += e.Cached
		all.Fresh += e.Fresh
		all.Failed += e.Failed
		all.Blocked += e.Blocked
	default:
		r.recorder.Event(e)
	}
}

// close writes the end of the run. That it cannot be recorded makes no answer worse.
func (r *sessionRun) close(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.began.IsZero() {
		return
	}
	e := r.ended
	e.Run, e.Ended, e.OK, e.Seconds = r.id, now, e.Failed == 0, now.Sub(r.began).Seconds()
	r.recorder.Event(e)
	_ = r.recorder.Close()
}
