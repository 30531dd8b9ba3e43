package host

import (
	"time"

	"github.com/calyx-build/calyx/executor"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// Attached is a session with a program that the host did not start, and that is not the host's to end.
type Attached struct {
	Functions []executor.FunctionDescription
	Send      func(*pluginv1.SessionRequest) error
	Recv      func() (*pluginv1.SessionResponse, error) // an error once the session is over
	HangUp    func()                                    // ends the session; it may be called again
}

// attach opens the session. The error is an *executor.Failure.
func (p *process) attach() error {
	if p.pool.host.opts.Attach == nil {
		return &executor.Failure{Message: "nobody serves the plugin", Exit: -1}
	}
	a, err := p.pool.host.opts.Attach(p.pool.plugin)
	if err != nil {
		return failureOf(err)
	}
	for i := range a.Functions {
		p.functions[a.Functions[i].Name] = &a.Functions[i]
	}
	p.peer, p.stream, p.hangUp = attached{a}, attachedStream{a}, a.HangUp
	return nil
}

// attached is the program as a peer.
type attached struct{ a *Attached }

func (attached) drain() {}

func (p attached) gone(time.Duration) bool {
	p.a.HangUp()
	return false
}

func (attached) exit() (text string, status int, signal string) { return "it hung up", -1, "" }

func (p attached) end() { p.a.HangUp() }

func (p attached) killGroup() { p.a.HangUp() }

func (attached) fate() string { return "left to itself" }

func (attached) watchMemory(func() int64, func(used, limit int64)) (stop func()) { return func() {} }

type attachedStream struct{ a *Attached }

func (s attachedStream) Send(m *pluginv1.SessionRequest) error { return s.a.Send(m) }

func (s attachedStream) Recv() (*pluginv1.SessionResponse, error) { return s.a.Recv() }

func (attachedStream) CloseSend() error { return nil }
