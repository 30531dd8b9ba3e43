package workspace_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/folder"
	"github.com/calyx-build/calyx/executor/workspace"
	"github.com/calyx-build/calyx/hashing"
)

// roleVariable makes the test program another process of a test: it does what the role says.
const roleVariable = "CALYX_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		play(role, os.Args[1], os.Args[2:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// play is the other process. What it has to say it prints, and it goes on when a line comes in.
func play(role, root string, args []string) {
	ws, err := workspace.Open(root, nothing{}, hashing.NewMemo(func() int64 { return time.Now().UnixNano() }), func(string, string) {})
	must(err)
	stdin := bufio.NewReader(os.Stdin)
	say := func(s string) {
		fmt.Println(s)
		_, _ = stdin.ReadString('\n')
	}
	switch role {
	case "read", "write":
		read, write := args, []string(nil)
		if role == "write" {
			read, write = nil, args
		}
		unlock, err := ws.Lock(context.Background(), read, write)
		must(err)
		say("locked")
		unlock()
		say("unlocked")
	case "half":
		unlock, err := ws.Lock(context.Background(), nil, args)
		must(err)
		defer unlock()
		must(ws.Prepare(context.Background(), workspace.Output{Node: "n", Path: args[0]}))
		must(os.WriteFile(filepath.Join(root, args[0]), []byte("half"), 0o644))
		// What a process leaves that is killed while it restores this output.
		temporary := fmt.Sprintf("%s%d-1", folder.TemporaryPrefix, os.Getpid())
		must(os.WriteFile(filepath.Join(root, filepath.Dir(args[0]), temporary), nil, 0o644))
		scratch, err := ws.Scratch()
		must(err)
		left := exec.Command("sleep", "600")
		left.Env = []string{"TMPDIR=" + scratch, "PATH=" + os.Getenv("PATH")}
		left.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		must(left.Start())
		say(fmt.Sprint(left.Process.Pid))
	}
	must(ws.Close())
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// nothing is a store in which nothing is recorded, for a process that needs no other.
type nothing struct{ cas.Store }

func (nothing) Rows(_ context.Context, keys ...[]byte) ([][]byte, error) {
	return make([][]byte, len(keys)), nil
}

// other is another process.
type other struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (l *lab) other(role string, args ...string) *other {
	l.Helper()
	c := exec.Command(os.Args[0], append([]string{l.root}, args...)...)
	c.Env = append(os.Environ(), roleVariable+"="+role)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	l.check(err)
	out, err := c.StdoutPipe()
	l.check(err)
	l.check(c.Start())
	l.Cleanup(func() { _, _ = c.Process.Kill(), c.Wait() })
	return &other{c, in, bufio.NewReader(out)}
}

func (l *lab) hear(o *other) string {
	l.Helper()
	line, err := o.out.ReadString('\n')
	l.check(err)
	return strings.TrimSpace(line)
}

func (l *lab) goOn(o *other) {
	l.Helper()
	_, err := io.WriteString(o.in, "\n")
	l.check(err)
}

func (l *lab) kill(o *other) {
	l.Helper()
	l.check(o.Process.Kill())
	_ = o.Wait()
}

// free reports whether the locks can be had now.
func (l *lab) free(read, write []string) bool {
	l.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // so that it does not wait
	unlock, err := l.ws.Lock(ctx, read, write)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			l.Fatal(err)
		}
		return false
	}
	unlock()
	return true
}

func TestLocksBetweenProcesses(t *testing.T) {
	l := newLab(t)
	writer := l.other("write", "a", "b")
	if l.hear(writer); l.free([]string{"a"}, nil) || l.free(nil, []string{"c", "b"}) {
		t.Error("what another process writes is free")
	}
	if !l.free([]string{"c"}, []string{"d"}) {
		t.Error("what nobody uses is not free")
	}
	reader := l.other("read", "c")
	if l.hear(reader); !l.free([]string{"c"}, nil) || l.free(nil, []string{"c"}) {
		t.Error("what another process reads may be read too, and not written")
	}
	l.goOn(writer)
	if l.hear(writer); !l.free(nil, []string{"a", "b"}) {
		t.Error("what was unlocked is not free")
	}
	l.kill(reader)
	if !l.free(nil, []string{"c"}) {
		t.Error("what a killed process read is not free")
	}
}

func TestLocksWithinAProcess(t *testing.T) {
	l := newLab(t)
	ctx := context.Background()
	first, err := l.ws.Lock(ctx, []string{"r"}, []string{"w"})
	l.check(err)
	second, err := l.ws.Lock(ctx, []string{"r"}, nil)
	l.check(err)
	if l.free(nil, []string{"r"}) || l.free([]string{"w"}, nil) {
		t.Error("what is held is free")
	}
	done := make(chan bool)
	go func() {
		unlock, err := l.ws.Lock(ctx, nil, []string{"r", "w"})
		if err != nil {
			t.Error(err)
		} else {
			unlock()
		}
		close(done)
	}()
	first()
	first() // releasing twice releases once
	if l.free(nil, []string{"r"}) {
		t.Error("a second reader was unlocked by the first")
	}
	second()
	<-done
}

func TestAWaitForALockCanBeGivenUp(t *testing.T) {
	l := newLab(t)
	writer := l.other("write", "a")
	l.hear(writer)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, err := l.ws.Lock(ctx, []string{"b"}, []string{"a"})
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if !l.free(nil, []string{"b"}) {
		t.Error("who gave up holds a lock")
	}
}

