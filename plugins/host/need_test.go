package host_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
)

func TestNeed(t *testing.T) {
	r := newRig(t, program("echo", 1))
	c := r.call("asks", args{"text": `"double"`})
	n := c.need()
	if want := (trace.Request{Kind: trace.Node, Subject: "double"}); len(n.requests) != 1 || n.requests[0] != want || n.seen != 0 {
		t.Fatalf("it asked for %+v", n)
	}
	c.answer(n, "14")
	if got := c.result(); got != "14" {
		t.Errorf("it returned %s", got)
	}
}

// A failed need is an error that the function may handle.
func TestNeedFails(t *testing.T) {
	r := newRig(t, program("echo", 1))
	c := r.call("asks", args{"text": `"double"`})
	c.call.Answer(c.need().need, []executor.Answer{{Error: "a cycle: a -> b -> a"}})
	if f := c.failure(); f.Message != "a cycle: a -> b -> a" {
		t.Errorf("%+v", f)
	}
}

// A call that waits leaves its process to others, even where both run alone; it goes on when there is room again.
func TestStartWhileWaiting(t *testing.T) {
	r := newRig(t, program("echo", 1))
	first := r.call("waits_alone", args{"text": `"x"`})
	n := first.need()
	gate := pipe(t)
	second := r.call("alone", args{"text": strconv.Quote(gate)})
	third := r.call("alone", nil) // waits for the second, and for the first, which was there before it
	first.answer(n, `"answer"`)
	if len(first.events) > 0 {
		t.Error("two calls ran at once that run alone")
	}
	release(t, gate)
	pid := second.result()
	if got := first.result(); got != fmt.Sprintf("[%s,%q]", pid, "answer") {
		t.Errorf("it returned %s", got)
	}
	_ = third.failure() // it could not open a pipe named "nothing"
}

// Whatever depth or number of calls waits, another one starts.
func TestDeepChain(t *testing.T) {
	const depth = 10_000
	r := newRig(t, program("echo", 1))
	calls := make([]*running, depth)
	needs := make([]event, depth)
	for i := range calls {
		calls[i] = r.call("descends", args{"n": strconv.Itoa(depth - i)})
		needs[i] = calls[i].need()
		if want := fmt.Sprintf("descends(n=%d)", depth-i-1); needs[i].requests[0].Subject != want {
			t.Fatalf("it asked for %s, not %s", needs[i].requests[0].Subject, want)
		}
	}
	value := "0"
	for i := depth - 1; i >= 0; i-- {
		calls[i].answer(needs[i], value)
		value = calls[i].result()
	}
}

// A need of 100,000 nodes is one need, whatever number of messages it takes.
func TestFanOut(t *testing.T) {
	const width = 100_000
	r := newRig(t, program("echo", 1))
	c := r.call("many", args{"n": strconv.Itoa(width)})
	n := c.need()
	if len(n.requests) != width {
		t.Fatalf("it asked for %d nodes", len(n.requests))
	}
	answers := make([]string, width)
	for i := range answers {
		answers[i] = `"` + fmt.Sprintf("%0100d", i) + `"`
	}
	c.answer(n, answers...)
	if got := c.result(); got != strconv.Itoa(width) {
		t.Errorf("it got %s answers", got)
	}
}

// Tracked reads and views, as the engine is asked for them.
func TestReads(t *testing.T) {
	r := newRig(t, program("echo", 1))
	c := r.call("reads", nil)
	steps := []struct {
		want   trace.Request
		answer executor.Answer
	}{
		{trace.Request{Kind: trace.File, Subject: "a.txt", View: "bytes"}, executor.Answer{Payload: executor.Payload{Value: trace.Value{Media: trace.MediaText}, Inline: []byte("text")}}},
		{trace.Request{Kind: trace.File, Subject: "b.txt", View: "bytes"}, executor.Answer{Absent: true}},
		{trace.Request{Kind: trace.Listing, Subject: "docs"}, inline(`["a.md","img/"]`)},
		{trace.Request{Kind: trace.Glob, Subject: "**/*.md"}, inline(`["docs/a.md"]`)},
		{trace.Request{Kind: trace.Env, Subject: "MODEL"}, executor.Answer{Absent: true}},
		{trace.Request{Kind: trace.Exists, Subject: "c.txt"}, inline(`""`)},
		{trace.Request{Kind: trace.Param, Subject: "lr"}, inline(`0.5`)},
		{trace.Request{Kind: trace.Instance}, inline(`"main"`)},
		{trace.Request{Kind: trace.Node, Subject: `words(n=None,x=1,y=1.0,z=b"b")`, View: "length"}, inline(`3`)},
		{trace.Request{Kind: trace.Node, Subject: `words(n=None,x=1,y=1.0,z=b"b")`, View: "item:2"}, inline(`"c"`)},
		{trace.Request{Kind: trace.Node, Subject: `words(n=None,x=1,y=1.0,z=b"b")`, View: `item:"a \"key\""`}, executor.Answer{Error: "node \"words\" failed"}},
	}
	for i, s := range steps {
		n := c.need()
		if len(n.requests) != 1 || n.requests[0] != s.want || n.seen != i {
			t.Fatalf("step %d: it asked for %+v after %d answers", i, n.requests, n.seen)
		}
		c.call.Answer(n.need, []executor.Answer{s.answer})
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(c.result()), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"file": "text", "absent": true, "env": "", "exists": false, "param": 0.5, "instance": "main", "length": 3.0, "item": "c",
		"glob":    []any{"docs/a.md"},
		"listing": []any{map[string]any{"Name": "a.md", "Dir": false}, map[string]any{"Name": "img", "Dir": true}},
		"entry":   `node "words" failed`,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("it saw %v, want %v", got, want)
	}
}

func inline(text string) executor.Answer {
	return executor.Answer{Payload: executor.Payload{Inline: []byte(text)}}
}
