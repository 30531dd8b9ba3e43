package check_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calyx-build/calyx/plugins/check"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// flaws are what can be wrong with a plugin, and the cases that must fail then; no other may.
var flaws = map[string][]string{
	"": nil,

	// The start; see starts.
	"exits":              {"handshake"},
	"ends":               {"handshake"},
	"prints":             {"handshake"},
	"prints for ever":    {"handshake"},
	"other core":         {"handshake"},
	"other version":      {"handshake"},
	"netrpc":             {"handshake"},
	"tcp":                {"handshake"},
	"certificate":        {"handshake"},
	"no socket":          {"handshake"},
	"closes its output":  {"handshake"},
	"keeps silent":       {"handshake"},
	"takes no cookie":    {"no cookie"},
	"takes any version":  {"versions"},
	"has no health":      {"go-plugin", "health"},
	"knows every method": {"unknown method", "Shutdown, no session", "Shutdown amid a call"},

	// The description; see descriptions.
	"has no service":       {"describe"},
	"crashes":              {"describe"},
	"describes for ever":   {"describe"},
	"has a name twice":     {"describe"},
	"has no name":          {"describe"},
	"has a long code":      {"describe"},
	"has a broken default": {"describe"},
	"has a lost part":      {"describe"},
	"reads a node":         {"describe"},
	"counts its answers":   {"describe, again"},
	"hides by identity":    {"describe, identity"},

	// The session.
	"takes two sessions":       {"second session"},
	"dies of an empty message": {"empty message"},
	"dies of an unknown field": {"unknown field"},
	"hangs on unknown items":   {"unknown item"},
	"dies of late answers":     {"late answers", "cancel twice"},
	"drops items":              {"many in one message"},
	"never reads":              {"unknown function"},

	// Values.
	"has no defaults":                     {"default"},
	"takes no argument":                   {"missing argument"},
	"takes unknown arguments":             {"unknown argument"},
	"takes any type":                      {"wrong type"},
	"writes whole floats without a point": {"a float"},
	"drops nothing":                       {"empty values"},
	"reads text as Latin-1":               {"text", "large text"},
	"returns what it was given":           {"small value as a path", "large bytes", "large text"},
	"writes to what it was given":         {"small value as a path", "large bytes", "large text"},
	"returns all inline":                  {"large bytes", "large text", "answers as paths"},
	"takes the scratch folder for made":   {"large bytes", "large text", "answers as paths"},
	"returns null for nothing":            {"no value", "log, progress, metric"},
	"asks with floats":                    {"need", "needs in turn", "needs at once", "answers in pieces", "answers out of order", "start while 1 waits", "start while 1000 wait", "deadline, waiting"},
	"never counts":                        {"needs in turn", "needs at once"},
	"takes the first piece":               {"answers in pieces"},
	"reads inline answers alone":          {"answers as paths"},
	"runs one at a time":                  {"two at once"},
	"swallows errors":                     {"failed need"},
	"takes absent for empty":              {"absent and empty"},
	"never retries":                       {"retryable failure"},
	"is done too soon":                    {"log, progress, metric"},
	"does not flush":                      {"printing"},
	"drops elements":                      {"batch"},
	"is deaf":                             {"cancel a running call", "cancel a waiting call", "two at once", "deadline"},
	"ends with a status":                  {"Shutdown", "Shutdown, no session", "end of the session"},
	"stays":                               {"Shutdown", "Shutdown, no session", "Shutdown amid a call", "end of the session", "end amid a call", "lost connection"},
	"has no Shutdown":                     nil,

	// Turns of calls, which it keeps apart itself.
	"queues":                       nil,
	"queues, and runs all at once": {"queued starts", "queued answers"},
	"queues, the last one first":   {"queued starts"},
	"queues in one line":           {"queued answers"},
	"queues deafly":                {"cancel a queued call"},
	"reads floats as integers":     nil,
}

func init() {
	for flaw := range misbehaviours {
		flaws[flaw] = []string{"failure"}
	}
}

func TestFlaws(t *testing.T) {
	for flaw, want := range flaws {
		t.Run(flaw, func(t *testing.T) {
			t.Parallel()
			opts := options(t, "model")
			opts.Env = append(opts.Env, "CALYX_TEST_FLAW="+flaw)
			// A sound plugin goes through all cases, a flawed one through those that it breaks and some of each kind: all of them
			// for every flaw would take minutes.
			if len(want) > 0 {
				opts.Limit = 8 * time.Second
				opts.Only = append([]string{"handshake", "describe", "unknown function", "arguments", "needs in turn", "failure", "retryable failure", "Shutdown"}, want...)
			}
			var failed []string
			err := check.Run(t.Context(), opts, func(r check.Result) {
				if r.Status == check.Failed {
					failed = append(failed, r.Case)
					t.Logf("%s: expected %s, saw %s", r.Case, r.Expected, r.Seen)
				}
			})
			slices.Sort(failed)
			if err != nil || !slices.Equal(failed, slices.Sorted(slices.Values(want))) {
				t.Errorf("failed: %q, want %q (%v)", failed, want, err)
			}
		})
	}
}

