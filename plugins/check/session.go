package check

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// session is the stream of one process, and what its calls have said on it.
type session struct {
	kit     *kit
	process *process
	stream  pluginv1.Plugin_SessionClient
	hangUp  context.CancelFunc
	sending sync.Mutex

	mu    sync.Mutex
	calls map[uint64]*call
	last  uint64        // the number of the newest call
	ends  int           // how many results have come
	news  chan struct{} // closed, and replaced, when something was said
	err   error         // why nothing more will be: the stream's end, or what breaks the protocol
	lost  bool          // it is the stream's end
}

// call is what the plugin has said for one call.
type call struct {
	session  *session
	id       uint64
	elements uint32 // of a batch
	needs    []*need
	answered uint32 // how many needs have been answered
	log      []byte
	progress []*pluginv1.Progress
	metrics  []*pluginv1.Metric
	results  map[uint32]*pluginv1.Value // by element
	failures map[uint32]*pluginv1.Failure
	failure  *pluginv1.Failure // of the call as a whole
	place    int               // among the session's results, as they came
}

// need is something that a call asks for.
type need struct {
	call     *call
	id       uint64
	seen     uint32
	requests []*pluginv1.Request
	whole    bool // all of it has come
	answered bool
}

// open opens the session of a process.
func (p *process) open(k *kit) (*session, error) {
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := pluginv1.NewPluginClient(p.conn).Session(ctx)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("open a session: %w", plainly(err))
	}
	s := &session{kit: k, process: p, stream: stream, hangUp: cancel, calls: map[uint64]*call{}, news: make(chan struct{})}
	p.session = s
	go s.read()
	return s, nil
}

// read takes what the plugin says until the stream ends or the protocol is broken.
func (s *session) read() {
	defer s.hangUp()
	for {
		m, err := s.stream.Recv()
		if s.take(m, err) != nil {
			return
		}
	}
}

func (s *session) take(m *pluginv1.SessionResponse, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		close(s.news)
		s.news = make(chan struct{})
	}()
	if err != nil {
		s.err, s.lost = fmt.Errorf("the session ended: %w", plainly(err)), true
		return s.err
	}
	for _, item := range m.GetItems() {
		if err := s.item(item); err != nil {
			s.err = fmt.Errorf("it broke the protocol: %w", err)
			return s.err
		}
	}
	return nil
}

// await waits until seen, which runs under the session's lock, is true; what says for what.
func (s *session) await(ctx context.Context, what string, seen func() bool) error {
	for {
		s.mu.Lock()
		done, err, news := seen(), s.err, s.news
		s.mu.Unlock()
		switch {
		case done:
			return nil
		case err != nil:
			return fmt.Errorf("waited for %s: %w", what, s.end(ctx))
		}
		if err := within(ctx, news, what); err != nil {
			return err
		}
	}
}

// end says why the session is over, and how the process ended where it did by itself.
func (s *session) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second/2)
	defer cancel()
	if !s.lost || within(ctx, s.process.exited, "") != nil {
		return s.err
	}
	return fmt.Errorf("%w (%s)", s.err, s.process.how())
}

// send says something; where the stream is at its end, whoever waits for an answer sees why. A plugin that does not read
// is hung up on when the case's time is up.
func (s *session) send(items ...*pluginv1.HostItem) {
	s.sending.Lock()
	defer s.sending.Unlock()
	defer context.AfterFunc(s.kit.now, s.hangUp)()
	_ = s.stream.Send(&pluginv1.SessionRequest{Items: items})
}

// closeSend closes the host's side.
func (s *session) closeSend() {
	s.sending.Lock()
	defer s.sending.Unlock()
	_ = s.stream.CloseSend()
}

// prepare makes a call and the item that starts it.
func (s *session) prepare(function string, args ...*pluginv1.Argument) (*call, *pluginv1.HostItem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	c := &call{session: s, id: s.last, results: map[uint32]*pluginv1.Value{}, failures: map[uint32]*pluginv1.Failure{}}
	s.calls[c.id] = c
	return c, &pluginv1.HostItem{Call: c.id, Item: &pluginv1.HostItem_Start{Start: &pluginv1.Start{
		Function: function, Arguments: args, Node: function, Instance: "main",
		Scratch: []byte(s.process.newFolder(c.id, "scratch")), OutDir: []byte(s.process.newFolder(c.id, "out")), Workspace: []byte(s.kit.opts.Dir),
	}}}
}

