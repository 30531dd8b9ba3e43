package reports_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/reports"
)

// done is how a node ended, with the value that the text stands for.
func done(name string, outcome executor.NodeOutcome, text string) executor.NodeDone {
	d := executed(began, name, 1, 2)
	d.Outcome, d.Value = outcome, value(text)
	if outcome != executor.Executed && outcome != executor.Failed {
		d = executor.NodeDone{Node: name, Outcome: outcome, Value: d.Value}
	}
	if outcome == executor.Failed || outcome == executor.Blocked {
		d.Value = trace.Value{}
	}
	return d
}

func side(t *testing.T, store cas.Store, run string) *reports.Side {
	t.Helper()
	s, err := reports.RunSide(t.Context(), store, workspace, reports.Head{Run: run})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDifferencesOfRuns(t *testing.T) {
	store := openStore(t)
	for i, nodes := range [][]executor.NodeDone{
		{done("a", executor.Executed, "a1"), done("b", executor.Executed, "b1"), done("c", executor.Executed, "c1"), done("d", executor.Executed, "d1")},
		{done("a", executor.Executed, "a2"), done("b", executor.Executed, "b1"), done("bad", executor.Failed, "")},
		{done("c", executor.Cached, "c2"), done("new", executor.Executed, "n1"), done("d", executor.Failed, ""), done("after", executor.Blocked, "")},
	} {
		record(t, store, story{id: fmt.Sprint("run", i+1), began: began, nodes: nodes})
	}
	type row struct {
		node   string
		change reports.Change
		a, b   executor.NodeOutcome
	}
	compare := func(a, b string, want []row, changed int) {
		t.Helper()
		d := reports.Diff(side(t, store, a), side(t, store, b))
		var got []row
		for _, n := range d.Nodes {
			got = append(got, row{n.Node, n.Change, n.A.Outcome, n.B.Outcome})
		}
		if !reflect.DeepEqual(got, want) || d.Changed != changed || d.A != a || d.B != b || d.ASeconds != 9 {
			t.Errorf("%s, %s: %d changed\n got %v\nwant %v", a, b, d.Changed, got, want)
		}
	}
	const x, c, f = executor.Executed, executor.Cached, executor.Failed
	compare("run1", "run2", []row{{"a", reports.Changed, x, x}, {"b", reports.Same, x, x}, {"bad", reports.NoValue, "", f}, {"c", reports.Same, x, ""}, {"d", reports.Same, x, ""}}, 1)
	compare("run1", "run3", []row{
		{"a", reports.Changed, x, ""}, {"after", reports.NoValue, "", executor.Blocked}, {"b", reports.Same, x, ""},
		{"c", reports.Changed, x, c}, {"d", reports.Same, x, f}, {"new", reports.OnlyB, "", x},
	}, 3)
	compare("run3", "run3", []row{{"after", reports.NoValue, executor.Blocked, executor.Blocked}, {"c", reports.Same, c, c}, {"d", reports.Same, f, f}, {"new", reports.Same, x, x}}, 0)
}

func TestDifferencesOfInstances(t *testing.T) {
	store := openStore(t)
	scope := func(instance string) trace.Scope { return trace.Scope{Workspace: workspace, Instance: instance} }
	for instance, values := range map[string]map[string]string{
		"main": {"a": "a1", "b": "b1", "old": "o1"},
		"fast": {"a": "a1", "b": "b2"},
	} {
		for node, text := range values {
			row, err := trace.RecordRow(scope(instance), node, &trace.NodeRecord{Trace: trace.Trace{Result: trace.Result{Value: value(text)}}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := cas.Commit(t.Context(), store, cas.Txn{Put: []cas.Row{row}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	a, errA := reports.InstanceSide(t.Context(), store, scope("main"))
	b, errB := reports.InstanceSide(t.Context(), store, scope("fast"))
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	text, err := json.Marshal(reports.Diff(a, b))
	want := `{"a":"instance:main","b":"instance:fast","a_seconds":0,"b_seconds":0,"nodes":[` +
		`{"node":"b","change":"changed","a":{"value":"` + value("b1").Digest.String() + `","seconds":0},"b":{"value":"` + value("b2").Digest.String() + `","seconds":0}},` +
		`{"node":"old","change":"only-a","a":{"value":"` + value("o1").Digest.String() + `","seconds":0},"b":{"seconds":0}}],"changed":2}`
	if err != nil || string(text) != want {
		t.Errorf("got  %s, %v\nwant %s", text, err, want)
	}
}

func TestADifferenceTellsReasons(t *testing.T) {
	store := openStore(t)
	again := done("a", executor.Executed, "a2")
	again.Reason = graph.Reason{Kind: graph.FileChanged, Node: "a", Subject: "in.txt"}
	record(t, store, story{id: "run1", began: began, nodes: []executor.NodeDone{done("a", executor.Executed, "a1")}})
	record(t, store, story{id: "run2", began: began, nodes: []executor.NodeDone{again}})
	d := reports.Diff(side(t, store, "run1"), side(t, store, "run2"))
	if len(d.Nodes) != 1 || *d.Nodes[0].B.Reason != again.Reason || d.Nodes[0].B.Seconds != 2 {
		t.Errorf("got %+v", d.Nodes)
	}
}

func TestSumsOfRuns(t *testing.T) {
	got := reports.SumRuns([]reports.Head{
		{Executed: 3, Cached: 1, Fresh: 6, Seconds: 2},
		{Executed: 4, Cached: 2, Failed: 2, Blocked: 5, Seconds: 3},
	})
	want := reports.RunStats{Runs: 2, Executions: 7, Reused: 9, Failures: 2, RunSeconds: 5, HitRate: 0.5, CacheHitRate: 0.25}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := reports.SumRuns(nil); got != (reports.RunStats{}) {
		t.Errorf("of nothing: %+v", got)
	}
}
