package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/calyx-build/calyx/cmd/calyx/internal/place"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/host"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
	"github.com/calyx-build/calyx/plugins/proto/outbox"
)

// newSession is for SDKs whose functions run in the process that asks. It answers that process's questions until standard input
// ends. Both sides write JSON, a line for each message.
func newSession(a *app) *cobra.Command {
	return newCommand(&cobra.Command{
		Use:    "session",
		Short:  "Answer the questions of an SDK's session",
		Hidden: true,
		Args:   wantArgs(0, 0),
		RunE: runner(func(ctx context.Context, _ []string) error {
			return newAsked(a).serve(ctx)
		}).run,
	})
}

// heard is what the asking process says: one of its fields.
type heard struct {
	World  *world     `json:"world"`
	Ask    *question  `json:"ask"`
	Cancel uint64     `json:"cancel"` // the number of a question
	Call   *callHeard `json:"call"`
}

// world is what the process is from now on. Questions are about the last one that was told before them.
type world struct {
	Description []byte   `json:"description"` // a DescribeResponse
	Environ     [][]byte `json:"environ"`     // NAME=VALUE
	environ     []string
	program     *executor.Program
	err         error
}

// question is one of Get, Set, Unset and Why.
type question struct {
	Number uint64    `json:"number"`
	Get    string    `json:"get"`
	Set    *setValue `json:"set"`
	Unset  string    `json:"unset"`
	Why    string    `json:"why"`
}

type setValue struct {
	Name string `json:"name"`
	JSON string `json:"json"`
}

// callHeard concerns one of the sessions in which calyx calls functions of the process.
type callHeard struct {
	Session uint64 `json:"session"`
	Message []byte `json:"message"` // a SessionResponse
	Over    bool   `json:"over"`    // there will be no more
}

// said is what calyx says: one of its fields.
type said struct {
	Answer *sessionAnswer `json:"answer,omitempty"`
	Call   *callSaid      `json:"call,omitempty"`
}

// callSaid concerns one of the sessions in which calyx calls functions of the process.
type callSaid struct {
	Session uint64 `json:"session"`
	Open    uint64 `json:"open,omitempty"`    // for this question
	Message []byte `json:"message,omitempty"` // a SessionRequest
	Close   bool   `json:"close,omitempty"`
}

// asked answers questions, several at once, each on a line of its own.
type asked struct {
	app    *app
	place  place.Place
	cache  string
	run    *sessionRun
	saying sync.Mutex
	under  sync.WaitGroup // questions

	mu      sync.Mutex
	stopped bool
	world   *world
	lines   []*line
	idle    []*line
	cancel  map[uint64]func()
	calls   map[uint64]*outbox.Queue[*callHeard] // the sessions that are open
	opened  uint64                               // how many were
}

func newAsked(a *app) *asked {
	return &asked{app: a, cancel: map[uint64]func(){}, calls: map[uint64]*outbox.Queue[*callHeard]{}, world: &world{err: errors.New("it has not told them")}}
}

// longestEnd is how long a session's end may take. Whoever asked is gone then, and would not see that it hangs.
const longestEnd = 20 * time.Second

// serve takes what the asking process says until it has ended, or calyx is told to.
func (s *asked) serve(ctx context.Context) error {
	signal.Ignore(syscall.SIGPIPE) // that nobody reads is told by the end of standard input
	cwd, err := place.WorkingDirectory()
	if err != nil {
		return err
	}
	s.place = place.At(cwd, cwd, place.Calyxfile)
	s.cache = place.Cache(cwd, cwd, s.app.global.cacheDir)
	ctx, end := context.WithCancel(ctx)
	defer end()
	s.run = newSessionRun(ctx, s.app.now())
	ended := make(chan error, 1)
	go func() { ended <- s.listen(ctx) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	defer endWithin(longestEnd)()
	s.stop()
	end()
	s.under.Wait()
	s.run.close(s.app.now())
	for _, l := range s.lines {
		err = errors.Join(err, l.close())
	}
	return err
}

func (s *asked) listen(ctx context.Context) error {
	for in := json.NewDecoder(s.app.stdin); ; {
		var h heard
		if err := in.Decode(&h); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read what the session says: %w", err)
		}
		switch {
		case h.World != nil:
			h.World.read()
			s.mu.Lock()
			s.world = h.World
			s.mu.Unlock()
		case h.Ask != nil:
			s.ask(ctx, h.Ask)
		case h.Call != nil:
			s.heard(h.Call)
		default:
			s.cancelQuestion(h.Cancel)
		}
	}
}