// TestLimitOfStart gives a case less time than a process may take to shake hands.
func TestLimitOfStart(t *testing.T) {
	t.Parallel()
	opts := options(t, "model")
	opts.Env = append(opts.Env, "CALYX_TEST_FLAW=keeps silent")
	opts.Limit, opts.Only = time.Second, []string{"handshake"}
	var seen []string
	err := check.Run(t.Context(), opts, func(r check.Result) { seen = append(seen, r.Seen) })
	if err != nil || len(seen) == 0 || !regexp.MustCompile(`^waited [0-9.]+m?s for the handshake line$`).MatchString(seen[0]) {
		t.Errorf("%q, %v", seen, err)
	}
}

// TestTotal gives all cases together less time than one that hangs may take.
func TestTotal(t *testing.T) {
	t.Parallel()
	opts := options(t, "model")
	opts.Env = append(opts.Env, "CALYX_TEST_FLAW=hangs on unknown items")
	opts.Total, opts.Only = 8*time.Second, []string{"unknown item", "failure"}
	results := map[string]check.Result{}
	err := check.Run(t.Context(), opts, func(r check.Result) { results[r.Case] = r })
	cut, left := results["unknown item"], results["failure"]
	if err != nil || cut.Status != check.Failed || !strings.HasSuffix(cut.Seen, ", and all cases together have 8s") {
		t.Errorf("%+v, %v", cut, err)
	}
	if left.Status != check.Skipped || left.Seen != "no time is left: all cases together have 8s" {
		t.Errorf("%+v", left)
	}
}

func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

func line(text string) func() {
	return func() {
		fmt.Println(text)
		forever()
	}
}

// starts are ways to start badly.
var starts = map[string]func(){
	"exits":         func() { fmt.Fprintln(os.Stderr, "no such model"); os.Exit(3) },
	"ends":          func() { os.Exit(0) },
	"keeps silent":  forever,
	"prints":        line("Loading model..."),
	"other core":    line("2|1|unix|/nowhere|grpc|"),
	"other version": line("1|7|unix|/nowhere|grpc|"),
	"netrpc":        line("1|1|unix|/nowhere|netrpc|"),
	"tcp":           line("1|1|tcp|127.0.0.1:1|grpc|"),
	"certificate":   line("1|1|unix|/nowhere|grpc|MIIB"),
	"no socket":     line("1|1|unix|/nowhere|grpc|"),
	"prints for ever": func() {
		for {
			fmt.Print(strings.Repeat("x", 1000))
		}
	},
	"closes its output": func() {
		_ = os.Stdout.Close()
		forever()
	},
}

// descriptions are ways to describe oneself badly.
var descriptions = map[string]func(*model, *pluginv1.DescribeRequest, *pluginv1.DescribeResponse) error{
	"crashes":            func(*model, *pluginv1.DescribeRequest, *pluginv1.DescribeResponse) error { os.Exit(4); return nil },
	"describes for ever": func(*model, *pluginv1.DescribeRequest, *pluginv1.DescribeResponse) error { select {} },
	"has a name twice": func(_ *model, _ *pluginv1.DescribeRequest, d *pluginv1.DescribeResponse) error {
		d.Functions = append(d.Functions, d.GetFunctions()[0])
		return nil
	},
	"has no name": func(_ *model, _ *pluginv1.DescribeRequest, d *pluginv1.DescribeResponse) error {
		d.Functions[0].Name = ""
		return nil
	},
	"has a long code": func(_ *model, _ *pluginv1.DescribeRequest, d *pluginv1.DescribeResponse) error {
		d.Functions[0].Code = strings.Repeat("x", 257)
		return nil
	},
	"has a broken default": func(_ *model, _ *pluginv1.DescribeRequest, d *pluginv1.DescribeResponse) error {
		d.Functions[0].Parameters = []*pluginv1.Parameter{{Name: "x", Default: &pluginv1.Literal{}}}
		return nil
	},
	"has a lost part": func(_ *model, _ *pluginv1.DescribeRequest, d *pluginv1.DescribeResponse) error {
		d.Functions[0].Parts = []uint32{0}
		return nil
	},
	"reads a node": func(_ *model, _ *pluginv1.DescribeRequest, d *pluginv1.DescribeResponse) error {
		d.Reads = []*pluginv1.Request{{}}
		return nil
	},
	"counts its answers": func(m *model, _ *pluginv1.DescribeRequest, d *pluginv1.DescribeResponse) error {
		d.Version = fmt.Sprint(m.described)
		return nil
	},
	"hides by identity": func(_ *model, r *pluginv1.DescribeRequest, d *pluginv1.DescribeResponse) error {
		d.Functions[0].Overlap = !r.GetIdentity()
		return nil
	},
}

