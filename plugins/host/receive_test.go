package host

import (
	"os/exec"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// tally is a handler that counts ends and checks what it is told.
type tally struct {
	t     *testing.T
	ended int
	needs map[uint64]bool
}

func (h *tally) alive() {
	if h.ended > 0 {
		h.t.Error("a call went on after its end")
	}
}

func (h *tally) Need(id uint64, seen int, requests []trace.Request) {
	h.alive()
	if h.needs[id] || len(requests) == 0 || seen != 0 {
		h.t.Errorf("need %d with %d requests after %d answers", id, len(requests), seen)
	}
	h.needs[id] = true
}
func (h *tally) Observed(r trace.Request, _ *hashing.Stat) {
	h.alive()
	if r.Kind == trace.Node {
		h.t.Error("a node was observed")
	}
}
func (h *tally) Progress(float64, float64, string) { h.alive() }
func (h *tally) Metric(trace.Metric)               { h.alive() }
func (h *tally) Done(o executor.Outcome) {
	h.alive()
	h.ended++
	if p := o.Result.Path; p != "" {
		h.t.Errorf("a result at %q was taken, where there is none", p)
	}
}

// Whatever a process says, the host keeps its counts, and tells of each call at most one end and nothing after it.
func FuzzMessages(f *testing.F) {
	add := func(items ...*pluginv1.PluginItem) {
		text, err := proto.Marshal(&pluginv1.SessionResponse{Items: items})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	file := &pluginv1.Request{Subject: &pluginv1.Request_File{File: []byte("x")}, View: &pluginv1.View{Kind: pluginv1.View_KIND_ENTRY, Name: []byte("k")}}
	node := &pluginv1.Request{Subject: &pluginv1.Request_Node{Node: &pluginv1.NodeRequest{Name: "n", Arguments: []*pluginv1.NamedLiteral{
		{Name: "a", Value: &pluginv1.Literal{Kind: &pluginv1.Literal_BigInteger{BigInteger: "123456789012345678901234567890"}}},
		{Name: "b", Value: &pluginv1.Literal{Kind: &pluginv1.Literal_Map{Map: &pluginv1.LiteralMap{}}}},
	}}}}
	need := &pluginv1.Need{Id: 1, Requests: []*pluginv1.Request{file, node}}
	value := &pluginv1.Value{MediaType: "x", Content: &pluginv1.Value_Inline{Inline: []byte("x")}}
	add(&pluginv1.PluginItem{Call: 1, Item: &pluginv1.PluginItem_Need{Need: need}}, &pluginv1.PluginItem{Call: 1, Item: &pluginv1.PluginItem_Need{Need: need}})
	add(&pluginv1.PluginItem{Call: 1, Item: &pluginv1.PluginItem_Result{Result: &pluginv1.Result{Value: value}}},
		&pluginv1.PluginItem{Call: 2, Item: &pluginv1.PluginItem_Failure{Failure: &pluginv1.Failure{Message: "no"}}},
		&pluginv1.PluginItem{Call: 2, Item: &pluginv1.PluginItem_Log{Log: &pluginv1.Log{Text: []byte("late")}}})
	add(&pluginv1.PluginItem{Item: &pluginv1.PluginItem_Observed{Observed: &pluginv1.Observed{Reads: []*pluginv1.Request{file}}}},
		&pluginv1.PluginItem{Call: 3, Item: &pluginv1.PluginItem_Metric{Metric: &pluginv1.Metric{Name: "m"}}},
		&pluginv1.PluginItem{Call: 3, Item: &pluginv1.PluginItem_Progress{Progress: &pluginv1.Progress{Done: 1}}})
	path := &pluginv1.Value{MediaType: "x", Content: &pluginv1.Value_Path{Path: []byte("/nowhere/work/../x")}}
	add(&pluginv1.PluginItem{Call: 1, Item: &pluginv1.PluginItem_Result{Result: &pluginv1.Result{Value: &pluginv1.Value{
		Content: &pluginv1.Value_List{List: &pluginv1.ValueList{Items: []*pluginv1.Value{value, path}}}}}}})
	f.Fuzz(func(t *testing.T, text []byte) {
		m := &pluginv1.SessionResponse{}
		if proto.Unmarshal(text, m) != nil {
			return
		}
		h := New(Options{})
		p := newProcess(newPool(h, executor.PluginProcess{Name: "fuzzed"}))
		p.peer = started{child: &child{cmd: &exec.Cmd{}}}
		p.functions["f"] = &executor.FunctionDescription{Name: "f", Overlap: true}
		p.pool.procs = []*process{p}
		told := make([]*tally, 3)
		for i := range told {
			told[i] = &tally{t: t, needs: map[uint64]bool{}}
			c := newCall(&executor.Task{Scratch: "/nowhere", Function: &executor.Function{Name: "f"}}, told[i])
			c.pool = p.pool
			p.pool.mu.Lock()
			p.begin(c)
			p.pool.mu.Unlock()
		}
		p.message(m)
		checkCounts(t, p)
		h.news.close()
		for _, h := range told {
			if h.ended > 1 {
				t.Errorf("a call ended %d times", h.ended)
			}
		}
	})
}

func checkCounts(t *testing.T, p *process) {
	count := 0
	for id, c := range p.calls {
		if c.state == ended || c.id != id {
			t.Errorf("call %d in state %d is under way as %d", c.id, c.state, id)
		}
		if (c.state == waiting) != (len(c.open) > 0) {
			t.Errorf("a call in state %d has %d open needs", c.state, len(c.open))
		}
		if c.state == running {
			count++
		}
	}
	if count != p.running || p.exclusive != 0 {
		t.Errorf("%d calls run, and %d are counted, %d of them alone", count, p.running, p.exclusive)
	}
}
