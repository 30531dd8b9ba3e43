package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// survey is a small graph: report ← train ← clean ← raw, and train ← lr.
func survey() *executor.Survey {
	changed := graph.Reason{Kind: graph.FileChanged, Node: "clean", Subject: "raw.csv", Before: "1", After: "2"}
	return &executor.Survey{
		Nodes: []executor.Forecast{
			{Node: "raw", Stored: true, State: executor.StateFresh},
			{Node: "lr", Stored: true, State: executor.StateFresh},
			{Node: "clean", State: executor.StateDirty, Certain: true, Prediction: executor.WillRun, Chain: []graph.Reason{changed}},
			{Node: "train", State: executor.StateDirty, Prediction: executor.MayRun,
				Chain: []graph.Reason{{Kind: graph.DependencyChanged, Node: "train", Subject: "clean"}, changed}},
			{Node: "report", State: executor.StateNeverBuilt, Certain: true, Prediction: executor.WillRun,
				Chain: []graph.Reason{{Kind: graph.NeverBuilt, Node: "report"}}},
			{Node: "other", State: executor.StateFresh, Certain: true, Prediction: executor.WillReuse},
		},
		Edges:      [][]int{nil, nil, {0}, {2, 1}, {3, 2}, nil},
		Targets:    []int{4, 5},
		Overridden: []executor.Override{{Node: "lr", Value: 0.01, From: "state", Source: 0.001}},
	}
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestStatusText(t *testing.T) {
	wantText(t, statusText(statusFrom(survey(), []string{"out/old\n.txt"}), console.Style{}), `dirty        clean   raw.csv changed: 1 → 2
maybe dirty  train   raw.csv changed: 1 → 2 (in clean)
never built  report

3 steps are out of date, 1 up to date

Stored values that are overridden:
  lr  0.01  source: 0.001  state

Outputs of steps that are gone (`+"`calyx clean --stale`"+` removes them):
  out/old\n.txt
`)
	wantText(t, statusText(statusFrom(&executor.Survey{Nodes: []executor.Forecast{{Node: "a", State: executor.StateFresh}}}, nil), console.Style{}),
		"everything is up to date: 1 step\n")
}

func TestStatusJSON(t *testing.T) {
	text, err := encodeJSON(statusFrom(survey(), []string{"out/old\n.txt"}), "")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, string(text), `{"dirty":[`+
		`{"node":"clean","certain":true,"reason":{"kind":"file-changed","node":"clean","subject":"raw.csv","before":"1","after":"2"}},`+
		`{"node":"train","certain":false,"reason":{"kind":"file-changed","node":"clean","subject":"raw.csv","before":"1","after":"2"}},`+
		`{"node":"report","certain":true,"reason":{"kind":"never-built","node":"report","subject":null,"before":null,"after":null}}],`+
		`"fresh":1,"failed":[],"overridden":[{"node":"lr","value":0.01,"from":"state","source":0.001}],"stale_outputs":["out/old\n.txt"]}`+"\n")
	empty, err := encodeJSON(statusFrom(&executor.Survey{}, nil), "")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, string(empty), `{"dirty":[],"fresh":0,"failed":[],"overridden":[],"stale_outputs":[]}`+"\n")
}

func TestPredictions(t *testing.T) {
	wantText(t, predictionText(survey(), true, console.Style{}), `will-run    clean   (raw.csv changed: 1 → 2)
may-run     train   (clean changed, because raw.csv changed: 1 → 2)
will-run    report  (never built)
will-reuse  other
2 will run, 1 may run, 1 will be reused
`)
	var b bytes.Buffer
	if err := writePredictions(&b, dryStart{Event: "start", DryRun: true, Targets: []string{}, Instance: "main"}, survey()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	wantText(t, lines[0], `{"event":"start","run":null,"dry_run":true,"started":"0001-01-01T00:00:00Z","targets":[],"instance":"main"}`)
	wantText(t, lines[len(lines)-1], `{"event":"end","run":null,"dry_run":true,"ok":true,"will_run":2,"may_run":1,"will_reuse":1,"blocked":0}`)
	if len(lines) != 6 {
		t.Errorf("there are %d lines, want the start, one for each step and the end", len(lines))
	}
}

func TestWhyJSON(t *testing.T) {
	f := survey().Nodes[3]
	f.Last = &trace.NodeRecord{Run: "r1", Outcome: "executed", Reason: trace.RecordedReason{Kind: "never-built", Node: "train"}}
	text, err := encodeJSON(whyJSON(f), "")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, string(text), `{"node":"train","state":"dirty","certain":false,"reason":{"kind":"dependency-changed","node":"train","subject":"clean","before":null,"after":null},`+
		`"last":{"run":"r1","outcome":"executed","reason":{"kind":"never-built","node":"train","subject":null,"before":null,"after":null}},`+
		`"chain":[{"kind":"dependency-changed","node":"train","subject":"clean","before":null,"after":null},{"kind":"file-changed","node":"clean","subject":"raw.csv","before":"1","after":"2"}]}`+"\n")
	text, err = encodeJSON(whyJSON(executor.Forecast{Node: "a", State: executor.StateFresh, Certain: true}), "")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, string(text), `{"node":"a","state":"fresh","certain":true,"reason":null,"last":null,"chain":[]}`+"\n")
}

