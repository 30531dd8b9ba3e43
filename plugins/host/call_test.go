package host_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calyx-build/calyx/executor"
)

// pipe makes a named pipe.
func pipe(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// arrive returns when a function waits at a pipe; what it returns lets the function go on.
func arrive(t *testing.T, pipe string) (release func()) {
	f, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := f.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// release lets a function go on that waits at a pipe, or will.
func release(t *testing.T, pipe string) { arrive(t, pipe)() }

func TestUnknownFunction(t *testing.T) {
	r := newRig(t, program("echo", 1))
	if err := holds(r.call("ecko", nil).failure().Message, `plugin "echo" has no function "ecko"`, `did you mean "echo"?`); err != nil {
		t.Error(err)
	}
}

func TestArguments(t *testing.T) {
	r := newRig(t, program("echo", 1))
	for _, c := range []struct {
		given args
		want  string
	}{
		{args{"text": "5"}, `argument "text"`},
		{args{"texts": `"x"`}, `there is no parameter "texts"`},
	} {
		if err := holds(r.call("echo", c.given).failure().Message, c.want); err != nil {
			t.Error(err)
		}
	}
	if got := r.call("echo", nil).result(); got != `"nothing"` {
		t.Errorf("the default is %s", got)
	}
	if err := holds(r.call("file", nil).failure().Message, `argument "file" is missing`); err != nil {
		t.Error(err)
	}
}

func TestFailures(t *testing.T) {
	r := newRig(t, program("echo", 1))
	if f := r.call("fails", nil).failure(); f.Message != "no luck" || f.Retry || f.Lost {
		t.Errorf("%+v", f)
	}
	if f := r.call("retry", nil).failure(); f.Message != "ask the model: 429" || !f.Retry || f.After != 3*time.Second {
		t.Errorf("%+v", f)
	}
	if f := r.call("fails_at_length", nil).failure(); !strings.HasPrefix(f.Message, "no luck") || !strings.HasSuffix(f.Message, "no luck") || f.Lost {
		t.Errorf("%.100q, lost: %v", f.Message, f.Lost)
	}
	if f := r.call("asks_at_length", nil).failure(); !strings.Contains(f.Message, `node "double": its arguments are too long together`) {
		t.Errorf("%.100q", f.Message)
	}
	f := r.call("panics", nil).failure()
	if f.Message != "panic: out of cheese" || !strings.Contains(f.Details, "programs_test.go") {
		t.Errorf("%+v", f)
	}
}

func TestTells(t *testing.T) {
	r := newRig(t, program("echo", 1))
	c := r.call("tells", nil)
	c.done()
	var progress []string
	var metrics int
	for _, e := range c.past {
		if e.progress != "" {
			progress = append(progress, e.progress)
		}
		if e.metric != nil && e.metric.Name == "tokens" && e.metric.Value == 812 && e.metric.Unit == "tok" {
			metrics++
		}
	}
	if fmt.Sprint(progress) != "[1/3 rows 3/3 rows]" || metrics != 1 {
		t.Errorf("progress %q, %d metrics", progress, metrics)
	}
}

// Metrics are kept with the result, so there is an end to them.
func TestManyMetrics(t *testing.T) {
	r := newRig(t, program("echo", 1))
	c := r.call("measures", nil)
	o := c.done()
	metrics := 0
	for _, e := range c.past {
		if e.metric != nil {
			metrics++
		}
	}
	if metrics != 255 { // of 16 KiB and 16 bytes each, in 4 MiB
		t.Errorf("%d metrics", metrics)
	}
	if got := logOf(t, o); !strings.Contains(got, "the metrics are longer than 4 MiB") {
		t.Errorf("the log is %q", got)
	}
}

func TestCancel(t *testing.T) {
	r := newRig(t, program("echo", 1))
	c := r.call("hang", nil)
	r.call("echo", nil).result() // the process is up
	c.call.Cancel()
	c.call.Cancel()
	if f := c.failure(); !f.Cancel || f.Timeout {
		t.Errorf("%+v", f)
	}
	r.call("echo", nil).result()
}

func TestCancelQueued(t *testing.T) {
	r := newRig(t, program("echo", 1))
	gate := pipe(t)
	first := r.call("alone", args{"text": strconv.Quote(gate)})
	second := r.call("alone", nil)
	second.call.Cancel()
	if f := second.failure(); !f.Cancel {
		t.Errorf("%+v", f)
	}
	release(t, gate)
	first.result()
}

func TestTimeout(t *testing.T) {
	r := newRig(t, program("echo", 1))
	task := r.task("hang", nil)
	task.Timeout = 20 * time.Millisecond
	if f := r.start(task).failure(); !f.Timeout || f.Cancel || f.Message != "it ran for longer than 20ms" {
		t.Errorf("%+v", f)
	}
	r.call("echo", nil).result()
}

// Time in which a call waits for answers is not its own.
func TestTimeoutStandsStill(t *testing.T) {
	r := newRig(t, program("echo", 1))
	slow := r.task("asks", args{"text": `"x"`})
	slow.Timeout = 500 * time.Millisecond
	c := r.start(slow)
	n := c.need()
	late := r.task("hang", nil)
	late.Timeout = 600 * time.Millisecond
	_ = r.start(late).failure() // so much time has passed
	c.answer(n, "7")
	if got := c.result(); got != "7" {
		t.Errorf("it returned %s", got)
	}
}

// A call that does not listen is killed with its process and all that the process started; the others go on.
func TestDeaf(t *testing.T) {
	for _, how := range []string{"timeout", "cancel"} {
		r := newRig(t, program("echo", 1))
		ids := pipe(t)
		task := r.task("deaf", args{"text": strconv.Quote(ids)})
		if how == "timeout" {
			task.Timeout = 2 * time.Second
		}
		other := r.call("asks", args{"text": `"x"`})
		other.need()
		c := r.start(task)
		text, err := os.ReadFile(ids)
		if err != nil {
			t.Fatal(err)
		}
		if how == "cancel" {
			c.call.Cancel()
		}
		f := c.failure()
		if f.Timeout != (how == "timeout") || f.Cancel != (how == "cancel") || !strings.Contains(f.Message, `plugin "echo" did not end the call within 300ms and was killed`) {
			t.Errorf("%s: %+v", how, f)
		}
		for _, id := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(id); err != nil || !gone(n) {
				t.Errorf("%s: process %s is still there (%v)", how, id, err)
			}
		}
		if f := other.failure(); !f.Lost {
			t.Errorf("%s: the other call ended as %+v", how, f)
		}
		r.call("echo", nil).result()
	}
}

// A plugin made with the SDK ends when calyx is killed, even where a function of it never returns.
func TestHostKilled(t *testing.T) {
	dir := t.TempDir()
	ids := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(ids, 0o600); err != nil {
		t.Fatal(err)
	}
	p := program("calyx", 1)
	cmd := exec.Command(p.Path)
	cmd.Env = slices.Concat(p.Env, []string{"SCRATCH=" + dir, "TMPDIR=" + dir})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(ids)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	var plugin, child int
	if _, err := fmt.Sscan(string(text), &plugin, &child); err != nil {
		t.Fatal(err)
	}
	if !gone(plugin) {
		t.Errorf("process %d is still there", plugin)
	}
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil { // what a function started by itself is its own
		t.Error(err)
	}
}

// gone reports whether a process has ended, waiting for it a little: a child of a killed process is somebody else's to reap.
func gone(pid int) bool {
	deadline := time.After(patience)
	for look := time.Tick(time.Millisecond); ; {
		select {
		case <-look:
			if syscall.Kill(pid, 0) != nil || zombie(pid) {
				return true
			}
		case <-deadline:
			return false
		}
	}
}

func zombie(pid int) bool {
	f, err := os.Open(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	defer func() { _ = f.Close() }()
	line, err := bufio.NewReader(f).ReadString('\n')
	return err != nil || strings.Contains(line, ") Z ")
}

// A goroutine that panics takes the process with it: the message is that of the panic, with the place, and not the end of the
// stack.
func TestPanicOfAGoroutine(t *testing.T) {
	r := newRig(t, program("echo", 1))
	f := r.call("panics_aside", nil).failure()
	if !regexp.MustCompile(`^plugin "echo" crashed \(exit status 2\): panic: assignment to entry in nil map \(.*programs_test\.go:\d+\)$`).MatchString(f.Message) {
		t.Errorf("the message is %q", f.Message)
	}
	if !strings.Contains(f.Details, "panicAside") {
		t.Errorf("the details are %q", f.Details)
	}
}

// Of a stack that is longer than what is kept of standard error, the end is no message.
func TestStackOverflow(t *testing.T) {
	r := newRig(t, program("echo", 1))
	f := r.call("overflows", nil).failure()
	if f.Message != `plugin "echo" crashed (exit status 2)` || !strings.Contains(f.Details, ".go:") {
		t.Errorf("%q: %s", f.Message, f.Details)
	}
}

// A process that crashes fails the call that ran, in words that say how and with the end of its standard error; calls that
// waited are to be started again, and the next ones get a fresh process.
func TestCrash(t *testing.T) {
	for function, want := range map[string]executor.Failure{
		"exit":   {Message: `plugin "echo" crashed (exit status 5): last words`, Details: "last words", Exit: 5, Retry: true},
		"killed": {Message: `plugin "echo" crashed (signal: killed)`, Exit: -1, Signal: "killed", Retry: true},
	} {
		r := newRig(t, program("echo", 1))
		waiting := r.call("waits", args{"text": `"x"`})
		waiting.need()
		f := r.call(function, nil).failure()
		if f.Exit != want.Exit || f.Signal != want.Signal || !f.Retry || f.Lost || !strings.HasPrefix(f.Message, want.Message) || !strings.Contains(f.Details, want.Details) {
			t.Errorf("%s: %+v", function, f)
		}
		if f := waiting.failure(); !f.Lost || !strings.Contains(f.Message, "crashed") {
			t.Errorf("%s: the waiting call ended as %+v", function, f)
		}
		if got := r.call("echo", nil).result(); got != `"nothing"` {
			t.Errorf("after %s: %s", function, got)
		}
	}
}

// Where several calls ran, none is blamed at once: each is started again, alone, and the one at fault fails then.
func TestCrashOfSeveral(t *testing.T) {
	r := newRig(t, program("echo", 1))
	gate := pipe(t)
	innocent := r.task("beside", args{"text": strconv.Quote(gate)})
	first := r.start(innocent)
	arrive(t, gate)
	guilty := r.task("exit", nil)
	second := r.start(guilty)
	if f := first.failure(); !f.Lost {
		t.Fatalf("%+v", f)
	}
	if f := second.failure(); !f.Lost {
		t.Fatalf("%+v", f)
	}
	again, alone := r.start(guilty), r.start(innocent)
	if f := again.failure(); f.Lost || f.Exit != 5 {
		t.Errorf("%+v", f)
	}
	release(t, gate)
	alone.result()
}

// A call is not started again for ever for the fault of others.
func TestLostTooOften(t *testing.T) {
	r := newRig(t, program("echo", 1))
	task := r.task("waits", args{"text": `"x"`})
	for i := range 3 {
		c := r.start(task)
		c.need()
		_ = r.call("exit", nil).failure()
		if f := c.failure(); f.Lost != (i < 2) {
			t.Errorf("accident %d: %+v", i+1, f)
		}
	}
}

// Processes are started as they are needed, as many as there may be.
func TestWorkers(t *testing.T) {
	r := newRig(t, program("echo", 2))
	gates := []string{pipe(t), pipe(t), pipe(t)}
	calls := make([]*running, 3)
	for i, gate := range gates {
		calls[i] = r.call("alone", args{"text": strconv.Quote(gate)})
	}
	first, second := arrive(t, gates[0]), arrive(t, gates[1])
	first()
	arrive(t, gates[2])()
	second()
	pids := map[string]int{}
	for _, c := range calls {
		pids[c.result()]++
	}
	if len(pids) != 2 {
		t.Errorf("the calls ran in %v", pids)
	}
}

// Calls that may overlap do; a call that runs alone waits for the others, and keeps them waiting.
func TestOverlap(t *testing.T) {
	r := newRig(t, program("echo", 1))
	gates := []string{pipe(t), pipe(t), pipe(t)}
	first := r.call("beside", args{"text": strconv.Quote(gates[0])})
	second := r.call("beside", args{"text": strconv.Quote(gates[1])})
	alone := r.call("alone", args{"text": strconv.Quote(gates[2])})
	after := r.call("echo", nil)
	there, here := arrive(t, gates[0]), arrive(t, gates[1])
	there()
	first.result()
	here()
	second.result()
	if len(after.events) > 0 {
		t.Error("a call ran beside one that runs alone")
	}
	release(t, gates[2])
	alone.result()
	after.result()
}
