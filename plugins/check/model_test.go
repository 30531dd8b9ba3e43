package check_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/calyx-build/calyx/plugins/proto"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// model is a plugin by hand that does all things right but one: its flaw.
type model struct {
	pluginv1.UnimplementedPluginServer
	flaw string

	sleeping  sync.Mutex // is held by a call that sleeps
	mu        sync.Mutex
	open      bool
	described int
	calls     map[uint64]*modelCall
	stream    pluginv1.Plugin_SessionServer

	// The turns of calls, where it queues.
	turn     *modelCall
	answered []*modelCall
	begun    []*modelCall
}

type modelCall struct {
	model   *model
	id      uint64
	start   *pluginv1.Start
	answers chan *pluginv1.Answers
	done    chan struct{} // closed by cancel
	needs   uint32
	turns   chan struct{} // gets one for each turn
}

func (m *model) has(flaw string) bool { return m.flaw == flaw }

// queues reports whether it says that it queues; a flaw may be how.
func (m *model) queues() bool { return strings.HasPrefix(m.flaw, "queues") }

// takesTurns reports whether calls run one at a time.
func (m *model) takesTurns() bool { return m.queues() && !m.has("queues, and runs all at once") }

// next gives the next call its turn, if there is none that has it. The caller holds the lock.
func (m *model) next() {
	queue := &m.answered
	if len(*queue) == 0 {
		queue = &m.begun
	}
	if m.turn != nil || len(*queue) == 0 {
		return
	}
	at := 0
	if m.has("queues, the last one first") {
		at = len(*queue) - 1
	}
	m.turn = (*queue)[at]
	*queue = slices.Delete(*queue, at, at+1)
	m.turn.turns <- struct{}{}
}

// leave ends the turn of a call, if it has it. The caller holds the lock.
func (m *model) leave(c *modelCall) {
	if m.turn == c {
		m.turn = nil
		m.next()
	}
}

// await waits for the call's turn; false: it was cancelled.
func (c *modelCall) await() bool {
	m := c.model
	if !m.takesTurns() {
		return true
	}
	select {
	case <-c.turns:
		return true
	case <-c.done:
		return false
	}
}

// serve shakes hands and serves.
func (m *model) serve() {
	if !m.has("takes no cookie") && os.Getenv(proto.CookieKey) != proto.CookieValue {
		fmt.Fprintln(os.Stderr, "this is a plugin")
		os.Exit(1)
	}
	if start := starts[m.flaw]; start != nil {
		start()
	}
	listener, err := net.Listen("unix", filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "s"))
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(m.unknown))
	if !m.has("has no service") {
		pluginv1.RegisterPluginServer(server, m)
	}
	if !m.has("has no health") {
		h := health.NewServer()
		h.SetServingStatus(proto.HealthService, grpc_health_v1.HealthCheckResponse_SERVING)
		grpc_health_v1.RegisterHealthServer(server, h)
	}
	versions := strings.Split(os.Getenv("PLUGIN_PROTOCOL_VERSIONS"), ",")
	version := "1"
	if m.has("takes any version") {
		version = versions[len(versions)-1]
	}
	fmt.Printf("1|%s|unix|%s|grpc|\n", version, listener.Addr())
	_ = server.Serve(listener)
}

// unknown is called for methods that no service has, Shutdown among them.
func (m *model) unknown(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	switch {
	case method == "/plugin.GRPCController/Shutdown" && m.has("stays"), m.has("knows every method"):
		return stream.SendMsg(&emptypb.Empty{})
	case method == "/plugin.GRPCController/Shutdown" && !m.has("has no Shutdown"):
		m.exit()
	}
	return status.Error(codes.Unimplemented, method)
}

func (m *model) exit() {
	switch m.flaw {
	case "ends with a status":
		os.Exit(3)
	case "stays":
		select {}
	}
	os.Exit(0)
}

func die() { os.Exit(4) }

func (m *model) Describe(_ context.Context, r *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.described++
	d := &pluginv1.DescribeResponse{Name: "model", Queues: m.queues()}
	for _, name := range strings.Fields("echo add half need env sleep fail retry tell print batch") {
		f := &pluginv1.Function{Name: "calyx_check_" + name, Overlap: !m.queues()}
		if name == "batch" {
			f.Batch = 10
		}
		d.Functions = append(d.Functions, f)
	}
	if change := descriptions[m.flaw]; change != nil {
		return d, change(m, r, d)
	}
	return d, nil
}

func (m *model) Session(s pluginv1.Plugin_SessionServer) error {
	m.mu.Lock()
	if m.open && !m.has("takes two sessions") {
		m.mu.Unlock()
		return status.Error(codes.AlreadyExists, "one is enough")
	}
	second := m.open
	m.open = true
	if !second {
		m.stream, m.calls = s, map[uint64]*modelCall{}
	}
	m.mu.Unlock()
	if m.has("never reads") {
		select {}
	}
	for {
		r, err := s.Recv()
		if err != nil {
			if !second {
				m.exit()
			}
			return nil
		}
		if len(r.GetItems()) == 0 && m.has("dies of an empty message") {
			die()
		}
		for i, item := range r.GetItems() {
			if i < 50 || !m.has("drops items") {
				m.item(item)
			}
		}
	}
}