func TestTree(t *testing.T) {
	d := drawingOf(survey())
	wantText(t, d.tree(console.Style{}), `report never built
├─ train dirty
│  ├─ clean dirty
│  │  └─ raw (stored)
│  └─ lr (stored)
└─ clean dirty …
other
`)
	up, err := d.reversed().only("raw")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, up.tree(console.Style{}), `raw (stored)
└─ clean dirty
   ├─ train dirty
   │  └─ report never built
   └─ report never built
`)
	if _, err := d.only("trian"); statusOf(err) != exitUsage || hintOf(err) != `did you mean "train"?` {
		t.Errorf("got %v, hint %q", err, hintOf(err))
	}
	wantText(t, (&drawing{}).tree(console.Style{}), "the graph is empty\n")
}

func TestADeepChainIsDrawn(t *testing.T) {
	const depth = 5000
	d := &drawing{roots: []int{0}}
	for i := range depth {
		d.nodes = append(d.nodes, drawnNode{name: "n", state: executor.StateFresh})
		d.edges = append(d.edges, []int{i + 1})
	}
	d.edges[depth-1] = nil
	text := d.tree(console.Style{})
	if got := strings.Count(text, "\n"); got != depth {
		t.Errorf("%d lines, want %d", got, depth)
	}
	if len(text) > depth*4*maxIndent {
		t.Errorf("it takes %d bytes", len(text))
	}
}

