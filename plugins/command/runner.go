// Package command runs programs: it is the executor.Runner of tasks that have a Command.
package command

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing/cores"
	"github.com/calyx-build/calyx/plugins/command/watch"
	"github.com/calyx-build/calyx/plugins/memory"
)

// grace is how long a command that is asked to end may take before it is killed.
const grace = 2 * time.Second

// Runner starts commands, each in a session of its own: without a terminal, with nothing on its standard input, and with
// a file for what it prints. A file costs neither a goroutine nor a copy, and one that stayed empty serves the next
// command. The umask is the process's own: calyx sets it once.
//
// The zero Runner is ready to use. It is safe for concurrent use and has one goroutine for each running command.
type Runner struct {
	// User is the user's environment, NAME=VALUE; nil: this process's own. A failed step's hint names what it lacked of it.
	User []string
	// Starter starts commands that are to be watched; the Runner closes it. nil: none are.
	Starter *watch.Starter

	grace time.Duration // 0: the constant
	null  nullDevice
	logs  logPool
}

// Close gives back what the Runner holds open. No command may be running.
func (r *Runner) Close() error {
	err := errors.Join(r.null.close(), r.logs.close())
	if r.Starter != nil {
		err = errors.Join(err, r.Starter.Close())
	}
	return err
}

// Start begins the task, which must have a Command.
func (r *Runner) Start(t *executor.Task, h executor.Handler) executor.Call {
	c := &call{}
	cores.Go(func() { h.Done(r.run(t, c)) })
	return c
}

// call is a command under way.
type call struct {
	mu        sync.Mutex
	cancelled bool
	proc      *process // nil before it is started
}

// Answer does nothing: a command asks for nothing.
func (c *call) Answer(uint64, []executor.Answer) {}

// Cancel ends the command, or keeps it from being started. A second time it kills it at once.
func (c *call) Cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancelled = true
	if c.proc != nil {
		c.proc.stop(byCancel)
	}
}

// begin starts the process, unless Cancel came before. What comes after it finds the process.
func (c *call) begin(start func() (*process, error)) (*process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancelled {
		return nil, errCancelled
	}
	var err error
	c.proc, err = start()
	return c.proc, err
}

var errCancelled = errors.New("cancelled")

func (r *Runner) run(t *executor.Task, c *call) executor.Outcome {
	o := executor.Outcome{Started: time.Now()}
	log, err := r.logs.get(t.Scratch)
	if err != nil {
		o.Ended, o.Failure = o.Started, &executor.Failure{Message: fmt.Sprintf("make a file for what the command prints: %v", err), Exit: -1}
		return o
	}
	end, err := r.execute(t, c, log)
	o.Ended = time.Now()
	o.CPU, o.MaxRSS = end.cpu, end.maxRSS
	o.Failure = r.failure(t, end, err)
	if end.watch != nil && o.Failure == nil {
		o.Accesses, err = end.watch.Accesses()
		o.Failure = unseen(err)
	}
	o.Log, err = r.logs.publish(log, t.Scratch, t.Secrets, end.leftovers)
	if err != nil && o.Failure == nil {
		o.Failure = &executor.Failure{Message: fmt.Sprintf("keep what the command printed: %v", err), Exit: -1}
	}
	return o
}

// execute starts the command and waits for its end.
func (r *Runner) execute(t *executor.Task, c *call, log *os.File) (ending, error) {
	stdin, err := r.null.get()
	if err != nil {
		return ending{}, err
	}
	stdout := log
	if t.Command.Stdout != "" {
		f, err := os.OpenFile(t.Command.Stdout, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o666)
		if err != nil {
			return ending{}, err
		}
		defer func() { _ = f.Close() }() // nothing is written through this handle
		stdout = f
	}
	p, err := c.begin(func() (*process, error) { return r.start(t.Command, stdin, stdout, log) })
	if err != nil {
		return ending{}, err
	}
	if t.Timeout > 0 {
		timer := time.AfterFunc(t.Timeout, func() { p.stop(byTimeout) })
		defer timer.Stop()
	}
	if t.Memory > 0 {
		defer memory.Watch(p.pid, func() int64 { return t.Memory }, func(used, _ int64) { p.overfull(used) })()
	}
	return p.wait(), nil
}

// start begins a program, watched where that is asked for. It uses syscall.ForkExec since package os adds nothing to it that
// is needed here: files need no goroutines, and the process is waited for in two steps.
func (r *Runner) start(c *executor.Command, files ...*os.File) (*process, error) {
	attr := &syscall.ProcAttr{Dir: c.Dir, Env: c.Env, Sys: attributes()}
	for _, f := range files {
		attr.Files = append(attr.Files, f.Fd())
	}
	p := &process{grace: cmp.Or(r.grace, grace), watch: r.newWatch(c)}
	if line, ok := plainLineOf(c); ok && r.startPlain(p, line, c, attr) == nil {
		return p, nil
	}
	if err := r.launch(p, c.Path, c.Argv, attr); err != nil {
		return nil, err
	}
	return p, nil
}

// newWatch is what a command is watched with; nil: it is not.
func (r *Runner) newWatch(c *executor.Command) *watch.Watch {
	if c.Watch == "" || r.Starter == nil {
		return nil
	}
	return watch.New(c.Watch)
}

// launch starts a program as a process, which knows whether it is watched.
func (r *Runner) launch(p *process, path string, argv []string, attr *syscall.ProcAttr) (err error) {
	if p.watch != nil {
		p.pid, err = r.Starter.Start(p.watch, path, argv, attr)
	} else {
		p.pid, err = syscall.ForkExec(path, argv, attr)
	}
	return err
}

// nullDevice is what commands read: opened once.
type nullDevice struct {
	mu   sync.Mutex
	file *os.File
}

func (n *nullDevice) get() (*os.File, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var err error
	if n.file == nil {
		n.file, err = os.Open(os.DevNull)
	}
	return n.file, err
}

func (n *nullDevice) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.file == nil {
		return nil
	}
	err := n.file.Close()
	n.file = nil
	return err
}
