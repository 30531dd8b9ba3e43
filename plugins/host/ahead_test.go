package host

import (
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// line is a process of which only the order of calls is looked at. Its functions allow no other beside them.
type line struct {
	*process
	now   time.Time
	ended map[string]executor.Outcome
}

func newLine(t *testing.T, queues bool) *line {
	h := New(Options{})
	t.Cleanup(h.news.close)
	l := &line{process: newProcess(newPool(h, executor.PluginProcess{Name: "p"})), now: time.Unix(0, 0), ended: map[string]executor.Outcome{}}
	h.clock = func() time.Time { return l.now }
	l.child = &child{cmd: &exec.Cmd{}}
	l.functions["f"] = &executor.FunctionDescription{Name: "f"}
	l.queues = queues
	l.pool.procs = []*process{l.process}
	return l
}

func (l *line) start(t *executor.Task) *call {
	t.Scratch, t.Function = "/nowhere", &executor.Function{Name: "f"}
	c := newCall(t, ending{l, t.Node})
	c.pool = l.pool
	l.pool.add(c)
	return c
}

// after lets time pass and the plugin say something for one of the calls, by its number.
func (l *line) after(d time.Duration, call uint64, item *pluginv1.PluginItem) {
	l.now = l.now.Add(d)
	item.Call = call
	l.message(&pluginv1.SessionResponse{Items: []*pluginv1.PluginItem{item}})
}

func returned() *pluginv1.PluginItem {
	return &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Result{Result: &pluginv1.Result{Value: &pluginv1.Value{}}}}
}

func needs() *pluginv1.PluginItem {
	asked := &pluginv1.Request{Subject: &pluginv1.Request_File{File: []byte("x")}}
	return &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Need{Need: &pluginv1.Need{Id: 1, Requests: []*pluginv1.Request{asked}}}}
}

// sent returns the nodes whose starts and answers have left, in order.
func (l *line) sent() (nodes []string) {
	l.out.Put(parcel{call: &call{task: &executor.Task{}}})
	for _, p := range l.out.Take(nil) {
		if p.call.task.Node != "" {
			nodes = append(nodes, p.call.task.Node)
		}
	}
	return nodes
}

type ending struct {
	line *line
	node string
}

func (ending) Need(uint64, int, []trace.Request)     {}
func (ending) Observed(trace.Request, *hashing.Stat) {}
func (ending) Progress(float64, float64, string)     {}
func (ending) Metric(trace.Metric)                   {}
func (e ending) Done(o executor.Outcome)             { e.line.ended[e.node] = o }

func (l *line) want(t *testing.T, nodes ...string) {
	t.Helper()
	if got := l.sent(); !slices.Equal(got, nodes) {
		t.Errorf("sent were %q, want %q", got, nodes)
	}
}

// Short calls are sent behind the one that runs, in order, and nothing overtakes a call that has to wait.
func TestAhead(t *testing.T) {
	l := newLine(t, true)
	l.start(&executor.Task{Node: "a"})
	l.start(&executor.Task{Node: "b", Ahead: true})
	l.start(&executor.Task{Node: "c"})
	l.start(&executor.Task{Node: "d", Ahead: true})
	l.want(t, "a", "b")
	l.after(time.Second, 1, returned())
	l.want(t)
	l.after(time.Second, 2, returned())
	l.want(t, "c", "d")
}

// An answer goes to a plugin that queues at once; a call with a time limit gets it when it can go on.
func TestAnswersAhead(t *testing.T) {
	for _, limit := range []time.Duration{0, time.Hour} {
		l := newLine(t, true)
		a := l.start(&executor.Task{Node: "a", Timeout: limit})
		l.after(0, 1, needs())
		l.start(&executor.Task{Node: "b"})
		l.want(t, "a", "b")
		a.Answer(1, make([]executor.Answer, 1))
		if limit == 0 {
			l.want(t, "a")
			continue
		}
		l.want(t)
		l.after(0, 2, returned())
		l.want(t, "a")
	}
}

// Calls are sent one by one to a plugin that does not say that it queues, where calls print what nobody can sort, and where it
// has to be found out of which call a process fails.
func TestNotAhead(t *testing.T) {
	for name, l := range map[string]*line{"one by one": newLine(t, false), "prints": newLine(t, true), "fails": newLine(t, true)} {
		if name == "fails" {
			l.pool.accidents["x"] = accident{times: 1}
		}
		l.start(&executor.Task{Node: "a"})
		if name == "prints" {
			l.printed([]byte("hello\n"))
		}
		l.start(&executor.Task{Node: "b", Ahead: true})
		l.want(t, "a")
		l.after(0, 1, returned())
		l.want(t, "b")
	}
}

// The time in which a call waited for its turn is not its own.
func TestTimesOfCallsAhead(t *testing.T) {
	l := newLine(t, true)
	l.start(&executor.Task{Node: "a"})
	l.start(&executor.Task{Node: "b", Ahead: true})
	l.after(3*time.Second, 1, returned())
	l.after(time.Second, 2, returned())
	l.pool.host.news.close()
	for node, want := range map[string]time.Duration{"a": 3 * time.Second, "b": time.Second} {
		if o := l.ended[node]; o.Ended.Sub(o.Started) != want {
			t.Errorf("%s took %v, want %v", node, o.Ended.Sub(o.Started), want)
		}
	}
}
