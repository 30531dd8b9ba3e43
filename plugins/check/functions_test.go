package check_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/calyx-build/calyx/plugins/proto"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// call is what the model's functions do.
func (c *modelCall) call(name string) (*pluginv1.Value, error) {
	switch name {
	case "echo":
		return c.echo()
	case "add":
		return c.add()
	case "half":
		var n int
		err := c.decode("number", &n)
		if c.model.has("writes whole floats without a point") {
			return asJSON(n / 2), err
		}
		return inline("application/json", fmt.Appendf(nil, "%e", float64(n)/2)), err
	case "need":
		return c.need()
	case "env":
		return c.env()
	case "sleep":
		return c.sleep()
	case "fail":
		var message string
		_ = c.decode("message", &message)
		return nil, errors.New(message)
	case "retry":
		var seconds float64
		_ = c.decode("seconds", &seconds)
		return nil, retry(seconds * float64(time.Second))
	case "tell":
		return c.tell()
	case "print":
		return c.print()
	case "batch":
		return c.batch()
	}
	return nil, errors.New("no such function")
}

func (c *modelCall) echo() (*pluginv1.Value, error) {
	if c.model.has("runs one at a time") {
		c.model.sleeping.Lock()
		defer c.model.sleeping.Unlock()
	}
	given := c.argument("value")
	b := bytes.Clone(content(given))
	switch {
	case c.model.has("reads floats as integers") && string(b) == "1.0":
		b = []byte("1")
	case c.model.has("drops nothing") && len(b) == 0:
		return nil, errors.New("it is empty")
	case c.model.has("reads text as Latin-1") && given.GetMediaType() != "application/octet-stream":
		b = bytes.ReplaceAll(b, []byte("ö"), []byte("Ã¶"))
	case c.model.has("returns what it was given") && given.GetPath() != nil:
		return given, nil
	case c.model.has("writes to what it was given") && given.GetPath() != nil:
		_ = os.Chmod(string(given.GetPath()), 0o600)
		_ = os.WriteFile(string(given.GetPath()), nil, 0o600)
	}
	return c.value(given.GetMediaType(), b)
}

// value is a result.
func (c *modelCall) value(media string, b []byte) (*pluginv1.Value, error) {
	if len(b) <= proto.MaxInline || c.model.has("returns all inline") {
		return inline(media, b), nil
	}
	path := filepath.Join(string(c.start.GetScratch()), "r")
	if !c.model.has("takes the scratch folder for made") {
		_ = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	v := &pluginv1.Value{MediaType: media, Content: &pluginv1.Value_Path{Path: []byte(path)}}
	return v, os.WriteFile(path, b, 0o600)
}

func (c *modelCall) add() (*pluginv1.Value, error) {
	var a, b int
	for _, given := range c.start.GetArguments() {
		if n := given.GetName(); n != "a" && n != "b" && !c.model.has("takes unknown arguments") {
			return nil, fmt.Errorf("no parameter %q", n)
		}
	}
	tolerant := c.model.has("takes any type")
	if c.argument("a") == nil {
		tolerant = c.model.has("takes no argument")
	}
	if err := c.decode("a", &a); err != nil && !tolerant {
		return nil, err
	}
	if c.argument("b") == nil && !c.model.has("has no defaults") {
		b = 2
	} else if err := c.decode("b", &b); err != nil {
		return nil, err
	}
	return asJSON(a + b), nil
}

func (c *modelCall) need() (*pluginv1.Value, error) {
	var values []any
	var got []json.RawMessage
	atOnce := 1
	_ = c.decode("at_once", &atOnce)
	d := json.NewDecoder(bytes.NewReader(content(c.argument("values"))))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		return nil, err
	}
	for len(values) > 0 {
		n := min(atOnce, len(values))
		var requests []*pluginv1.Request
		for _, v := range values[:n] {
			requests = append(requests, c.node(v))
		}
		values = values[n:]
		answers, err := c.ask(requests...)
		if err != nil {
			return nil, err
		}
		for _, a := range answers {
			if a.GetError() != "" && !c.model.has("swallows errors") {
				return nil, errors.New(a.GetError())
			}
			b := content(a.GetValue())
			if a.GetError() != "" || c.model.has("reads inline answers alone") && a.GetValue().GetPath() != nil {
				b = []byte("null")
			}
			got = append(got, b)
		}
	}
	return c.value("application/json", asJSON(got).GetInline())
}

