package calyx

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"google.golang.org/protobuf/proto"

	limits "github.com/calyx-build/calyx/plugins/proto"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// Args are arguments by parameter names: None (nil), booleans, numbers, strings, []byte, and slices, maps and structs of
// these. 1 and 1.0 are different values.
type Args map[string]any

// NeedError says that something that a call asked for could not be had: a node failed, does not exist, or needs the asking
// call itself. A function may go on without it; its result is then used in this build, but not kept.
type NeedError struct {
	What    string // as it was asked for
	Message string
}

func (e *NeedError) Error() string { return e.Message }

// ErrAbsent is wrapped by errors that say that something is not there: a file, an element, a variable. It is fs.ErrNotExist.
var ErrAbsent = fs.ErrNotExist

// Node is a node of the graph that a call may look at. Asking for it makes it a dependency, by the view that was taken:
// a function that asked for the length alone does not run again when elements change.
type Node struct {
	call *Call
	name string
	request
}

// Node returns a node by name, with arguments if it is a function's. Nothing is asked yet.
func (c *Call) Node(name string, args ...Args) *Node {
	n := &Node{call: c, name: name}
	asked := &pluginv1.NodeRequest{Name: text(name)}
	for _, given := range args {
		asked.Arguments, n.err = appendArgs(asked.Arguments, given, n.err)
	}
	n.asked = &pluginv1.Request{Subject: &pluginv1.Request_Node{Node: asked}}
	n.what = fmt.Sprintf("node %q", name)
	return n
}

// request is something to ask, or the reason why it cannot be asked.
type request struct {
	asked *pluginv1.Request
	what  string
	err   error
}

// view is the same request with a view of its own.
func (r request) view(v *pluginv1.View) request {
	r.asked = &pluginv1.Request{Subject: r.asked.GetSubject(), View: v}
	return r
}

func kind(k pluginv1.View_Kind) *pluginv1.View { return &pluginv1.View{Kind: k} }

// Value returns the node's value.
func (n *Node) Value() (Value, error) { return n.call.askOne(n.request) }

// Bytes returns the bytes of the node's value: unlike Value, it makes the call depend on each of them.
func (n *Node) Bytes() ([]byte, error) {
	v, err := n.call.askOne(n.view(kind(pluginv1.View_KIND_BYTES)))
	if err != nil {
		return nil, err
	}
	return v.Bytes()
}

// Len returns the number of elements of a list or dictionary, of characters of a string, of bytes of a file.
func (n *Node) Len() (int, error) {
	return asking[int](n, kind(pluginv1.View_KIND_LENGTH))
}

// Keys returns the keys of a dictionary, or the names in a tree.
func (n *Node) Keys() ([]string, error) {
	return asking[[]string](n, kind(pluginv1.View_KIND_KEYS))
}

// Shape returns the shape of an array.
func (n *Node) Shape() ([]int, error) {
	return asking[[]int](n, kind(pluginv1.View_KIND_SHAPE))
}

func asking[T any](n *Node, v *pluginv1.View) (T, error) {
	got, err := n.call.askOne(n.view(v))
	if err != nil {
		var none T
		return none, err
	}
	return As[T](got)
}

// Item returns an element of a list, by its index from 0. The error is ErrAbsent where the list is too short.
func (n *Node) Item(index int) (Value, error) {
	if index < 0 {
		return Value{}, fmt.Errorf("%s: element %d: %w", n.what, index, ErrAbsent)
	}
	return n.call.askOne(n.view(&pluginv1.View{Kind: pluginv1.View_KIND_ELEMENT, Index: uint64(index)}))
}

// Entry returns an entry of a dictionary. The error is ErrAbsent where there is none.
func (n *Node) Entry(key string) (Value, error) {
	return n.call.askOne(n.view(&pluginv1.View{Kind: pluginv1.View_KIND_ENTRY, Name: []byte(key)}))
}

