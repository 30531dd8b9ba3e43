package main

import (
	"errors"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/command"
	"github.com/calyx-build/calyx/plugins/command/watch"
	"github.com/calyx-build/calyx/plugins/host"
)

// runners carries tasks out: commands by starting them, functions in plugins.
type runners struct {
	commands command.Runner
	plugins  *host.Host
}

func newRunner(starter *watch.Starter) *runners {
	return &runners{commands: command.Runner{Starter: starter}, plugins: host.New(host.Options{})}
}

// Start begins a task where it belongs.
func (r *runners) Start(t *executor.Task, h executor.Handler) executor.Call {
	if t.Command != nil {
		return r.commands.Start(t, h)
	}
	return r.plugins.Start(t, h)
}

// Close ends the plugins' processes. No task may be under way.
func (r *runners) Close() error { return errors.Join(r.plugins.Close(), r.commands.Close()) }
