package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	limits "github.com/calyx-build/calyx/plugins/proto"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
	"github.com/calyx-build/calyx/plugins/proto/outbox"
)

// parcel is something to be said to a call: a start, answers, or (cancel not empty) that it is to end. The writer makes
// items of it, because large values are written to files on the way.
type parcel struct {
	call    *call
	start   *executor.FunctionDescription
	need    uint64
	answers []executor.Answer
	cancel  string
}

// write says what is to be said until the queue is closed.
func (p *process) write() {
	var parcels []parcel
	for {
		if parcels = p.out.Take(parcels); len(parcels) == 0 {
			_ = p.stream.CloseSend()
			return
		}
		var items []*pluginv1.HostItem
		for i := range parcels {
			items = p.pack(items, &parcels[i])
		}
		err := outbox.Messages(items, limits.GoodMessage, func(some []*pluginv1.HostItem) error {
			return p.stream.Send(&pluginv1.SessionRequest{Items: some})
		})
		if err != nil {
			return // the reader sees why
		}
	}
}

// pack appends the items that a parcel becomes.
func (p *process) pack(items []*pluginv1.HostItem, s *parcel) []*pluginv1.HostItem {
	c := s.call
	switch {
	case s.start != nil:
		item, err := c.startItem(s.start)
		if err != nil {
			c.pool.mu.Lock()
			defer c.pool.mu.Unlock()
			c.finish(executor.Payload{}, &executor.Failure{Message: fmt.Sprintf("hand arguments to plugin %q: %v", c.pool.plugin.Name, err), Exit: -1})
			c.pool.dispatch()
			return items
		}
		return append(items, item)
	case s.cancel != "":
		return append(items, &pluginv1.HostItem{Call: c.id, Item: &pluginv1.HostItem_Cancel{Cancel: &pluginv1.Cancel{Reason: s.cancel}}})
	default:
		return append(items, c.answerItems(s)...)
	}
}

func (c *call) startItem(f *executor.FunctionDescription) (*pluginv1.HostItem, error) {
	t, fn := c.task, c.task.Function
	s := &pluginv1.Start{
		Function: fn.Name, Scratch: []byte(c.scratch()), OutDir: []byte(fn.OutDir), Workspace: []byte(fn.ProjectDir),
		Node: t.Node, Instance: fn.Instance,
	}
	if t.Timeout > 0 {
		s.Deadline = durationpb.New(t.Timeout)
	}
	e := envelope{dir: filepath.Join(t.Scratch, "given")}
	for _, a := range fn.Args {
		v, err := e.argument(a, typeOf(f, a.Name))
		if err != nil {
			return nil, fmt.Errorf("%q: %w", a.Name, err)
		}
		s.Arguments = append(s.Arguments, &pluginv1.Argument{Name: a.Name, Value: v})
	}
	if proto.Size(s) > limits.MaxMessage/2 {
		return nil, errors.New("they are too many for one message")
	}
	return &pluginv1.HostItem{Call: c.id, Item: &pluginv1.HostItem_Start{Start: s}}, nil
}

// scratch is the folder that the plugin may write to: beside the log and the files that the host writes for the call.
func (c *call) scratch() string { return filepath.Join(c.task.Scratch, "work") }

func typeOf(f *executor.FunctionDescription, parameter string) string {
	for _, p := range f.Parameters {
		if p.Name == parameter {
			return p.Type
		}
	}
	return ""
}

// answerItems makes items of the answers to one need, each of a good length.
func (c *call) answerItems(s *parcel) []*pluginv1.HostItem {
	var items []*pluginv1.HostItem
	add := func(answers []*pluginv1.Answer, more bool) {
		items = append(items, &pluginv1.HostItem{Call: c.id, Item: &pluginv1.HostItem_Answers{
			Answers: &pluginv1.Answers{Need: s.need, Answers: answers, More: more}}})
	}
	e := envelope{dir: filepath.Join(c.task.Scratch, "given", fmt.Sprint(s.need))}
	var some []*pluginv1.Answer
	size := 0
	for i := range s.answers {
		a := e.answer(&s.answers[i])
		n := proto.Size(a)
		if size+n > limits.GoodMessage/2 && len(some) > 0 {
			add(some, true)
			some, size = nil, 0
		}
		some, size = append(some, a), size+n
		e.inline = size
	}
	add(some, false)
	return items
}