// File returns one file of a tree. The error is ErrAbsent where there is none.
func (n *Node) File(name string) (Value, error) {
	return n.call.askOne(n.view(&pluginv1.View{Kind: pluginv1.View_KIND_FILE, Name: []byte(name)}))
}

// Exists brings the node up to date and looks at nothing of it. The error says why that failed; it is ErrAbsent where the file or
// folder of a stored node is not there.
func (n *Node) Exists() error {
	_, err := n.call.askOne(n.view(kind(pluginv1.View_KIND_EXISTS)))
	return err
}

// Need returns the value of a node, read as a T. To take less than the whole value, see Call.Node.
func Need[T any](c *Call, node string, args ...Args) (T, error) {
	v, err := c.Node(node, args...).Value()
	if err != nil {
		var none T
		return none, err
	}
	return As[T](v)
}

// NeedAll returns the values of several nodes, which are brought up to date side by side. The error joins those of the
// nodes that have none (each a *NeedError); their values are zero.
func (c *Call) NeedAll(nodes ...*Node) ([]Value, error) {
	requests := make([]request, len(nodes))
	for i, n := range nodes {
		requests[i] = n.request
	}
	return c.ask(requests)
}

func (c *Call) askOne(r request) (Value, error) {
	values, err := c.ask([]request{r})
	if err != nil {
		return Value{}, err
	}
	return values[0], nil
}

// ask sends one need and waits for its answers.
func (c *Call) ask(requests []request) ([]Value, error) {
	values := make([]Value, len(requests))
	if len(requests) == 0 {
		return values, nil
	}
	for _, r := range requests {
		if r.err != nil {
			return values, fmt.Errorf("ask for %s: %w", r.what, r.err)
		}
		if proto.Size(r.asked) > limits.MaxMessage-limits.GoodMessage {
			return values, fmt.Errorf("ask for %s: its arguments are too long together; make them the value of a node", r.what)
		}
	}
	w := c.send(requests)
	select {
	case <-w.whole:
	case <-c.Done():
		return values, context.Cause(c)
	}
	c.mu.Lock()
	c.seen++
	c.mu.Unlock()
	if len(w.answers) != len(requests) {
		return values, fmt.Errorf("calyx sent %d answers to %d requests", len(w.answers), len(requests))
	}
	var wrong []error
	for i, a := range w.answers {
		switch said := a.GetAnswer().(type) {
		case *pluginv1.Answer_Value:
			values[i] = Value{call: c, v: said.Value}
		case *pluginv1.Answer_Absent:
			wrong = append(wrong, fmt.Errorf("%s: %w", requests[i].what, ErrAbsent))
		default:
			wrong = append(wrong, &NeedError{What: requests[i].what, Message: a.GetError()})
		}
	}
	return values, errors.Join(wrong...)
}

// send puts a need on its way, in as many items as it takes.
func (c *Call) send(requests []request) *waiting {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := &waiting{whole: make(chan struct{})}
	if c.over {
		return w
	}
	c.last++
	c.open[c.last] = w
	var some []*pluginv1.Request
	size := 0
	flush := func(more bool) {
		c.session.out.Put(&pluginv1.PluginItem{Call: c.id, Item: &pluginv1.PluginItem_Need{
			Need: &pluginv1.Need{Id: c.last, Seen: c.seen, Requests: some, More: more}}})
		some, size = nil, 0
	}
	for _, r := range requests {
		n := proto.Size(r.asked)
		if len(some) > 0 && size+n > limits.GoodMessage/2 {
			flush(true)
		}
		some, size = append(some, r.asked), size+n
	}
	flush(false)
	return w
}

// answered takes answers from the session's reader.
func (c *Call) answered(a *pluginv1.Answers) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.open[a.GetNeed()]
	if w == nil {
		return
	}
	w.answers = append(w.answers, a.GetAnswers()...)
	if !a.GetMore() {
		delete(c.open, a.GetNeed())
		close(w.whole)
	}
}
