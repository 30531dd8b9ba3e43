package check

import (
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/plugins/proto"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// item notes what a call says; an error says how it breaks the protocol. The caller holds the session's lock.
func (s *session) item(item *pluginv1.PluginItem) error {
	if o := item.GetObserved(); o != nil && item.GetCall() == 0 {
		return observed(o)
	}
	c := s.calls[item.GetCall()]
	switch {
	case c == nil:
		return fmt.Errorf("it spoke for call %d, which it was not given", item.GetCall())
	case c.ended():
		return fmt.Errorf("it spoke for call %d after its end", item.GetCall())
	}
	switch said := item.GetItem().(type) {
	case *pluginv1.PluginItem_Observed:
		return observed(said.Observed)
	case *pluginv1.PluginItem_Need:
		return c.needed(said.Need)
	case *pluginv1.PluginItem_Log:
		c.log = append(c.log, said.Log.GetText()[:min(len(said.Log.GetText()), maxLog-len(c.log))]...)
	case *pluginv1.PluginItem_Progress:
		c.progress = append(c.progress[:min(len(c.progress), maxTold)], said.Progress)
	case *pluginv1.PluginItem_Metric:
		c.metrics = append(c.metrics[:min(len(c.metrics), maxTold)], said.Metric)
		if said.Metric.GetName() == "" {
			return errors.New("it sent a metric without a name")
		}
	case *pluginv1.PluginItem_GradientFlow:
		return errors.New("it told of gradient flow, and nobody had asked")
	case *pluginv1.PluginItem_Result:
		return c.returned(said.Result)
	case *pluginv1.PluginItem_Failure:
		return c.failed(said.Failure)
	default:
		return errors.New("it sent an item of no known kind")
	}
	return nil
}

// How much is kept of what a call tells: bytes of its log, and the number of progresses and metrics.
const (
	maxLog  = 1 << 20
	maxTold = 1000
)

func observed(o *pluginv1.Observed) error {
	for _, r := range o.GetReads() {
		if r.GetNode() != nil {
			return fmt.Errorf("it observed the node %q, which can only be asked for", r.GetNode().GetName())
		}
	}
	return requests(o.GetReads())
}

// needed notes a need, or a further part of one.
func (c *call) needed(said *pluginv1.Need) error {
	var n *need
	for _, known := range c.needs {
		if known.id == said.GetId() {
			n = known
		}
	}
	switch {
	case n == nil:
		n = &need{call: c, id: said.GetId(), seen: said.GetSeen()}
		c.needs = append(c.needs, n)
	case n.whole:
		return fmt.Errorf("it used the id %d for two needs of call %d", n.id, c.id)
	}
	n.requests, n.whole = append(n.requests, said.GetRequests()...), !said.GetMore()
	switch {
	case n.seen != said.GetSeen():
		return errors.New("the parts of a need have different counts of answers seen")
	case n.seen > c.answered:
		return fmt.Errorf("it asked after %d answers, and got %d", n.seen, c.answered)
	case n.whole && len(n.requests) == 0:
		return errors.New("a need has no requests")
	case len(n.requests) > proto.MaxRequests || len(c.needs) > proto.MaxRequests:
		return fmt.Errorf("it asks for more than %d things", proto.MaxRequests)
	}
	return requests(said.GetRequests())
}

// returned notes a result.
func (c *call) returned(r *pluginv1.Result) error {
	if err := c.element(r.GetElement()); err != nil {
		return err
	}
	if r.GetValue() == nil {
		return errors.New("a result has no value")
	}
	if err := c.sound(r.GetValue(), 0); err != nil {
		return fmt.Errorf("the result of call %d: %w", c.id, err)
	}
	c.results[r.GetElement()] = r.GetValue()
	c.session.ends++
	c.place = c.session.ends
	return nil
}

// failed notes a failure.
func (c *call) failed(f *pluginv1.Failure) error {
	if f.GetMessage() == "" {
		return errors.New("a failure has no message")
	}
	if f.Element == nil {
		c.failure = f
		return nil
	}
	if c.elements == 0 {
		return errors.New("it failed an element of a call that is no batch")
	}
	if err := c.element(f.GetElement()); err != nil {
		return err
	}
	c.failures[f.GetElement()] = f
	return nil
}

// element tells what is wrong with the number of an element.
func (c *call) element(e uint32) error {
	switch {
	case e != 0 && e >= c.elements:
		return fmt.Errorf("element %d is none of the call's %d", e, max(c.elements, 1))
	case c.results[e] != nil || c.failures[e] != nil:
		return fmt.Errorf("element %d ended twice", e)
	}
	return nil
}

// sound tells what is wrong with a value that a call returned.
func (c *call) sound(v *pluginv1.Value, depth int) error {
	switch content := v.GetContent().(type) {
	case nil:
		if v.GetMediaType() != trace.MediaNone {
			return errors.New("it has a media type, but no content")
		}
	case *pluginv1.Value_Inline:
		return soundInline(v.GetMediaType(), content.Inline)
	case *pluginv1.Value_Path:
		return c.soundPath(v.GetMediaType(), string(content.Path))
	case *pluginv1.Value_List:
		for _, item := range content.List.GetItems() {
			if depth == deepest {
				return fmt.Errorf("it is nested more than %d deep", deepest)
			}
			if err := c.sound(item, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func soundInline(media string, b []byte) error {
	switch {
	case len(b) > proto.MaxInline:
		return fmt.Errorf("%d bytes inline, and %d are allowed: larger values are files", len(b), proto.MaxInline)
	case media == trace.MediaTree:
		return errors.New("a folder cannot be inline")
	case media == trace.MediaNone:
		return errors.New("it has content, but no media type")
	}
	return nil
}

// soundPath sees to it that a path is in the call's own folders, and what the media type says.
func (c *call) soundPath(media, path string) error {
	own := false
	for _, name := range []string{"scratch", "out"} {
		dir := c.session.process.newFolder(c.id, name)
		own = own || path == dir || strings.HasPrefix(path, dir+"/")
	}
	if !own || path != filepath.Clean(path) {
		return fmt.Errorf("%q is not in the call's own folders", path)
	}
	st, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case media == trace.MediaTree && !st.IsDir(), media != trace.MediaTree && !st.Mode().IsRegular():
		return fmt.Errorf("%q is %v", path, st.Mode().Type())
	}
	return nil
}

// deepest is how deep literals and lists of values nest at most.
const deepest = 100

// longestInteger is the number of digits of an integer at most.
const longestInteger = 10_000

// requests tells what is wrong with requests.
func requests(all []*pluginv1.Request) error {
	for _, r := range all {
		if _, known := pluginv1.View_Kind_name[int32(r.GetView().GetKind())]; !known {
			return fmt.Errorf("a view of unknown kind %d", r.GetView().GetKind())
		}
		if r.GetSubject() == nil {
			return errors.New("a request has no subject")
		}
		for _, a := range r.GetNode().GetArguments() {
			if !graph.ValidName(a.GetName()) {
				return fmt.Errorf("%q is no name for an argument", a.GetName())
			}
			if err := literal(a.GetValue(), 0); err != nil {
				return fmt.Errorf("argument %q of node %q: %w", a.GetName(), r.GetNode().GetName(), err)
			}
		}
	}
	return nil
}

// literal tells what is wrong with a literal.
func literal(l *pluginv1.Literal, depth int) error {
	if depth > deepest {
		return fmt.Errorf("a value is nested more than %d deep", deepest)
	}
	switch k := l.GetKind().(type) {
	case nil:
		return errors.New("a value of no kind")
	case *pluginv1.Literal_BigInteger:
		if _, ok := new(big.Int).SetString(k.BigInteger, 10); !ok || len(k.BigInteger) > longestInteger {
			return errors.New("an integer that is none, or too long")
		}
	case *pluginv1.Literal_List:
		for _, item := range k.List.GetItems() {
			if err := literal(item, depth+1); err != nil {
				return err
			}
		}
	case *pluginv1.Literal_Map:
		return literalMap(k.Map, depth)
	}
	return nil
}

func literalMap(m *pluginv1.LiteralMap, depth int) error {
	seen := map[string]bool{}
	for _, e := range m.GetEntries() {
		if seen[e.GetKey()] {
			return fmt.Errorf("the key %q comes twice", e.GetKey())
		}
		seen[e.GetKey()] = true
		if err := literal(e.GetValue(), depth+1); err != nil {
			return err
		}
	}
	return nil
}