// read makes the program of a description.
func (w *world) read() {
	for _, entry := range w.Environ {
		w.environ = append(w.environ, string(entry))
	}
	var response pluginv1.DescribeResponse
	if w.err = proto.Unmarshal(w.Description, &response); w.err != nil {
		return
	}
	var d *executor.Description
	if d, w.err = host.ReadDescription(&response); w.err == nil {
		w.program, w.err = executor.NewProgram(d)
	}
}

// ask begins to answer a question.
func (s *asked) ask(ctx context.Context, q *question) {
	stop := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	w := s.world
	s.cancel[q.Number] = sync.OnceFunc(func() { close(stop) })
	s.under.Go(func() {
		answer := s.answerSafely(ctx, w, q, stop)
		answer.Number = q.Number
		s.mu.Lock()
		delete(s.cancel, q.Number)
		stopped := s.stopped
		s.mu.Unlock()
		if !stopped { // that there is no answer any more says the end of this process
			s.say(said{Answer: answer})
		}
	})
}

// answerSafely makes an answer of a panic, too.
func (s *asked) answerSafely(ctx context.Context, w *world, q *question, stop <-chan struct{}) (answer *sessionAnswer) {
	defer func() {
		if r := recover(); r != nil {
			answer = failedAnswer(internalFault(r, debug.Stack()))
		}
	}()
	return s.answer(ctx, w, q, stop)
}

// answer finds the answer on a line that is free. Where a line that has been used fails for a reason of its own, because somebody has
// removed what it had opened, a new one is tried.
func (s *asked) answer(ctx context.Context, w *world, q *question, stop <-chan struct{}) *sessionAnswer {
	if w.err != nil {
		return &sessionAnswer{Error: fmt.Sprintf("the session's nodes cannot be described: %v", w.err)}
	}
	for {
		l, err := s.take(w)
		if err != nil {
			return failedAnswer(err)
		}
		used := l.used
		l.used = true
		answer, err := l.answer(ctx, q, stop)
		if err == nil {
			s.give(l)
			return answer
		}
		broken := statusOf(err) == exitFault && !errors.Is(err, context.Canceled)
		if !broken { // else it is closed with the session, whose run may be written through it
			s.give(l)
		}
		if !broken || !used {
			return failedAnswer(err)
		}
	}
}

func failedAnswer(err error) *sessionAnswer { return &sessionAnswer{Error: errorText(err)} }

// take returns a line for one question.
func (s *asked) take(w *world) (*line, error) {
	s.mu.Lock()
	n := len(s.idle)
	if n == 0 {
		defer s.mu.Unlock()
		l := newLine(s, w)
		s.lines = append(s.lines, l)
		return l, nil
	}
	l := s.idle[n-1]
	s.idle = s.idle[:n-1]
	s.mu.Unlock()
	return l, l.renew(w)
}

func (s *asked) give(l *line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, l)
}

// open opens a session for a question, whose messages come through the queue.
func (s *asked) open(question uint64) (number uint64, messages *outbox.Queue[*callHeard]) {
	messages = outbox.New[*callHeard]()
	s.mu.Lock()
	if s.stopped {
		messages.Close()
	}
	s.opened++
	number = s.opened
	s.calls[number] = messages
	s.mu.Unlock()
	s.say(said{Call: &callSaid{Session: number, Open: question}})
	return number, messages
}

// hangUp closes a session, once.
func (s *asked) hangUp(number uint64) {
	s.mu.Lock()
	messages := s.calls[number]
	delete(s.calls, number)
	s.mu.Unlock()
	if messages != nil {
		messages.Close()
		s.say(said{Call: &callSaid{Session: number, Close: true}})
	}
}

// heard takes what functions say.
func (s *asked) heard(h *callHeard) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if messages := s.calls[h.Session]; messages != nil {
		messages.Put(h)
	}
}

func (s *asked) cancelQuestion(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.cancel[number]; cancel != nil {
		cancel()
	}
}

// stop cancels every question. Functions that are called may be gone: nobody waits for them.
func (s *asked) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for _, cancel := range s.cancel {
		cancel()
	}
	for _, messages := range s.calls {
		messages.Close()
	}
}

// say writes one message. Where nobody reads, the end of standard input follows.
func (s *asked) say(m said) {
	text, err := json.Marshal(m)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	s.saying.Lock()
	defer s.saying.Unlock()
	_, _ = s.app.stdout.Write(append(text, '\n'))
}