func TestDotAndMermaidQuote(t *testing.T) {
	d := &drawing{
		nodes: []drawnNode{{`a"\`, false, executor.StateFresh}, {"b<#>", true, executor.StateFresh}},
		edges: [][]int{{1}, nil}, roots: []int{0},
	}
	wantText(t, d.dot(), "digraph calyx {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n  n0 [label=\"a\\\"\\\\\"];\n  n1 [label=\"b<#>\", shape=ellipse];\n  n1 -> n0;\n}\n")
	wantText(t, d.mermaid(), "flowchart LR\n  n0[\"a#quot;\\\"]\n  n1([\"b#lt;#35;#gt;\"])\n  n1 --> n0\n")
	text, err := encodeJSON(d.answer(), "")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, string(text), `{"nodes":[{"node":"a\"\\","stored":false,"state":"fresh"},{"node":"b<#>","stored":true,"state":"fresh"}],"edges":[{"from":"a\"\\","to":"b<#>"}]}`+"\n")
}

func TestInfo(t *testing.T) {
	f := survey().Nodes[3]
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	f.Last = &trace.NodeRecord{
		Executions: 3, Run: "r9", Outcome: "executed", At: at,
		Trace:  trace.Trace{Result: trace.Result{Seconds: 1.5, Value: trace.Value{Media: trace.MediaJSON, Digest: hashing.Sum([]byte("1")), Size: 1}}},
		Reason: trace.RecordedReason{Kind: "stored-changed", Node: "train", Subject: "lr", Before: "1", After: "2"},
	}
	info := infoFrom(f, &graph.Node{Name: "train", Doc: "trains\nlong", Pos: graph.Pos{File: "Calyxfile", Line: 3, Col: 1}, Step: &graph.Step{Shell: &graph.Expr{}}})
	info.Dependencies, info.Dependents = dependencies(survey(), 3), []string{"report"}
	wantText(t, infoText(info, console.Style{}, at.Add(time.Minute)), `node          train
kind          shell
doc           trains
declared at   Calyxfile:3:1
state         maybe dirty
value         application/json, 1 B, `+hashing.Sum([]byte("1")).String()[:15]+`
depends on    clean, lr
needed by     report
executions    3
last time     1.5s
last outcome  executed, 1m ago, run r9
last reason   lr changed: 1 → 2
`)
}

func TestDependents(t *testing.T) {
	d := &graph.Declarations{Nodes: []*graph.Node{
		{Name: "new", Step: &graph.Step{Deps: []graph.Dep{{Ref: &graph.Ref{Node: "raw"}}}}},
		{Name: "changed", Step: &graph.Step{Deps: []graph.Dep{{Ref: &graph.Ref{Node: "raw"}}}}},
		{Name: "raw", Stored: &graph.Stored{Path: "raw"}},
	}}
	records := map[string]*trace.NodeRecord{
		"changed": {Components: []trace.Component{{Kind: "input", Subject: "other"}, {Kind: "env", Subject: "raw"}}},
		"part":    {Components: []trace.Component{{Kind: "input", Subject: "raw:keys"}}},
		"asked":   {Trace: trace.Trace{Stages: []trace.Stage{{{Request: trace.Request{Kind: trace.Node, Subject: "raw"}}}}}},
		"read":    {Trace: trace.Trace{Stages: []trace.Stage{{{Request: trace.Request{Kind: trace.File, Subject: "raw"}}}}}},
	}
	if got := strings.Join(dependents(d, records, "raw"), " "); got != "asked new part" {
		t.Errorf("got %q", got)
	}
}

func TestStats(t *testing.T) {
	stats := countNodes(declarations(), survey(), map[string]*trace.NodeRecord{
		"clean": {Executions: 3, Trace: trace.Trace{Result: trace.Result{Seconds: 2}}}, "train": {Executions: 1},
	})
	want := statsAnswer{TotalNodes: 6, StoredNodes: 2, DerivedNodes: 4, InvalidNodes: 3, TotalComputes: 4, AvgComputesPerNode: 1, TotalSeconds: 2}
	if stats != want {
		t.Errorf("got %+v, want %+v", stats, want)
	}
}

func declarations() *graph.Declarations {
	return &graph.Declarations{
		Nodes: []*graph.Node{
			{Name: "raw", Stored: &graph.Stored{Path: "raw.csv"}},
			{Name: "lr", Stored: &graph.Stored{}, Doc: "learning rate"},
			{Name: "clean", Step: &graph.Step{Call: &graph.Call{Plugin: "py", Function: "clean"}}, Doc: "cleans\nmore"},
			{Name: "train", Step: &graph.Step{Cmd: make([]graph.Expr, 1), Outs: []graph.Output{{Name: "m", Path: "out/m"}}}},
		},
		Plugins: []graph.Plugin{{Name: "py", Cmd: []graph.Expr{{Value: graph.Literal{V: "python3"}}, {Kind: graph.Reference, Ref: graph.Ref{Node: "tool"}}}}},
		Default: []graph.Ref{{Node: "train"}},
	}
}

func TestLs(t *testing.T) {
	list, err := listNodes(declarations(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, listText(list, console.Style{}), "  clean  function  cleans\n* train  command   → out/m\n")
	list, err = listNodes(declarations(), []string{"r*", "out/m"}, false)
	if err != nil || len(list) != 2 || list[0].Kind != "stored path" || list[1].Node != "train" {
		t.Errorf("got %v, %v", list, err)
	}
	if _, err = listNodes(declarations(), []string{"trian"}, false); statusOf(err) != exitUsage || hintOf(err) != `did you mean "train"?` {
		t.Errorf("got %v, hint %q", err, hintOf(err))
	}
}

func TestPlugins(t *testing.T) {
	wantText(t, pluginText(listPlugins(declarations()), console.Style{}),
		"PLUGIN   STEPS  FUNCTIONS  COMMAND\npy      1 step  clean      python3 {tool}\n")
	wantText(t, pluginText(nil, console.Style{}), "the Calyxfile declares no plugin\n")
}

func TestCandidates(t *testing.T) {
	got := candidates(declarations().Nodes, isParameter, nil, "")
	if len(got) != 1 || got[0] != "lr\tlearning rate" {
		t.Errorf("parameters: %q", got)
	}
	if got = candidates(declarations().Nodes, anyNode, []string{"raw"}, ""); len(got) != 3 {
		t.Errorf("all but the given one: %q", got)
	}
	if got = candidates(declarations().Nodes, isStep, nil, "tr"); len(got) != 1 || got[0] != "train" {
		t.Errorf("steps that begin with tr: %q", got)
	}
}

func TestCommandText(t *testing.T) {
	c := &executor.Command{Argv: []string{"python3", "a b.py", "--x=1", "it's", "", "two\nlines", "\xff"}, Stdout: "/w/out.txt"}
	wantText(t, commandText(c), `python3 'a b.py' --x=1 'it'\''s' '' $'two\x0alines' $'\xff' > /w/out.txt`)
}

func TestExecArgs(t *testing.T) {
	for _, tt := range []struct {
		args []string
		dash int
		ok   bool
	}{
		{[]string{"train"}, -1, true}, {[]string{"train", "bash"}, 1, true}, {nil, -1, false}, {[]string{"a", "b"}, -1, false}, {[]string{"a"}, 1, false},
	} {
		if _, _, err := execArgs(tt.args, tt.dash); (err == nil) != tt.ok {
			t.Errorf("execArgs(%q, %d) gives %v", tt.args, tt.dash, err)
		}
	}
}

func payload(media, text string) executor.Payload {
	return executor.Payload{Value: trace.Value{Media: media, Digest: hashing.Sum([]byte(text)), Size: int64(len(text))}, Inline: []byte(text)}
}

func TestValueText(t *testing.T) {
	tree := hashing.Tree{{Path: "d", Kind: hashing.DirEntry}, {Path: "d/a\n", Kind: hashing.FileEntry}, {Path: "l", Kind: hashing.LinkEntry, Target: "d"}}
	list := executor.Payload{Value: trace.Value{Media: trace.MediaList}, Items: []executor.Payload{payload(trace.MediaJSON, "1.0"), payload(trace.MediaJSON, `"x"`)}}
	for _, tt := range []struct {
		payload executor.Payload
		want    string
	}{
		{payload(trace.MediaJSON, `"two\nlines"`), "two\nlines\n"},
		{payload(trace.MediaJSON, `1.0`), "1.0\n"},
		{payload(trace.MediaJSON, `{"b":1,"a":[null,true]}`), `{"b":1,"a":[null,true]}` + "\n"},
		{payload(trace.MediaNone, ""), ""},
		{payload(trace.MediaTree, string(tree.Encode())), "d/\nd/a\\n\nl -> d\n"},
		{list, `[1.0,"x"]` + "\n"},
	} {
		got, err := valueOfText(tt.payload)
		if err != nil || got == nil || *got != tt.want {
			t.Errorf("%s: got %v, %v, want %q", tt.payload.Value.Media, got, err, tt.want)
		}
	}
	if got, err := valueOfText(payload(trace.MediaBinary, "x")); got != nil || err != nil {
		t.Errorf("a file's text is its bytes, got %v, %v", got, err)
	}
	if got, err := valueOfText(payload(trace.MediaNpy, "no array")); got != nil || err != nil {
		t.Errorf("a damaged array is shown as bytes, got %v, %v", got, err)
	}
}

func TestValueJSON(t *testing.T) {
	binary := payload(trace.MediaBinary, "\x00\xff")
	for _, tt := range []struct {
		payload executor.Payload
		want    string
	}{
		{payload(trace.MediaJSON, `"x"`), `"x"`},
		{payload(trace.MediaNone, ""), `null`},
		{payload(trace.MediaText, "a <b>\n"), `"a <b>\n"`},
		{payload(trace.MediaJSON, "not json"), `"not json"`},
		{binary, `{"media":"application/octet-stream","digest":"` + binary.Value.Digest.String() + `","size":2}`},
	} {
		v, err := jsonValue(tt.payload)
		if err != nil {
			t.Fatal(err)
		}
		text, err := encodeJSON(v, "")
		if err != nil || !json.Valid(text) {
			t.Fatalf("got %q, %v", text, err)
		}
		wantText(t, string(text), tt.want+"\n")
	}
}

func TestIsText(t *testing.T) {
	for text, want := range map[string]bool{"": true, "naïve": true, "na\xc3": true, "\xff\xff\xff\xff\xff": false, "a\x00b": false} {
		if got := isText([]byte(text)); got != want {
			t.Errorf("isText(%q) = %v", text, got)
		}
	}
}
