package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	goplugin "github.com/hashicorp/go-plugin"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/memory"
	"github.com/calyx-build/calyx/plugins/pipes"
	"github.com/calyx-build/calyx/plugins/proto"
)

// child is a plugin's process as the operating system sees it: a group of its own, and two pipes; in the foreground one pipe,
// and the group of calyx, which has the terminal. It is go-plugin's runner.Runner, so that calyx and not go-plugin reads what
// the process prints: go-plugin drops what follows the handshake, and stops reading at a line of 64 KiB.
type child struct {
	cmd    *exec.Cmd
	ends   []*os.File // of the pipes, which the process writes to
	out    *pipes.Output
	first  *pipes.FirstLine
	exited chan struct{} // closed when the process is gone

	mu      sync.Mutex // guards the start against stopStarting
	stopped bool
	up      bool
}

// newChild prepares the process; env is what go-plugin adds to the plugin's own environment.
func newChild(p executor.PluginProcess, fg *Foreground, env []string, out, stderr func([]byte)) (*child, error) {
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c := &child{first: pipes.NewFirstLine(out), ends: []*os.File{outWrite}, exited: make(chan struct{})}
	c.cmd = &exec.Cmd{Path: p.Path, Args: p.Argv, Dir: p.Dir, Env: append(append([]string{}, p.Env...), env...), Stdout: outWrite}
	sources := []pipes.Source{{File: outRead, Said: c.first.Write, Ended: c.first.End}}
	if fg != nil {
		c.cmd.Env = append(c.cmd.Env, proto.ForegroundKey+"="+proto.ForegroundValue)
		c.cmd.Stdin, c.cmd.Stderr = fg.In, fg.Out
	} else {
		errRead, errWrite, err := os.Pipe()
		if err != nil {
			return nil, errors.Join(err, outRead.Close(), outWrite.Close())
		}
		c.ends = append(c.ends, errWrite)
		c.cmd.Stderr, c.cmd.SysProcAttr = errWrite, &syscall.SysProcAttr{Setpgid: true}
		sources = append(sources, pipes.Source{File: errRead, Said: stderr, Ended: func() {}})
	}
	c.out, err = pipes.NewOutput(sources...)
	return c, err
}

// Start starts the process.
func (c *child) Start(context.Context) error {
	err := c.startUnlessStopped()
	for _, end := range c.ends {
		_ = end.Close()
	}
	c.out.Pump()
	if err != nil {
		close(c.exited)
		return err
	}
	go func() {
		_ = c.cmd.Wait() // how it ended is in ProcessState
		// What the process started and left behind has nobody to talk to.
		c.killGroup()
		close(c.exited)
	}()
	return nil
}

func (c *child) startUnlessStopped() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return errClosed
	}
	return c.cmd.Start()
}

// stopStarting kills a process that is still on the way up: nobody waits for it any more.
func (c *child) stopStarting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	if !c.up {
		c.killGroup()
	}
}

// started notes that the process is up. From here on it is ended gracefully.
func (c *child) started() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.up = true
}

// killGroup kills the process and all that it started and that is still in its group, if it has one.
func (c *child) killGroup() {
	switch {
	case c.cmd.Process == nil:
	case c.cmd.SysProcAttr == nil:
		_ = c.cmd.Process.Kill()
	default:
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) // an error says that nobody is left
	}
}

// Wait waits until the process is gone.
func (c *child) Wait(context.Context) error {
	<-c.exited
	return nil
}

// farewell is the time that a process gets to end by itself which closed its standard output and printed nothing: an interpreter
// with large libraries in it takes long on a busy machine.
const farewell = 5 * time.Second

// Kill ends the process. One that is about to end by itself may, so that its exit status tells what was wrong.
func (c *child) Kill(context.Context) error {
	most := 200 * time.Millisecond
	if line, said := c.first.Text(); said && line == "" {
		most = farewell
	}
	c.awaitExit(most)
	c.killGroup()
	return nil
}

// awaitExit waits for the process to be gone, and reports whether it is.
func (c *child) awaitExit(most time.Duration) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-c.exited:
		return true
	case <-timer.C:
		return false
	}
}

// gone waits for the process to be gone, by force after a while, and reads the last of what it printed. It reports
// whether it took force.
func (c *child) gone(most time.Duration) (forced bool) {
	if forced = !c.awaitExit(most); forced {
		c.killGroup()
		<-c.exited
	}
	c.out.Close()
	return forced
}

// Stdout gives go-plugin the handshake line.
func (c *child) Stdout() io.ReadCloser { return io.NopCloser(c.first) }

// Stderr gives go-plugin nothing: calyx reads it itself.
func (c *child) Stderr() io.ReadCloser { return io.NopCloser(eof{}) }

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// Name is the program's path.
func (c *child) Name() string { return c.cmd.Path }

// ID is the process id.
func (c *child) ID() string {
	if c.cmd.Process == nil {
		return ""
	}
	return strconv.Itoa(c.cmd.Process.Pid)
}

// Diagnose adds nothing: see startError.
func (c *child) Diagnose(context.Context) string { return "" }

// PluginToHost lets only sockets in folders pass: anybody on the machine can connect to a TCP port.
func (c *child) PluginToHost(network, address string) (string, string, error) {
	if network != "unix" {
		return "", "", fmt.Errorf("it listens on %s and not on a Unix socket", network)
	}
	return network, address, nil
}

// HostToPlugin changes nothing: both run on one machine.
func (c *child) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// exit describes how the process ended: its status or signal.
func (c *child) exit() (text string, status int, signal string) {
	state := c.cmd.ProcessState
	if state == nil {
		return "it did not start", -1, ""
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return "signal: " + ws.Signal().String(), -1, ws.Signal().String()
	}
	return fmt.Sprintf("exit status %d", state.ExitCode()), state.ExitCode(), ""
}

// started is a program that the host has started, as a peer.
type started struct {
	*child
	client *goplugin.Client
}

func (s started) drain() { s.out.Drain() }

// end asks the program to end, waits for that, and gives back what go-plugin holds.
func (s started) end() { s.client.Kill() }

func (started) fate() string { return "killed" }

func (s started) watchMemory(limit func() int64, exceeded func(used, limit int64)) (stop func()) {
	return memory.Watch(s.cmd.Process.Pid, limit, exceeded)
}