// node asks for the node calyx_check_echo(value = v).
func (c *modelCall) node(v any) *pluginv1.Request {
	l := &pluginv1.Literal{Kind: &pluginv1.Literal_None{None: true}}
	switch v := v.(type) {
	case bool:
		l.Kind = &pluginv1.Literal_Boolean{Boolean: v}
	case string:
		l.Kind = &pluginv1.Literal_Text{Text: v}
	case json.Number:
		if i, err := v.Int64(); err == nil && !c.model.has("asks with floats") {
			l.Kind = &pluginv1.Literal_Integer{Integer: i}
		} else {
			f, _ := v.Float64()
			l.Kind = &pluginv1.Literal_Number{Number: f}
		}
	}
	n := &pluginv1.NodeRequest{Name: "calyx_check_echo", Arguments: []*pluginv1.NamedLiteral{{Name: "value", Value: l}}}
	return &pluginv1.Request{Subject: &pluginv1.Request_Node{Node: n}}
}

func (c *modelCall) env() (*pluginv1.Value, error) {
	var name string
	_ = c.decode("name", &name)
	answers, err := c.ask(&pluginv1.Request{Subject: &pluginv1.Request_Env{Env: name}})
	switch {
	case err != nil:
		return nil, err
	case answers[0].GetAbsent() && c.model.has("takes absent for empty"):
		return asJSON(""), nil
	case answers[0].GetAbsent():
		return asJSON(nil), nil
	}
	return answers[0].GetValue(), nil
}

func (c *modelCall) sleep() (*pluginv1.Value, error) {
	c.model.sleeping.Lock()
	defer c.model.sleeping.Unlock()
	c.say(c.id, &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Progress{Progress: &pluginv1.Progress{Total: 1}}})
	var seconds float64
	_ = c.decode("seconds", &seconds)
	select {
	case <-c.done:
		return nil, errors.New("cancelled")
	case <-time.After(time.Duration(seconds * float64(time.Second))):
		return &pluginv1.Value{}, nil
	}
}

func (c *modelCall) tell() (*pluginv1.Value, error) {
	var text string
	_ = c.decode("text", &text)
	if c.model.has("returns null for nothing") {
		return asJSON(nil), nil
	}
	done := 1.0
	if c.model.has("is done too soon") && text == "hello" {
		done = 2
	}
	c.say(c.id, &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Log{Log: &pluginv1.Log{Text: []byte(text)}}})
	c.say(c.id, &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Progress{Progress: &pluginv1.Progress{Done: done, Total: 2, Unit: "steps"}}})
	c.say(c.id, &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Metric{Metric: &pluginv1.Metric{Name: "calyx_check", Value: 0.5, Unit: "units"}}})
	return &pluginv1.Value{}, nil
}

func (c *modelCall) print() (*pluginv1.Value, error) {
	var text string
	_ = c.decode("text", &text)
	if !c.model.has("does not flush") {
		fmt.Print(text)
	}
	return &pluginv1.Value{}, nil
}

func (c *modelCall) batch() (*pluginv1.Value, error) {
	var values []json.RawMessage
	_ = c.decode("value", &values)
	for e, v := range values[:len(values)-1] {
		if e == 1 && c.model.has("drops elements") {
			continue
		}
		item := result(inline("application/json", v))
		item.GetResult().Element = uint32(e)
		c.say(c.id, item)
	}
	c.model.mu.Lock()
	defer c.model.mu.Unlock()
	last := result(inline("application/json", values[len(values)-1]))
	last.GetResult().Element = uint32(len(values) - 1)
	c.model.end(c, last)
	return nil, nil // it has ended already
}
