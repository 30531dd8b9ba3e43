package calyx

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	limits "github.com/calyx-build/calyx/plugins/proto"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// Call is one call of a function: what it may ask for, and what it may tell. It is a context, which is done when somebody
// stops the build or the call's time is up. Its methods may be called from any goroutine of the function, but not after
// the function has returned.
type Call struct {
	context.Context
	id      uint64
	start   *pluginv1.Start
	session *session
	cancel  context.CancelCauseFunc

	mu       sync.Mutex
	seen     uint32 // how many needs were answered
	last     uint64 // the id of the newest need
	open     map[uint64]*waiting
	over     bool
	progress time.Time // when progress was told last
	files    int       // written to the scratch folder
}

// waiting is a need that is not answered yet.
type waiting struct {
	answers []*pluginv1.Answer
	whole   chan struct{}
}

func newCall(ctx context.Context, s *session, id uint64, start *pluginv1.Start) *Call {
	c := &Call{id: id, start: start, session: s, open: map[uint64]*waiting{}}
	c.Context, c.cancel = context.WithCancelCause(ctx)
	return c
}

// run calls the function and tells how it ended.
func (c *Call) run(f *function) {
	defer c.cancel(nil)
	end := c.outcome(f)
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	c.session.forget(c.id)
	c.session.out.Put(end)
}

func (c *Call) outcome(f *function) *pluginv1.PluginItem {
	if f == nil {
		return c.failure(fmt.Errorf("plugin %q has no function %q", c.session.plugin.name, c.start.GetFunction()), "")
	}
	result, stack, err := c.protect(f)
	if err != nil {
		return c.failure(err, stack)
	}
	v, err := c.encode(result)
	if err != nil {
		return c.failure(fmt.Errorf("return a value: %w", err), "")
	}
	return &pluginv1.PluginItem{Call: c.id, Item: &pluginv1.PluginItem_Result{Result: &pluginv1.Result{Value: v}}}
}

// protect turns a panic of the function into an error with a stack.
func (c *Call) protect(f *function) (result any, stack string, err error) {
	returned := false
	defer func() {
		switch p := recover(); {
		case returned:
		case p == nil:
			err = errors.New("the function ended its goroutine and returned nothing")
		default:
			err, stack = fmt.Errorf("panic: %v", p), string(debug.Stack())
		}
	}()
	result, err = f.run(c, c.start.GetArguments())
	returned = true
	return result, "", err
}

func (c *Call) failure(err error, details string) *pluginv1.PluginItem {
	f := &pluginv1.Failure{Message: text(err.Error()), Details: text(details)}
	if f.Message == "" {
		f.Message = fmt.Sprintf("%T", err)
	}
	f.Unmet = errors.As(err, new(*NeedError))
	var again *retryable
	if errors.As(err, &again) {
		f.Retryable = true
		if again.after > 0 {
			f.RetryAfter = durationpb.New(again.after)
		}
	}
	return &pluginv1.PluginItem{Call: c.id, Item: &pluginv1.PluginItem_Failure{Failure: f}}
}

// longest is the length up to which a text is told whole: a message has a limit.
const longest = 128 << 10

// text makes a string fit for the protocol. Of one that is too long, such as an error that shows all of its data, the middle is left out.
func text(s string) string {
	if len(s) > longest {
		s = fmt.Sprintf("%s\n… %d bytes are left out …\n%s", s[:longest/2], len(s)-longest, s[len(s)-longest/2:])
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

type retryable struct {
	error
	after time.Duration
}

// Unwrap returns the cause.
func (r *retryable) Unwrap() error { return r.error }

// Retryable marks an error as one that another attempt may not meet: a network that is down, a rate limit. calyx waits at
// least for the given time before it tries again, if the step allows retries.
func Retryable(err error, after time.Duration) error { return &retryable{err, after} }

// say sends an item, unless the call is over.
func (c *Call) say(item *pluginv1.PluginItem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		item.Call = c.id
		c.session.out.Put(item)
	}
}

// Logf adds a line to the call's log, which calyx shows when the step fails or the user asks. What the program prints
// goes there too, but may be taken for what another call of the process said.
func (c *Call) Logf(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if !strings.HasSuffix(line, "\n") {
		line += "\n"
	}
	for part := range slices.Chunk([]byte(line), limits.GoodMessage/2) {
		c.say(&pluginv1.PluginItem{Item: &pluginv1.PluginItem_Log{Log: &pluginv1.Log{Text: part}}})
	}
}

// Progress tells that done of total units are done; total is 0 where it is not known. It may be called as often as one
// likes: ten times a second it is passed on, and at the end.
func (c *Call) Progress(done, total float64, unit string) {
	c.mu.Lock()
	now := time.Now()
	soon := now.Sub(c.progress) < 100*time.Millisecond && done != total
	if !soon {
		c.progress = now
	}
	c.mu.Unlock()
	if !soon {
		c.say(&pluginv1.PluginItem{Item: &pluginv1.PluginItem_Progress{Progress: &pluginv1.Progress{Done: done, Total: total, Unit: text(unit)}}})
	}
}

// Metric records a number with the result: tokens, dollars, rows, loss. The unit may be empty.
func (c *Call) Metric(name string, value float64, unit string) {
	c.say(&pluginv1.PluginItem{Item: &pluginv1.PluginItem_Metric{Metric: &pluginv1.Metric{Name: text(name), Value: value, Unit: text(unit)}}})
}

// Scratch returns a private folder for temporary files, which is removed after the call. It makes the folder.
func (c *Call) Scratch() (string, error) {
	dir := string(c.start.GetScratch())
	return dir, os.MkdirAll(dir, 0o777)
}

// OutDir returns a folder in which the function may build a tree, to return it as Dir{Path: dir}. It makes the folder.
func (c *Call) OutDir() (string, error) {
	dir := string(c.start.GetOutDir())
	return dir, os.MkdirAll(dir, 0o777)
}

// newFile names a new file in the scratch folder.
func (c *Call) newFile(name string) (string, error) {
	dir, err := c.Scratch()
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files++
	return filepath.Join(dir, fmt.Sprintf(".calyx-%d%s", c.files, name)), nil
}
