package main

import (
	"context"
	"errors"

	"github.com/calyx-build/calyx/executor"
)

var errPending = errors.New("not wired yet")

type recorder struct{}

func (recorder) Event(executor.Event) {}
func (recorder) Close() error         { return nil }

func (s *session) recorder(context.Context, executor.Options) recorder { return recorder{} }

func (a *app) history(context.Context, *session, int, bool) error         { return errPending }
func (a *app) diff(context.Context, *session, string, string, bool) error { return errPending }
func (a *app) plan(context.Context, *session, []string, int, bool) error  { return errPending }
func (a *app) profile(context.Context, *session, string, string) error    { return errPending }