func needOf(requests ...*pluginv1.Request) *pluginv1.PluginItem {
	return &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Need{Need: &pluginv1.Need{Id: 1, Requests: requests}}}
}

func someFile() *pluginv1.Request {
	return &pluginv1.Request{Subject: &pluginv1.Request_File{File: []byte("x")}}
}

func nodeOf(argument *pluginv1.Literal) *pluginv1.Request {
	n := &pluginv1.NodeRequest{Name: "x", Arguments: []*pluginv1.NamedLiteral{{Name: "y", Value: argument}}}
	return &pluginv1.Request{Subject: &pluginv1.Request_Node{Node: n}}
}

func deep() *pluginv1.Literal {
	l := &pluginv1.Literal{Kind: &pluginv1.Literal_Boolean{}}
	for range 200 {
		l = &pluginv1.Literal{Kind: &pluginv1.Literal_List{List: &pluginv1.LiteralList{Items: []*pluginv1.Literal{l}}}}
	}
	return l
}

func says(item *pluginv1.PluginItem) func(*modelCall) {
	return func(c *modelCall) { c.say(c.id, item) }
}

// misbehaviours are ways to break the protocol in place of the failure that calyx_check_fail is to end with.
var misbehaviours = map[string]func(*modelCall){
	"speaks for an unknown call": func(c *modelCall) { c.say(4711, result(&pluginv1.Value{})) },
	"ends a call twice": func(c *modelCall) {
		c.say(c.id, failed("out of cheese"))
		c.say(c.id, failed("out of cheese"))
	},
	"speaks after the end": func(c *modelCall) {
		c.say(c.id, failed("out of cheese"))
		c.say(c.id, &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Log{Log: &pluginv1.Log{Text: []byte("late")}}})
	},
	"sends no kind":         says(&pluginv1.PluginItem{}),
	"fails without a word":  says(failed("")),
	"needs nothing":         says(needOf()),
	"asks without subject":  says(needOf(&pluginv1.Request{})),
	"asks for an odd view":  says(needOf(&pluginv1.Request{Subject: someFile().GetSubject(), View: &pluginv1.View{Kind: 99}})),
	"asks with no value":    says(needOf(nodeOf(&pluginv1.Literal{}))),
	"asks with deep values": says(needOf(nodeOf(deep()))),
	"has seen too much": says(&pluginv1.PluginItem{Item: &pluginv1.PluginItem_Need{
		Need: &pluginv1.Need{Id: 1, Seen: 1, Requests: []*pluginv1.Request{someFile()}}}}),
	"uses an id twice": func(c *modelCall) {
		c.say(c.id, needOf(someFile()))
		c.say(c.id, needOf(someFile()))
	},
	"observes nodes": func(c *modelCall) {
		o := &pluginv1.Observed{Reads: []*pluginv1.Request{nodeOf(deep())}}
		c.say(0, &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Observed{Observed: o}})
	},
	"returns an element": says(&pluginv1.PluginItem{Item: &pluginv1.PluginItem_Result{Result: &pluginv1.Result{Element: 1, Value: &pluginv1.Value{}}}}),
	"returns no value":   says(result(nil)),
	"returns another's file": says(result(&pluginv1.Value{
		MediaType: "text/plain", Content: &pluginv1.Value_Path{Path: []byte("/etc/hostname")}})),
	"returns much inline":     says(result(inline("text/plain", make([]byte, 1<<20)))),
	"sends too long messages": says(&pluginv1.PluginItem{Item: &pluginv1.PluginItem_Log{Log: &pluginv1.Log{Text: make([]byte, 5<<20)}}}),
	"sends no protobuf":       func(c *modelCall) { _ = c.model.stream.SendMsg(&pluginv1.Value{MediaType: "zzz"}) },
	"measures without a name": says(&pluginv1.PluginItem{Item: &pluginv1.PluginItem_Metric{Metric: &pluginv1.Metric{Value: 1}}}),
	"tells of gradients":      says(&pluginv1.PluginItem{Item: &pluginv1.PluginItem_GradientFlow{GradientFlow: &pluginv1.GradientFlow{}}}),
	"dies":                    func(*modelCall) { os.Exit(0) },
	"always retries": func(c *modelCall) {
		again := failed("out of cheese")
		again.GetFailure().Retryable = true
		c.say(c.id, again)
		select {}
	},
	"talks for ever": func(c *modelCall) {
		for {
			c.say(c.id, &pluginv1.PluginItem{Item: &pluginv1.PluginItem_Log{Log: &pluginv1.Log{Text: make([]byte, 1<<20)}}})
		}
	},
	"says nothing": func(*modelCall) { select {} },
}
