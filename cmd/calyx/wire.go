package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/executor"
)

var errPending = errors.New("not wired yet")

func (a *app) openStore(context.Context, string) (cas.Store, error)          { return nil, errPending }
func newRunner() (executor.Runner, error)                                    { return nil, errPending }
func (a *app) setValues(_ context.Context, _ *session, _ []assignment) error { return errPending }
func (a *app) unsetValues(_ context.Context, _ *session, _ []string) error   { return errPending }

type recorder struct{}

func (recorder) Event(executor.Event) {}
func (recorder) Close() error         { return nil }

func (s *session) recorder(context.Context, executor.Options) recorder { return recorder{} }

func pending(use string) *cobra.Command {
	return command(&cobra.Command{Use: use, Short: "pending", Example: "x", RunE: func(*cobra.Command, []string) error { return errPending }})
}
func newHistory(*app) *cobra.Command     { return pending("history") }
func newDiff(*app) *cobra.Command        { return pending("diff") }
func newPlan(*app) *cobra.Command        { return pending("plan") }
func newProfile(*app) *cobra.Command     { return pending("profile") }
func newCacheExport(*app) *cobra.Command { return pending("export") }
func newCacheImport(*app) *cobra.Command { return pending("import") }
func newStoreServer(*app) *cobra.Command { c := pending("store-server"); c.Hidden = true; return c }