// envelope puts values into an item: inline while they are small and not too many, else as paths.
type envelope struct {
	dir    string // for files
	files  int
	inline int // bytes inline so far
}

func (e *envelope) answer(a *executor.Answer) *pluginv1.Answer {
	switch {
	case a.Error != "":
		return failed(a.Error)
	case a.Absent:
		return &pluginv1.Answer{Answer: &pluginv1.Answer_Absent{Absent: true}}
	}
	v, err := e.value(&a.Payload)
	if err != nil {
		return failed("hand over the answer: " + err.Error())
	}
	return &pluginv1.Answer{Answer: &pluginv1.Answer_Value{Value: v}}
}

func failed(why string) *pluginv1.Answer {
	return &pluginv1.Answer{Answer: &pluginv1.Answer_Error{Error: valid(why)}}
}

// argument puts an argument into the form that its parameter wants.
func (e *envelope) argument(a executor.Argument, kind string) (*pluginv1.Value, error) {
	if kind != "file" && kind != "tree" || len(a.Value.Items) > 0 {
		return e.value(&a.Value)
	}
	p, v := a.Value, header(a.Value.Value)
	name := p.Name
	var err error
	switch {
	case p.Path == "":
		if name == "" {
			name = a.Name + extensions[v.GetMediaType()]
		}
		p.Path, err = e.file(filepath.Join(a.Name, name), p.Inline)
	case name != "" && filepath.Base(p.Path) != name:
		p.Path, err = e.link(filepath.Join(a.Name, name), p.Path)
	}
	v.Content = &pluginv1.Value_Path{Path: []byte(p.Path)}
	return v, err
}

// extensions are the ends of names by which programs know formats.
var extensions = map[string]string{
	trace.MediaJSON: ".json", trace.MediaText: ".txt", trace.MediaNpy: ".npy",
	"application/vnd.safetensors": ".safetensors", "application/vnd.apache.arrow.file": ".arrow", "application/vnd.apache.parquet": ".parquet",
}

func header(v trace.Value) *pluginv1.Value {
	h := &pluginv1.Value{MediaType: v.Media, Executable: v.Exec}
	if !v.Digest.IsZero() {
		h.Digest = v.Digest[:]
	}
	return h
}

func (e *envelope) value(p *executor.Payload) (*pluginv1.Value, error) {
	v := header(p.Value)
	switch {
	case p.Items != nil || p.Value.Media == trace.MediaList:
		list := &pluginv1.ValueList{}
		for i := range p.Items {
			item, err := e.value(&p.Items[i])
			if err != nil {
				return nil, err
			}
			list.Items = append(list.Items, item)
		}
		v.MediaType, v.Content = trace.MediaList, &pluginv1.Value_List{List: list}
		return v, nil
	case p.Path != "":
		v.Content = &pluginv1.Value_Path{Path: []byte(p.Path)}
		return v, nil
	case p.Inline == nil && p.Value.Media == trace.MediaNone:
		return v, nil
	}
	if v.MediaType == trace.MediaNone { // a view that the engine computed
		v.MediaType = trace.MediaJSON
	}
	if len(p.Inline) <= limits.MaxInline && e.inline+len(p.Inline) <= limits.GoodMessage {
		e.inline += len(p.Inline)
		v.Content = &pluginv1.Value_Inline{Inline: p.Inline}
		return v, nil
	}
	e.files++
	path, err := e.file(fmt.Sprint(e.files), p.Inline)
	v.Content = &pluginv1.Value_Path{Path: []byte(path)}
	return v, err
}

// file writes a read-only file.
func (e *envelope) file(name string, content []byte) (string, error) {
	path := filepath.Join(e.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, content, 0o400)
}

// link gives a file a name.
func (e *envelope) link(name, to string) (string, error) {
	path := filepath.Join(e.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	return path, os.Symlink(to, path)
}
