// Package command carries out tasks that are programs: started in the workspace with an environment of their own, their
// output kept in a file, the whole process group ended with them.
package command

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/calyx-build/calyx/executor"
)

// grace is how long a program has between being asked to end and being made to.
const grace = 2 * time.Second

// Runner starts programs. The zero Runner is ready to use.
type Runner struct{}

// Start implements executor.Runner for tasks with a Command.
func (Runner) Start(t *executor.Task, h executor.Handler) executor.Call {
	c := &call{task: t, stop: make(chan struct{})}
	go func() { h.Done(c.run()) }()
	return c
}

// call is a program under way.
type call struct {
	task *executor.Task
	once sync.Once
	stop chan struct{}
}

// Answer implements executor.Call; a program asks for nothing.
func (c *call) Answer(uint64, []executor.Answer) {}

// Cancel asks the program to end, and makes it end after a grace of two seconds.
func (c *call) Cancel() { c.once.Do(func() { close(c.stop) }) }

func (c *call) run() executor.Outcome {
	logPath := filepath.Join(c.task.Scratch, ".log")
	files, err := openFiles(logPath, c.task.Command.Stdout)
	if err != nil {
		return failure(err)
	}
	o := c.runWith(files)
	o.Log = logPath
	if err := files.close(); err != nil && o.Failure == nil {
		return failure(err)
	}
	if st, err := os.Stat(logPath); err != nil || st.Size() == 0 {
		o.Log = ""
	} else if err := blank(logPath, c.task.Secrets); err != nil {
		return failure(err)
	}
	return o
}

func failure(err error) executor.Outcome {
	now := time.Now()
	return executor.Outcome{Failure: &executor.Failure{Message: err.Error(), Exit: -1}, Started: now, Ended: now}
}

// streams are a program's open files.
type streams struct{ in, out, log *os.File }

func openFiles(logPath, stdout string) (s streams, err error) {
	if s.in, err = os.Open(os.DevNull); err != nil {
		return s, err
	}
	// Appending keeps what several processes write whole.
	if s.log, err = os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_TRUNC, 0o600); err != nil {
		return s, err
	}
	s.out = s.log
	if stdout != "" {
		s.out, err = os.OpenFile(stdout, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o666)
	}
	return s, err
}

func (s streams) close() error {
	err := errors.Join(s.in.Close(), s.log.Close())
	if s.out != s.log {
		err = errors.Join(err, s.out.Close())
	}
	return err
}

func (c *call) runWith(s streams) executor.Outcome {
	cmd := c.task.Command
	started := time.Now()
	p, err := os.StartProcess(cmd.Path, cmd.Argv, &os.ProcAttr{
		Dir: cmd.Dir, Env: cmd.Env, Files: []*os.File{s.in, s.out, s.log},
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return failure(startError(cmd, err))
	}
	ended := make(chan struct{})
	var why endedBy
	var watch sync.WaitGroup
	watch.Go(func() { why = c.watch(p.Pid, ended) })
	state, err := p.Wait()
	close(ended)
	watch.Wait()
	// What the program left running in its group ends with it: a step is over when it says so.
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
	o := executor.Outcome{Started: started, Ended: time.Now()}
	if err != nil {
		o.Failure = &executor.Failure{Message: fmt.Sprintf("wait for %q: %v", cmd.Argv[0], err), Exit: -1}
		return o
	}
	o.CPU = state.UserTime() + state.SystemTime()
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		o.MaxRSS = usage.Maxrss * rssUnit
	}
	o.Failure = c.failureOf(state, why)
	return o
}

func startError(cmd *executor.Command, err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if errors.Is(err, syscall.ENOEXEC) {
		return fmt.Errorf("start %q: %w (a script needs a first line such as #!/bin/sh)", cmd.Argv[0], err)
	}
	return fmt.Errorf("start %q: %w", cmd.Argv[0], err)
}

// endedBy is what ended a program that did not end by itself.
type endedBy uint8

const (
	itself endedBy = iota
	byTimeout
	byCancel
)

// watch ends the program's group when its time is over or it is cancelled.
func (c *call) watch(group int, ended <-chan struct{}) endedBy {
	var limit <-chan time.Time
	if c.task.Timeout > 0 {
		timer := time.NewTimer(c.task.Timeout)
		defer timer.Stop()
		limit = timer.C
	}
	why := byCancel
	select {
	case <-ended:
		return itself
	case <-limit:
		why = byTimeout
	case <-c.stop:
	}
	_ = syscall.Kill(-group, syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		_ = syscall.Kill(-group, syscall.SIGKILL)
	}
	return why
}

func (c *call) failureOf(state *os.ProcessState, why endedBy) *executor.Failure {
	status, _ := state.Sys().(syscall.WaitStatus)
	f := &executor.Failure{Exit: state.ExitCode()}
	if status.Signaled() {
		f.Signal = status.Signal().String()
		f.Exit = 128 + int(status.Signal())
	}
	switch {
	case why == byTimeout:
		f.Timeout = true
		f.Message = fmt.Sprintf("timed out after %v", c.task.Timeout)
	case why == byCancel:
		f.Cancel = true
		f.Message = "stopped"
	case f.Signal != "":
		f.Message = "killed by a signal: " + f.Signal
	case f.Exit != 0:
		f.Message = fmt.Sprintf("exit status %d", f.Exit)
	default:
		return nil
	}
	return f
}
