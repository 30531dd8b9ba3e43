package host_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/plugins/host"
)

// The test binary is its own plugin: with this variable set, it is the program of that name in programs_test.go.
const programVariable = "CALYX_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if name := os.Getenv(programVariable); name != "" {
		programs[name]()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// program is a plugin process that is the test binary.
func program(name string, workers int) executor.PluginProcess {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return executor.PluginProcess{
		Name:    name,
		Workers: workers,
		Command: executor.Command{Path: exe, Argv: []string{exe}, Env: []string{programVariable + "=" + name, "GOTRACEBACK=single"}, Dir: filepath.Dir(exe)},
	}
}

// event is something that a handler was told.
type event struct {
	need     uint64
	seen     int
	requests []trace.Request
	observed *trace.Request
	before   *hashing.Stat
	progress string
	metric   *trace.Metric
	outcome  *executor.Outcome
}

// recorder is a handler that keeps what it is told, in order.
type recorder struct{ events chan event }

func (r recorder) Need(id uint64, seen int, requests []trace.Request) {
	r.events <- event{need: id, seen: seen, requests: requests}
}
func (r recorder) Observed(q trace.Request, before *hashing.Stat) {
	r.events <- event{observed: &q, before: before}
}
func (r recorder) Progress(done, total float64, unit string) {
	r.events <- event{progress: fmt.Sprintf("%v/%v %s", done, total, unit)}
}
func (r recorder) Metric(m trace.Metric)   { r.events <- event{metric: &m} }
func (r recorder) Done(o executor.Outcome) { r.events <- event{outcome: &o} }

// running is a call under way.
type running struct {
	t       *testing.T
	events  chan event
	call    executor.Call
	scratch string
	past    []event
}

// rig is a host with one plugin.
type rig struct {
	t      *testing.T
	host   *host.Host
	plugin executor.PluginProcess
	dir    string
	nodes  int
}

func newRig(t *testing.T, plugin executor.PluginProcess) *rig {
	return newRigWith(t, plugin, host.Options{Start: 20 * time.Second, Grace: 300 * time.Millisecond})
}

func newRigWith(t *testing.T, plugin executor.PluginProcess, o host.Options) *rig {
	h := host.New(o)
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return &rig{t: t, host: h, plugin: plugin, dir: t.TempDir()}
}

// args are arguments as JSON, by name.
type args map[string]string

func (r *rig) task(function string, given args) *executor.Task {
	r.nodes++
	scratch := filepath.Join(r.dir, fmt.Sprint(r.nodes))
	f := &executor.Function{
		Plugin: r.plugin, Name: function, Instance: "main", OutDir: filepath.Join(scratch, "out"), ProjectDir: r.plugin.Dir,
	}
	for name, text := range given {
		f.Args = append(f.Args, executor.Argument{Name: name, Value: jsonPayload(text)})
	}
	return &executor.Task{Node: fmt.Sprintf("%s#%d", function, r.nodes), Function: f, Scratch: scratch}
}

func jsonPayload(text string) executor.Payload {
	return executor.Payload{Value: trace.Value{Media: trace.MediaJSON, Digest: hashing.Sum([]byte(text)), Size: int64(len(text))}, Inline: []byte(text)}
}

func (r *rig) start(task *executor.Task) *running {
	c := &running{t: r.t, events: make(chan event, 1000), scratch: task.Scratch}
	c.call = r.host.Start(task, recorder{c.events})
	return c
}

func (r *rig) call(function string, given args) *running { return r.start(r.task(function, given)) }

// patience is how long a test waits for something that must come.
const patience = 60 * time.Second

func (c *running) next() event {
	c.t.Helper()
	select {
	case e := <-c.events:
		c.past = append(c.past, e)
		return e
	case <-time.After(patience):
		c.t.Fatal("nothing happened")
		panic("unreachable")
	}
}

// need waits for the next need.
func (c *running) need() event {
	c.t.Helper()
	for {
		e := c.next()
		if e.outcome != nil {
			c.t.Fatalf("the call ended before it asked: %+v", *e.outcome)
		}
		if e.requests != nil {
			return e
		}
	}
}

// done waits for the end.
func (c *running) done() executor.Outcome {
	c.t.Helper()
	for {
		if e := c.next(); e.outcome != nil {
			return *e.outcome
		}
	}
}

// result waits for the end and returns the inline result.
func (c *running) result() string {
	c.t.Helper()
	o := c.done()
	if o.Failure != nil {
		c.t.Fatalf("it failed: %s\n%s", o.Failure.Message, o.Failure.Details)
	}
	return string(o.Result.Inline)
}

// failure waits for the end and returns the failure.
func (c *running) failure() *executor.Failure {
	c.t.Helper()
	o := c.done()
	if o.Failure == nil {
		c.t.Fatalf("it did not fail: %s", o.Result.Inline)
	}
	return o.Failure
}

// answer answers a need with JSON texts.
func (c *running) answer(e event, texts ...string) {
	answers := make([]executor.Answer, len(texts))
	for i, text := range texts {
		answers[i] = executor.Answer{Digest: hashing.Sum([]byte(text)), Payload: jsonPayload(text)}
	}
	c.call.Answer(e.need, answers)
}

func TestCall(t *testing.T) {
	r := newRig(t, program("echo", 1))
	if got := r.call("echo", args{"text": `"hello"`}).result(); got != `"hello"` {
		t.Errorf("it returned %s", got)
	}
}

// holds reports whether all of the texts are in s.
func holds(s string, texts ...string) error {
	for _, text := range texts {
		if !strings.Contains(s, text) {
			return errors.New("want " + text + " in " + s)
		}
	}
	return nil
}
