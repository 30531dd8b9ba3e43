package main

import (
	"cmp"
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/cmd/calyx/internal/explain"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/state"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/plugins/host"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// sessionValue is a value for a program that goes on with it: content in place, or a file or folder to be read.
type sessionValue struct {
	Media      string         `json:"media_type"`
	Inline     []byte         `json:"inline,omitempty"`
	Path       string         `json:"path,omitempty"`
	Executable bool           `json:"executable,omitempty"`
	Items      []sessionValue `json:"items"` // null but for a list
}

// sessionAnswer answers a question: a value and what it stands on, or a text, or what went wrong.
type sessionAnswer struct {
	Number  uint64           `json:"number"`
	Session uint64           `json:"session,omitempty"` // in which functions were called
	Value   *sessionValue    `json:"value,omitempty"`
	Looked  *executor.Looked `json:"looked,omitempty"`
	Text    string           `json:"text,omitempty"`
	Failed  []string         `json:"failed,omitempty"` // the nodes that failed, in the order in which they did
	Error   string           `json:"error,omitempty"`
}

// grace is how long a function may go on that is interrupted. Somebody sits there and waits.
const grace = 2 * time.Second

// line is an engine that answers one question at a time, and the session with the functions that it calls. It stays, with all that
// it has opened and remembers, for the next question.
type line struct {
	asked *asked
	used  bool
	world *world
	*session
	question uint64              // that it works on
	calls    atomic.Uint64       // the last session in which it called functions
	state    executor.LookedPath // where values are set, before they were read
}

func newLine(s *asked, w *world) *line {
	l := &line{asked: s, world: w}
	c := s.app.config(s.place, s.cache)
	c.Program, c.Environ = w.program, w.environ
	c.Runner = func() (executor.Runner, error) {
		return &runners{plugins: host.New(host.Options{Attach: l.attach, Grace: grace})}, nil
	}
	c.Stored = l.stored
	l.session = &session{Place: s.place, engine: executor.New(c)}
	return l
}

func (l *line) renew(w *world) error {
	l.world = w
	return l.engine.Renew(w.program, w.environ)
}

func (l *line) close() error { return l.engine.Close() }

// stored reads what was set, and notes how the file was then.
func (l *line) stored(backend, instance string) (map[string]any, error) {
	store, err := state.Open(backend, l.Root)
	if err != nil {
		return nil, err
	}
	stat, err := hashing.StatFollow(store.File())
	l.state = executor.LookedPath{Path: store.File(), Follow: true, Absent: err != nil, Stat: stat}
	return store.Values(instance)
}

// answer answers one question.
func (l *line) answer(ctx context.Context, q *question, stop <-chan struct{}) (*sessionAnswer, error) {
	l.question = q.Number
	a := l.asked.app
	switch {
	case q.Set != nil:
		value, err := graph.ParseJSON([]byte(q.Set.JSON))
		if err == nil {
			err = a.setValues(ctx, l.session, []assignment{{name: q.Set.Name, typed: true, value: value}})
		}
		return &sessionAnswer{}, err
	case q.Unset != "":
		return &sessionAnswer{}, a.unsetValues(ctx, l.session, []string{q.Unset})
	case q.Why != "":
		forecast, err := a.forecast(ctx, l.session, q.Why)
		if err != nil {
			return nil, err
		}
		return &sessionAnswer{Text: explain.Why(forecast, console.NewStyle(false), a.now())}, nil
	}
	return l.get(ctx, q.Get, stop)
}

// get brings a node up to date.
func (l *line) get(ctx context.Context, target string, stop <-chan struct{}) (*sessionAnswer, error) {
	var b built
	var why causes
	run := l.asked.run
	o := executor.Options{Run: run.id, Targets: []string{target}, Values: true, Stop: stop, Observer: observers{runOf{run, l}, &b.failed, &why}}
	var err error
	if b.Summary, err = l.engine.Build(ctx, o); err != nil {
		return nil, err
	}
	answer := &sessionAnswer{Session: l.calls.Load()}
	if err := b.verdict(); err != nil && len(b.Values) == 0 {
		answer.Failed = slices.Concat(b.failed.steps, b.failed.inputs)
		answer.Error = cmp.Or(strings.Join(why, "\n"), errorText(err))
		return answer, nil
	}
	if answer.Looked = b.Looked; answer.Looked != nil {
		answer.Looked.Paths = append(answer.Looked.Paths, l.state)
	}
	answer.Value, err = l.value(ctx, b.Values[0])
	return answer, err
}

func (l *line) value(ctx context.Context, t executor.TargetValue) (*sessionValue, error) {
	switch {
	case t.Tree != nil && t.Path == "": // what a pattern matched
		v := sessionValue{Media: trace.MediaList, Items: []sessionValue{}}
		for _, e := range t.Tree {
			if e.IsFile() {
				v.Items = append(v.Items, l.file(t.Base+e.Path))
			}
		}
		return &v, nil
	case t.Path != "" && t.Value.Media != trace.MediaTree:
		v := l.file(t.Path)
		return &v, nil
	}
	p, err := l.load(ctx, t)
	if err != nil {
		return nil, err
	}
	if t.Value.Media == trace.MediaTree && t.Path == "" {
		if p, err = l.engine.Payload(ctx, t.Value); err != nil {
			return nil, err
		}
	}
	v := sessionValueOf(p)
	v.Path = l.at(v.Path)
	return &v, nil
}

// file is a file of the workspace, which the asking process reads where it stands.
func (l *line) file(path string) sessionValue {
	return sessionValue{Media: trace.MediaFile, Path: l.at(path)}
}

func (l *line) at(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(l.Root, path)
}

func sessionValueOf(p executor.Payload) sessionValue {
	v := sessionValue{Media: p.Value.Media, Inline: p.Inline, Path: p.Path, Executable: p.Value.Exec}
	for _, item := range p.Items {
		v.Items = append(v.Items, sessionValueOf(item))
	}
	return v
}

// causes collects why nodes failed.
type causes []string

// Event notes a failure.
func (c *causes) Event(e executor.Event) {
	if done, ok := e.(executor.NodeDone); ok && done.Outcome == executor.Failed {
		*c = append(*c, done.Node+": "+done.Failure.Message)
	}
}

// attach opens a session with the functions in the asking process.
func (l *line) attach(executor.PluginProcess) (*host.Attached, error) {
	number, messages := l.asked.open(l.question)
	l.calls.Store(number)
	var some []*callHeard
	return &host.Attached{
		Functions: l.world.program.Functions(),
		Send: func(m *pluginv1.SessionRequest) error {
			text, err := proto.Marshal(m)
			if err == nil {
				l.asked.say(said{Call: &callSaid{Session: number, Message: text}})
			}
			return err
		},
		Recv: func() (*pluginv1.SessionResponse, error) {
			if len(some) == 0 {
				some = messages.Take(nil)
			}
			if len(some) == 0 || some[0].Over {
				return nil, io.EOF
			}
			m := &pluginv1.SessionResponse{}
			err := proto.Unmarshal(some[0].Message, m)
			some = some[1:]
			return m, err
		},
		HangUp: func() { l.asked.hangUp(number) },
	}, nil
}
