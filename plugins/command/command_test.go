package command_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/plugins/command"
)

// handler waits for the end of one task; a command tells nothing else.
type handler struct {
	t    testing.TB
	done chan executor.Outcome
}

func (h handler) Need(uint64, int, []trace.Request)     { h.t.Error("a command asked for something") }
func (h handler) Observed(trace.Request, *hashing.Stat) { h.t.Error("a command observed something") }
func (h handler) Progress(float64, float64, string)     { h.t.Error("a command reported progress") }
func (h handler) Metric(trace.Metric)                   { h.t.Error("a command reported a metric") }
func (h handler) Done(o executor.Outcome)               { h.done <- o }

func newRunner(t testing.TB) *command.Runner {
	r := &command.Runner{User: []string{}}
	r.SetGrace(200 * time.Millisecond)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func shell(t testing.TB, script string) *executor.Task {
	return &executor.Task{Scratch: t.TempDir(), Command: &executor.Command{
		Path: "/bin/sh", Argv: []string{"sh", "-c", script}, Env: []string{"PATH=" + os.Getenv("PATH")}, Dir: t.TempDir(),
	}}
}

func start(t testing.TB, r *command.Runner, task *executor.Task) (executor.Call, chan executor.Outcome) {
	h := handler{t, make(chan executor.Outcome, 2)}
	return r.Start(task, h), h.done
}

func run(t testing.TB, r *command.Runner, task *executor.Task) executor.Outcome {
	_, done := start(t, r, task)
	return <-done
}

func read(t testing.TB, path string) string {
	t.Helper()
	if path == "" {
		return ""
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEndings(t *testing.T) {
	r := newRunner(t)
	for _, c := range []struct {
		script string
		want   executor.Failure
		log    string
	}{
		{"exit 0", executor.Failure{}, ""},
		{"echo out; echo err >&2", executor.Failure{}, "out\nerr\n"},
		{"echo no; exit 3", executor.Failure{Message: "exit status 3", Exit: 3, Retry: true}, "no\n"},
		{"kill -SEGV $$", executor.Failure{Message: "killed by signal: segmentation fault", Exit: -1, Signal: "SIGSEGV", Retry: true}, ""},
		{"read x || echo end of input", executor.Failure{}, "end of input\n"},
		{"echo a; echo b > /dev/stderr; echo c", executor.Failure{}, "b\nc\n"},
		{"(true < /dev/tty) 2>/dev/null || echo no terminal", executor.Failure{}, "no terminal\n"},
	} {
		o := run(t, r, shell(t, c.script))
		var got executor.Failure
		if o.Failure != nil {
			got = *o.Failure
		}
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.script, got, c.want)
		}
		if log := read(t, o.Log); log != c.log {
			t.Errorf("%s: printed %q, want %q", c.script, log, c.log)
		}
		if o.Ended.Before(o.Started) || o.Started.IsZero() {
			t.Errorf("%s: from %v to %v", c.script, o.Started, o.Ended)
		}
	}
}

func TestACommandGetsItsEnvironmentAndFolderOnly(t *testing.T) {
	t.Setenv("CALYX_STRAY", "1")
	task := shell(t, "env; pwd")
	task.Command.Path, task.Command.Argv = "/usr/bin/env", []string{"env"}
	task.Command.Env = []string{"A=1", "B=two words"}
	if got := read(t, run(t, newRunner(t), task).Log); got != "A=1\nB=two words\n" {
		t.Errorf("environment %q", got)
	}
	task = shell(t, "pwd")
	if got := read(t, run(t, newRunner(t), task).Log); got != task.Command.Dir+"\n" {
		t.Errorf("folder %q, want %q", got, task.Command.Dir)
	}
}

func TestStdoutGoesToItsFileAndStderrToTheLog(t *testing.T) {
	task := shell(t, "echo value; echo note >&2")
	task.Command.Stdout = filepath.Join(t.TempDir(), "out")
	o := run(t, newRunner(t), task)
	if got := read(t, task.Command.Stdout); got != "value\n" {
		t.Errorf("standard output %q", got)
	}
	if got := read(t, o.Log); got != "note\n" {
		t.Errorf("log %q", got)
	}
	task.Command.Stdout = filepath.Join(task.Command.Stdout, "below a file")
	if o := run(t, newRunner(t), task); o.Failure == nil || !strings.Contains(o.Failure.Message, "not a directory") {
		t.Errorf("failure %v", o.Failure)
	}
}

func TestSecretsAreBlanked(t *testing.T) {
	task := shell(t, `i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done; printf 'a%sb%s' "$S" "$S"`)
	task.Command.Env = append(task.Command.Env, "S=hush-hush")
	task.Secrets = []string{"", "hush-hush"}
	log := read(t, run(t, newRunner(t), task).Log)
	if !strings.HasSuffix(log, "line 19999\na***b***") || strings.Count(log, "\n") != 20000 {
		t.Errorf("log ends in %q", log[max(0, len(log)-60):])
	}
}

func TestWhatCannotBeStarted(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct{ path, message, hint string }{
		{filepath.Join(dir, "none"), "there is no such program", "PATH"},
		{file("script", "#!/no/python -u\n", 0o755), `it is a script for "/no/python", which is not there`, "interpreter"},
		{file("dos", "#!/bin/sh\r\n", 0o755), `it is a script for "/bin/sh\r", which is not there`, "interpreter"},
		{file("plain", "text", 0o644), "it may not be executed", "chmod +x"},
		{file("words", "text", 0o755), "it is no program for this machine", "#!/bin/sh"},
		{dir, "it may not be executed", ""},
	} {
		task := shell(t, "")
		task.Command.Path = c.path
		f := run(t, newRunner(t), task).Failure
		if f == nil || f.Exit != -1 || !strings.Contains(f.Message, "start "+strconv.Quote(c.path)+": "+c.message) || !strings.Contains(f.Hint, c.hint) {
			t.Errorf("%s: %+v", c.path, f)
		}
	}
	task := shell(t, "")
	task.Command.Dir = filepath.Join(dir, "gone")
	if f := run(t, newRunner(t), task).Failure; f == nil || !strings.Contains(f.Message, "gone") {
		t.Errorf("no working directory: %+v", f)
	}
	task = shell(t, strings.Repeat("x", 4<<20))
	if f := run(t, newRunner(t), task).Failure; f == nil || !strings.Contains(f.Message, "too long") {
		t.Errorf("long arguments: %+v", f)
	}
}

// pipe makes a named pipe in the task's folder and opens it.
func pipe(t *testing.T, task *executor.Task, name string) *os.File {
	t.Helper()
	path := filepath.Join(task.Command.Dir, name)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// pids reads so many process ids, as a script writes them.
func pids(t *testing.T, from *os.File, n int) []int {
	t.Helper()
	all := make([]int, n)
	for i := range all {
		if _, err := fmt.Fscanln(from, &all[i]); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// running reports whether a process is there and no zombie.
func running(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if os.IsNotExist(err) {
		return syscall.Kill(pid, 0) == nil && !isLinux()
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	return fields[0] != "Z" && fields[0] != "X"
}

func isLinux() bool {
	_, err := os.Stat("/proc/self/stat")
	return err == nil
}

func TestTheWholeGroupEnds(t *testing.T) {
	const stubborn = `trap "" TERM; sh -c 'trap "" TERM; echo $$ >> pids; while :; do sleep 60; done' & sleep 60 & echo $! >> pids; echo $$ >> pids; `
	for _, c := range []struct {
		name, script string
		end          func(executor.Call)
		timeout      time.Duration
		message      string
	}{
		{"cancelled", stubborn + "while :; do sleep 60; done", executor.Call.Cancel, 0, "cancelled"},
		{"timed out", stubborn + "while :; do sleep 60; done", nil, 300 * time.Millisecond, "timed out after 300ms"},
		{"left behind", stubborn + "read x < go; exit 0", nil, 0, ""},
		{"left behind by a failure", stubborn + "read x < go; exit 9", nil, 0, "exit status 9"},
		{"stopped", stubborn + "kill -STOP $$", executor.Call.Cancel, 0, "cancelled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			task := shell(t, c.script)
			task.Timeout = c.timeout
			started, onward := pipe(t, task, "pids"), pipe(t, task, "go")
			call, done := start(t, newRunner(t), task)
			all := pids(t, started, 3)
			if _, err := onward.WriteString("go\n"); err != nil {
				t.Fatal(err)
			}
			if c.end != nil {
				c.end(call)
			}
			o := <-done
			call.Cancel()
			if got := message(o); got != c.message {
				t.Errorf("%q, want %q", got, c.message)
			}
			if f := o.Failure; f != nil && (f.Cancel != (c.message == "cancelled") || f.Timeout != (c.timeout > 0)) {
				t.Errorf("%+v", f)
			}
			for _, pid := range all {
				if running(pid) {
					t.Errorf("process %d is still there", pid)
				}
			}
		})
	}
}

func message(o executor.Outcome) string {
	if o.Failure == nil {
		return ""
	}
	return o.Failure.Message
}

func TestWhoIsAskedToEndMayCleanUp(t *testing.T) {
	// The shell dies at once; what it started gets the time to end that it was given.
	task := shell(t, `sh -c 'trap "sleep 0.05; echo saved > state; exit 0" TERM; echo $$ >> pids; while :; do sleep 0.01; done' & wait`)
	r := newRunner(t)
	r.SetGrace(time.Minute)
	started := pipe(t, task, "pids")
	call, done := start(t, r, task)
	pids(t, started, 1)
	call.Cancel()
	<-done
	if got := read(t, filepath.Join(task.Command.Dir, "state")); got != "saved\n" {
		t.Errorf("state %q", got)
	}
}

func TestCancelBeforeTheStart(t *testing.T) {
	r := newRunner(t)
	for range 50 {
		task := shell(t, "sleep 60")
		call, done := start(t, r, task)
		call.Cancel()
		if o := <-done; o.Failure == nil || !o.Failure.Cancel {
			t.Fatalf("%+v", o.Failure)
		}
	}
}

func TestManyAtOnceDoNotMixTheirLogs(t *testing.T) {
	r := newRunner(t)
	var ends []chan executor.Outcome
	for i := range 60 {
		script := "exit 0"
		if i%2 == 0 {
			script = "echo " + strconv.Itoa(i)
		}
		_, done := start(t, r, shell(t, script))
		ends = append(ends, done)
	}
	for i, done := range ends {
		want := ""
		if i%2 == 0 {
			want = strconv.Itoa(i) + "\n"
		}
		if got := read(t, (<-done).Log); got != want {
			t.Errorf("task %d printed %q", i, got)
		}
	}
}

func TestUsage(t *testing.T) {
	o := run(t, newRunner(t), shell(t, `i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done`))
	if o.CPU <= 0 {
		t.Errorf("processor time %v", o.CPU)
	}
	// A program's memory is its own, not that of the process that started it.
	if o.MaxRSS > 8<<20 {
		t.Errorf("a shell used %d bytes", o.MaxRSS)
	}
	o = run(t, newRunner(t), shell(t, "head -c 200000000 /dev/zero | tail -c 200000000 | wc -c"))
	if o.MaxRSS != 0 && o.MaxRSS < 190<<20 {
		t.Errorf("a program that holds 200 MB used %d bytes", o.MaxRSS)
	}
}

func TestWithheld(t *testing.T) {
	user := []string{"CUDA_VISIBLE_DEVICES=0", "PATH=/bin", "AWS_PROFILE=x", "MINE=1", "HTTPS_PROXY=", "OPENAI_API_KEY=k", "AWSOME=1"}
	if got := command.Withheld(user, []string{"PATH=/bin", "AWS_PROFILE=x"}); !slices.Equal(got, []string{"CUDA_VISIBLE_DEVICES", "OPENAI_API_KEY"}) {
		t.Errorf("%q", got)
	}
	r := &command.Runner{User: user}
	if f := run(t, r, shell(t, "exit 1")).Failure; !strings.Contains(f.Hint, "AWS_PROFILE, CUDA_VISIBLE_DEVICES, OPENAI_API_KEY") {
		t.Errorf("hint %q", f.Hint)
	}
}

// BenchmarkTrue is the cost of a trivial command: nearly all of it is the system's, for the process.
func BenchmarkTrue(b *testing.B) {
	r := newRunner(b)
	task := shell(b, "")
	task.Command.Path, task.Command.Argv = "/bin/true", []string{"true"}
	slots := make(chan bool, 2)
	for b.Loop() {
		slots <- true
		h := handler{b, make(chan executor.Outcome, 1)}
		r.Start(task, h)
		go func() {
			if o := <-h.done; o.Failure != nil {
				b.Error(o.Failure)
			}
			<-slots
		}()
	}
	for range cap(slots) {
		slots <- true
	}
}