// start begins a call.
func (s *session) start(function string, args ...*pluginv1.Argument) *call {
	c, item := s.prepare(function, args...)
	s.send(item)
	return c
}

// startWithin begins a call that may run so long.
func (s *session) startWithin(deadline time.Duration, function string, args ...*pluginv1.Argument) *call {
	c, item := s.prepare(function, args...)
	item.GetStart().Deadline = durationpb.New(deadline)
	s.send(item)
	return c
}

// call starts a function and waits for its value.
func (s *session) call(ctx context.Context, function string, args ...*pluginv1.Argument) (*pluginv1.Value, error) {
	return s.start(function, args...).value(ctx)
}

// settle makes sure that what the plugin has said by now was seen: it starts a call that fails at once.
func (s *session) settle(ctx context.Context) error {
	_, err := s.start(nowhere).fails(ctx)
	return err
}

// nowhere is the name of a function that no plugin has.
const nowhere = "calyx_check_no_such_function"

// ended reports whether the call has; the caller holds the session's lock.
func (c *call) ended() bool {
	return c.failure != nil || len(c.results)+len(c.failures) > 0 && len(c.results)+len(c.failures) >= int(c.elements)
}

// done waits for the end of the call.
func (c *call) done(ctx context.Context) error {
	return c.session.await(ctx, fmt.Sprintf("the end of call %d", c.id), c.ended)
}

// value waits for the result of a call that is no batch.
func (c *call) value(ctx context.Context) (*pluginv1.Value, error) {
	if err := c.done(ctx); err != nil {
		return nil, err
	}
	if c.failure != nil {
		return nil, fmt.Errorf("the call failed: %s", shorten(c.failure.GetMessage(), 200))
	}
	return c.results[0], nil
}

// fails waits for the failure of a call.
func (c *call) fails(ctx context.Context) (*pluginv1.Failure, error) {
	if err := c.done(ctx); err != nil {
		return nil, err
	}
	if c.failure == nil {
		return nil, fmt.Errorf("it returned %s, and no failure", spell(c.results[0]))
	}
	return c.failure, nil
}

// cancel asks the plugin to end the call.
func (c *call) cancel() {
	c.session.send(&pluginv1.HostItem{Call: c.id, Item: &pluginv1.HostItem_Cancel{Cancel: &pluginv1.Cancel{Reason: "the kit cancels it"}}})
}

// asked waits until the call has asked for n more things than have been answered, and returns its open needs.
func (c *call) asked(ctx context.Context, n int) ([]*need, error) {
	var open []*need
	count := 0
	err := c.session.await(ctx, fmt.Sprintf("%d requests of call %d", n, c.id), func() bool {
		open, count = nil, 0
		for _, n := range c.needs {
			if n.whole && !n.answered {
				open, count = append(open, n), count+len(n.requests)
			}
		}
		return count >= n || c.ended()
	})
	switch {
	case err != nil:
		return nil, err
	case count == n:
		return open, nil
	case c.failure != nil:
		return nil, fmt.Errorf("the call failed: %s", shorten(c.failure.GetMessage(), 200))
	case count == 0:
		return nil, fmt.Errorf("it asked for nothing, and returned %s", shorten(spell(c.results[0]), 80))
	}
	return nil, fmt.Errorf("it asked for %d things at once, and not for %d", count, n)
}

// answer answers a need.
func (n *need) answer(answers ...*pluginv1.Answer) { n.answerIn(answers) }

// answerIn answers a need in several items.
func (n *need) answerIn(pieces ...[]*pluginv1.Answer) {
	n.call.session.mu.Lock()
	n.answered = true
	n.call.answered++
	n.call.session.mu.Unlock()
	for i, answers := range pieces {
		n.call.session.send(&pluginv1.HostItem{Call: n.call.id, Item: &pluginv1.HostItem_Answers{
			Answers: &pluginv1.Answers{Need: n.id, Answers: answers, More: i < len(pieces)-1}}})
	}
}

// plainly takes gRPC's own words off an error.
func plainly(err error) error {
	if s, ok := status.FromError(err); ok {
		return fmt.Errorf("%s: %s", s.Code(), shorten(s.Message(), 200))
	}
	if err != nil && err.Error() == "EOF" {
		return errors.New("it closed the stream")
	}
	return err
}
