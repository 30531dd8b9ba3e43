package host_test

import (
	"io"
	"sync"
	"testing"
	"time"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/host"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// guest is a program that the host did not start. Its function "echo" returns its argument, all others say nothing.
type guest struct {
	said chan *pluginv1.SessionResponse
	once sync.Once
	left chan struct{} // closed when the host hangs up
}

func (g *guest) attach(executor.PluginProcess) (*host.Attached, error) {
	return &host.Attached{
		Functions: []executor.FunctionDescription{{Name: "echo", Overlap: true}, {Name: "silent", Overlap: true}},
		Send: func(m *pluginv1.SessionRequest) error {
			for _, item := range m.GetItems() {
				if start := item.GetStart(); start.GetFunction() == "echo" {
					result := &pluginv1.PluginItem_Result{Result: &pluginv1.Result{Value: start.GetArguments()[0].GetValue()}}
					g.said <- &pluginv1.SessionResponse{Items: []*pluginv1.PluginItem{{Call: item.GetCall(), Item: result}}}
				}
			}
			return nil
		},
		Recv: func() (*pluginv1.SessionResponse, error) {
			select {
			case m := <-g.said:
				return m, nil
			case <-g.left:
				return nil, io.EOF
			}
		},
		HangUp: func() { g.once.Do(func() { close(g.left) }) },
	}, nil
}

func newGuest(t *testing.T) (*guest, *rig) {
	g := &guest{said: make(chan *pluginv1.SessionResponse, 10), left: make(chan struct{})}
	r := newRig(t, executor.PluginProcess{Name: "guest"})
	r.host = host.New(host.Options{Attach: g.attach, Grace: 10 * time.Millisecond})
	t.Cleanup(func() {
		if err := r.host.Close(); err != nil {
			t.Error(err)
		}
		select {
		case <-g.left:
		default:
			t.Error("the host has ended and did not hang up")
		}
	})
	return g, r
}

func TestAttached(t *testing.T) {
	_, r := newGuest(t)
	if got := r.call("echo", args{"text": `"hello"`}).result(); got != `"hello"` {
		t.Errorf("it returned %s", got)
	}
	if err := holds(r.call("nothing", nil).failure().Message, `has no function "nothing"`); err != nil {
		t.Error(err)
	}
}

func TestAttachedDoesNotEndItsCall(t *testing.T) {
	_, r := newGuest(t)
	c := r.call("silent", nil)
	r.call("echo", args{"text": `1`}).result() // so that the other call has begun
	c.call.Cancel()
	if err := holds(c.failure().Message, "did not end the call", "was left to itself"); err != nil {
		t.Error(err)
	}
}

func TestAttachedLeaves(t *testing.T) {
	g, r := newGuest(t)
	c := r.call("silent", nil)
	g.once.Do(func() { close(g.left) })
	if err := holds(c.failure().Message, `plugin "guest" broke its session off`); err != nil {
		t.Error(err)
	}
}

func TestNobodyAttached(t *testing.T) {
	r := newRig(t, executor.PluginProcess{Name: "guest"})
	if err := holds(r.call("echo", nil).failure().Message, "nobody serves the plugin"); err != nil {
		t.Error(err)
	}
}