func (m *model) item(item *pluginv1.HostItem) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.calls[item.GetCall()]
	switch said := item.GetItem().(type) {
	case *pluginv1.HostItem_Start:
		if len(said.Start.ProtoReflect().GetUnknown()) > 0 && m.has("dies of an unknown field") {
			die()
		}
		c = &modelCall{model: m, id: item.GetCall(), start: said.Start, answers: make(chan *pluginv1.Answers, 100), done: make(chan struct{}), turns: make(chan struct{}, 1)}
		m.calls[c.id] = c
		if m.takesTurns() {
			m.begun = append(m.begun, c)
			m.next()
		}
		go c.run()
	case *pluginv1.HostItem_Answers:
		if c != nil {
			if queue := &m.answered; m.takesTurns() && !said.Answers.GetMore() {
				if m.has("queues in one line") {
					queue = &m.begun
				}
				*queue = append(*queue, c)
				m.next()
			}
			c.answers <- said.Answers
		} else if m.has("dies of late answers") {
			die()
		}
	case *pluginv1.HostItem_Cancel:
		if m.has("queues deafly") && slices.Contains(m.begun, c) {
			return
		}
		if c != nil && !m.has("is deaf") && (c.needs > 0 || !m.has("is deaf as it runs")) {
			close(c.done)
			m.end(c, failed("cancelled"))
		}
	case nil:
		if m.has("hangs on unknown items") {
			select {}
		}
	}
}

// end ends a call, unless it has ended. The caller holds the lock.
func (m *model) end(c *modelCall, how *pluginv1.PluginItem) {
	if m.calls[c.id] == c {
		delete(m.calls, c.id)
		m.sendLocked(c.id, how)
		ours := func(other *modelCall) bool { return other == c }
		m.begun, m.answered = slices.DeleteFunc(m.begun, ours), slices.DeleteFunc(m.answered, ours)
		m.leave(c)
	}
}

func (m *model) sendLocked(call uint64, item *pluginv1.PluginItem) {
	item.Call = call
	_ = m.stream.Send(&pluginv1.SessionResponse{Items: []*pluginv1.PluginItem{item}})
}

// say says something for a call, or for another one.
func (c *modelCall) say(call uint64, item *pluginv1.PluginItem) {
	c.model.mu.Lock()
	defer c.model.mu.Unlock()
	c.model.sendLocked(call, item)
}

func (c *modelCall) run() {
	if !c.await() {
		return
	}
	name := strings.TrimPrefix(c.start.GetFunction(), "calyx_check_")
	if misbehave := misbehaviours[c.model.flaw]; misbehave != nil && name == "fail" {
		misbehave(c)
	}
	v, err := c.call(name)
	end := result(v)
	if err != nil {
		end = failed(err.Error())
		var after retry
		if errors.As(err, &after) && !c.model.has("never retries") {
			end.GetFailure().Retryable, end.GetFailure().RetryAfter = true, durationpb.New(time.Duration(after))
		}
	}
	c.model.mu.Lock()
	defer c.model.mu.Unlock()
	c.model.end(c, end)
}

type retry time.Duration

func (retry) Error() string { return "try again" }

func result(v *pluginv1.Value) *pluginv1.PluginItem {
	return &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Result{Result: &pluginv1.Result{Value: v}}}
}

func failed(message string) *pluginv1.PluginItem {
	return &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Failure{Failure: &pluginv1.Failure{Message: message}}}
}

// ask needs things and returns their answers; the count of what it has seen is right unless that is the flaw.
func (c *modelCall) ask(requests ...*pluginv1.Request) ([]*pluginv1.Answer, error) {
	c.needs++
	n := &pluginv1.Need{Id: uint64(c.needs), Seen: c.needs - 1, Requests: requests}
	if c.model.has("never counts") {
		n.Seen = 0
	}
	c.model.mu.Lock()
	c.model.sendLocked(c.id, &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Need{Need: n}})
	c.model.leave(c)
	c.model.mu.Unlock()
	var answers []*pluginv1.Answer
	for {
		select {
		case <-c.done:
			return nil, errors.New("cancelled")
		case piece := <-c.answers:
			answers = append(answers, piece.GetAnswers()...)
			if !piece.GetMore() || c.model.has("takes the first piece") && len(answers) > 0 {
				if !c.await() {
					return nil, errors.New("cancelled")
				}
				return answers, nil
			}
		}
	}
}

func (c *modelCall) argument(name string) *pluginv1.Value {
	for _, a := range c.start.GetArguments() {
		if a.GetName() == name {
			return a.GetValue()
		}
	}
	return nil
}

func (c *modelCall) decode(name string, into any) error {
	v := c.argument(name)
	if v == nil {
		return fmt.Errorf("no argument %q", name)
	}
	return json.Unmarshal(content(v), into)
}

// content is the content of a value.
func content(v *pluginv1.Value) []byte {
	if v.GetPath() == nil {
		return v.GetInline()
	}
	b, err := os.ReadFile(string(v.GetPath()))
	if err != nil {
		panic(err)
	}
	return b
}

func inline(media string, b []byte) *pluginv1.Value {
	return &pluginv1.Value{MediaType: media, Content: &pluginv1.Value_Inline{Inline: b}}
}

func asJSON(v any) *pluginv1.Value {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return inline("application/json", b)
}
