package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/calyx-build/calyx/cas/server"
	"github.com/calyx-build/calyx/cas/storepb"
)

// logLimit is the size in bytes from which the server's log is begun anew.
const logLimit = 1 << 20

// startWithin is how long a server may take to open the database, on a slow disk too.
var startWithin = 30 * time.Second

// startServer starts a server and waits until it can be connected to, or another one can.
func (c *Client) startServer(ctx context.Context) error {
	log, err := c.openLog()
	if err != nil {
		return fmt.Errorf("start a store server for the cache %q: %w", c.folder.Path(), err)
	}
	defer log.Close()
	// A session of its own keeps the user's Ctrl-C and Ctrl-Z from a process that other builds use too.
	cmd := exec.Command(c.options.Server[0], c.options.Server[1:]...)
	cmd.Dir = "/"
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	news, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("start a store server for the cache %q: %w", c.folder.Path(), err)
	}
	heard := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(news).ReadString('\n')
		heard <- strings.TrimSpace(line)
		_ = cmd.Wait() // so that no zombie is left while this process lives
	}()
	tick := time.NewTicker(storepb.BeatEvery)
	defer tick.Stop()
	late := time.After(startWithin)
	for still := server.NewStandstill(storepb.BeatEvery); ; {
		select {
		case line := <-heard:
			return c.judge(line)
		case <-late:
			_ = cmd.Process.Kill() // it may have ended just now
			return fmt.Errorf("%w: it was not ready within %v", errHandshake, startWithin)
		case <-tick.C:
			if still.Lasts(cmd.Process.Pid) {
				_ = cmd.Process.Kill()
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// judge turns what a server said when it started into an error.
func (c *Client) judge(line string) error {
	switch line {
	case server.Ready:
		return nil
	case "":
		return fmt.Errorf("%w: it ended without a word", errHandshake)
	}
	return errors.New(line)
}

// openLog opens the file that takes what a server says when it fails.
func (c *Client) openLog() (*os.File, error) {
	log, err := os.OpenFile(c.folder.Log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if end, err := log.Seek(0, io.SeekEnd); err != nil || end < logLimit {
		return log, err
	}
	return log, log.Truncate(0)
}