func TestAKilledBuildLeavesNothingBehind(t *testing.T) {
	for _, c := range []struct {
		name  string
		after func(l *lab, dead *other) // until the outputs are this process's
	}{
		{"found at the start", func(l *lab, dead *other) {
			l.kill(dead)
			l.reopen()
		}},
		{"met while waiting", func(l *lab, dead *other) {
			done := make(chan error)
			go func() {
				unlock, err := l.ws.Lock(context.Background(), nil, []string{"out"})
				if err == nil {
					unlock()
				}
				done <- err
			}()
			l.kill(dead)
			l.check(<-done)
		}},
		{"met without waiting", func(l *lab, dead *other) { l.kill(dead) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			dead := l.other("half", "out")
			var orphan int
			_, err := fmt.Sscan(l.hear(dead), &orphan)
			l.check(err)
			c.after(l, dead)
			o := workspace.Output{Node: "n", Path: "out"}
			if got := l.state(o); got != workspace.Partial {
				t.Errorf("state %v, want Partial", got)
			}
			if isRunning(orphan) {
				t.Error("what the killed build started is still running")
			}
			l.check(l.ws.Prepare(context.Background(), o))
			if got := l.content(".calyx/failed/n/out"); got != "half" {
				t.Errorf("kept %q", got)
			}
			if litter, _ := filepath.Glob(l.at(".calyx-tmp-*")); len(litter) > 0 {
				t.Errorf("left lying about: %q", litter)
			}
			left, err := os.ReadDir(l.at(".calyx/tmp"))
			l.check(err)
			if len(left) != 1 {
				t.Errorf("scratch folders: %v", left)
			}
		})
	}
}

// TestWhatADeadProcessWroteRightly ends the note of a killed process where its output turns out to be right: it must not be
// handed on for ever, and what stands there must be recorded.
func TestWhatADeadProcessWroteRightly(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(l *lab)
		want   workspace.State
	}{
		{"never recorded", func(*lab) {}, workspace.Equal},
		{"recorded with another value", func(l *lab) { l.madeFile("out", "one") }, workspace.Equal},
		{"recorded", func(l *lab) { l.madeFile("out", "half") }, workspace.Right},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			o := l.madeFile("like", "half")
			o.Path = "out"
			c.before(l)
			dead := l.other("half", "out")
			l.hear(dead)
			l.kill(dead)
			l.reopen()
			if got := l.state(o); got != c.want {
				t.Errorf("state %v, want %v", got, c.want)
			}
			all, err := l.ws.RestoreAll(context.Background(), []workspace.Output{o})
			l.check(err)
			if all[0].Written || all[0].Err != nil {
				t.Errorf("what is right was restored: %+v", all[0])
			}
			l.reopen()
			if left, err := os.ReadDir(l.at(".calyx/journal")); err != nil || len(left) != 1 {
				t.Errorf("journals: %v, %v", left, err)
			}
			if got := l.state(o); got != workspace.Right {
				t.Errorf("state %v, want Right", got)
			}
			l.write("out", "edited")
			if got := l.state(o); got != workspace.Edited {
				t.Errorf("state %v once it is edited", got)
			}
		})
	}
}

func TestWhatALiveProcessWritesIsItsOwn(t *testing.T) {
	l := newLab(t)
	live := l.other("half", "out")
	l.hear(live)
	l.reopen()
	if got := l.state(workspace.Output{Node: "n", Path: "out"}); got != workspace.Foreign {
		t.Errorf("state %v: what a live process noted was taken over", got)
	}
	l.goOn(live)
	l.check(live.Wait())
}

func TestHoldRestoresInputsUnderExclusiveLocks(t *testing.T) {
	ctx := context.Background()
	l := newLab(t)
	in, right := l.madeFile("in", "in"), l.madeFile("right", "right")
	l.check(os.Remove(l.at("in")))
	reader := l.other("read", "right")
	l.hear(reader)
	out := workspace.Output{Node: "n", Path: "d/out"}
	release, err := l.ws.Hold(ctx, []workspace.Output{in, right}, []workspace.Output{out}, func() {})
	l.check(err)
	if l.content("in") != "in" {
		t.Error("the input was not restored")
	}
	second := l.other("read", "in")
	l.hear(second) // it shares the restored input
	if l.free(nil, []string{"in"}) || l.free([]string{"d/out"}, nil) {
		t.Error("what is held is free")
	}
	release()
	if l.kill(second); !l.free(nil, []string{"in", "d/out"}) {
		t.Error("what was released is not free")
	}
}

func TestHoldWaitsForReadersOfAnotherValue(t *testing.T) {
	ctx := context.Background()
	l := newLab(t)
	in := l.madeFile("in", "ours")
	l.madeFile("in", "theirs") // another instance's value stands there
	reader := l.other("read", "in")
	l.hear(reader)
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := l.ws.Hold(short, []workspace.Output{in}, nil, func() {}); !errors.Is(err, context.DeadlineExceeded) || l.content("in") != "theirs" {
		t.Errorf("%q was written under a reader's eyes (%v)", l.content("in"), err)
	}
	l.kill(reader)
	release, err := l.ws.Hold(ctx, []workspace.Output{in}, nil, func() {})
	l.check(err)
	defer release()
	if l.content("in") != "ours" {
		t.Errorf("in holds %q", l.content("in"))
	}
}
