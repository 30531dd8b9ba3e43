package reports_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/reports"
)

func because(s reports.Span, kind graph.ReasonKind, subject string) reports.Span {
	s.Reason = graph.Reason{Kind: kind, Node: s.Node, Subject: subject}
	return s
}

func giving(s reports.Span, text string) reports.Span {
	s.Value = value(text)
	return s
}

func declared(name string, step graph.Step) *graph.Node { return &graph.Node{Name: name, Step: &step} }

// hint finds the hint whose evidence holds the words.
func hint(t *testing.T, hints []reports.Hint, words string) reports.Hint {
	t.Helper()
	for _, h := range hints {
		if strings.Contains(h.Evidence, words) {
			return h
		}
	}
	t.Fatalf("no hint says %q: %+v", words, hints)
	return reports.Hint{}
}

func TestHints(t *testing.T) {
	pooled := func(s reports.Span, waited time.Duration) reports.Span { s.Waited = waited; return s }
	retried := span("fetch", 6, 8)
	retried.Attempts, retried.Retrying = 3, 5*time.Second
	restless := func(seconds float64) *reports.Run {
		return runOf(seconds, 2,
			because(span("parse", 0, 2), graph.FileChanged, "notes.txt"),
			because(span("index", 2, seconds, "parse"), graph.DependencyChanged, "parse"))
	}
	stamped := func(text string) *reports.Run {
		return runOf(5, 2,
			because(giving(span("stamp", 0, 1), text), graph.Uncacheable, ""),
			because(span("build", 1, 4, "stamp"), graph.DependencyChanged, "stamp"),
			because(span("pack", 4, 5, "build"), graph.DependencyChanged, "build"))
	}
	steady := func(kind graph.ReasonKind) *reports.Run {
		return runOf(5, 2, because(giving(span("stamp", 0, 1), "same"), kind, ""), because(span("build", 1, 5, "stamp"), graph.DependencyChanged, "stamp"))
	}
	saved := reused("embed", 0)
	saved.Usual = 7 * time.Second
	small := make([]reports.Span, 40)
	for i := range small {
		small[i] = span(fmt.Sprintf("tok(i=%d)", i), float64(i)+0.99, float64(i)+1)
		small[i].Prepared = 990 * time.Millisecond
	}
	for _, c := range []struct {
		name   string
		recent []*reports.Run
		decl   *graph.Declarations
		want   reports.Hint // Evidence: words in it
	}{
		{
			"a slow step", []*reports.Run{runOf(10, 2, span("a", 0, 8), span("b", 8, 10, "a"))}, nil,
			reports.Hint{Node: "a", Evidence: "it takes 8.0 s, 80% of the critical path of 10.0 s", SavesSeconds: 4},
		},
		{
			"alone at the end", []*reports.Run{runOf(10, 4, span("a", 0, 2), span("train", 2, 10, "a"))}, nil,
			reports.Hint{Node: "train", Evidence: "it ran alone for the last 8.0 s of the run, with 3 of 4 workers idle", SavesSeconds: 6},
		},
		{
			"a narrow pool",
			[]*reports.Run{runOf(4, 4, pooled(span("x", 0, 2), 0), pooled(span("y", 2, 4), 2*time.Second))},
			&graph.Declarations{Pools: []graph.Pool{{Name: "gpu", Size: 1}}, Nodes: []*graph.Node{declared("x", graph.Step{Pool: "gpu"}), declared("y", graph.Step{Pool: "gpu"})}},
			reports.Hint{Node: "y", Evidence: `steps of pool "gpu", which lets 1 run at once, waited 2.0 s`, SavesSeconds: 2},
		},
		{
			"attempts", []*reports.Run{runOf(8, 2, retried)}, nil,
			reports.Hint{Node: "fetch", Evidence: "3 attempts; the ones that failed, with the pauses after them, took 5.0 s", SavesSeconds: 5},
		},
		{
			"cache = False",
			[]*reports.Run{runOf(3, 2, because(span("now", 0, 3), graph.Uncacheable, "")), runOf(3, 2, span("now", 0, 3))},
			&graph.Declarations{Nodes: []*graph.Node{declared("now", graph.Step{NoCache: true})}},
			reports.Hint{Node: "now", Evidence: "cache = False: it ran in 2 of the last 2 runs, this time for 3.0 s", SavesSeconds: 3},
		},
		{
			"overhead", []*reports.Run{runOf(40, 1, small...)}, nil,
			reports.Hint{Node: "tok(i=0)", Evidence: `40 executions of "tok" worked for 10 ms each, and took 990 ms each to be started`, SavesSeconds: 40 * 0.9 * 0.99},
		},
		{
			"a restless input", []*reports.Run{restless(9), restless(5), restless(6)}, nil,
			reports.Hint{Node: "index", Evidence: `"notes.txt" changed in 3 of the last 3 runs (file-changed); 2 steps ran because of it`, SavesSeconds: 9},
		},
		{
			"a stamp", []*reports.Run{stamped("12:03"), stamped("12:02"), stamped("12:01")}, nil,
			reports.Hint{Node: "stamp", Evidence: "it ran again 2 times with its inputs unchanged and gave another value each time; 2 steps ran", SavesSeconds: 4},
		},
		{
			"well cached", []*reports.Run{runOf(0.1, 2, saved), runOf(0.1, 2, saved)}, nil,
			reports.Hint{Node: "embed", Evidence: "taken from the cache in 2 of the last 2 runs, which saved 14.0 s", SavesSeconds: 0},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := hint(t, reports.NewProfile(c.recent, nil, c.decl).Hints, c.want.Evidence)
			if got.Node != c.want.Node || math.Abs(got.SavesSeconds-c.want.SavesSeconds) > 1e-6 || got.Action == "" {
				t.Errorf("got %+v", got)
			}
		})
	}
	t.Run("nothing is invented", func(t *testing.T) {
		for name, recent := range map[string][]*reports.Run{
			"an empty run":                  {runOf(0, 2)},
			"one step":                      {runOf(3, 1, span("a", 0, 3))},
			"a value that stays":            {steady(graph.Uncacheable), steady(graph.Uncacheable)},
			"two changes are not many":      {restless(9), restless(9)},
			"nodes that need one another":   {runOf(2, 1, span("a", 0, 1, "b"), span("b", 1, 2, "a"))},
			"savings too small to be worth": {runOf(100, 2, span("a", 0, 0.005), span("b", 0.005, 0.01, "a"))},
		} {
			for _, h := range reports.NewProfile(recent, nil, nil).Hints {
				if !strings.Contains(h.Evidence, "critical path") && !strings.Contains(h.Evidence, "alone") || name == "one step" {
					t.Errorf("%s: %+v", name, h)
				}
			}
		}
	})
}

func TestHintsSaveNoMoreThanTheRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := carriedOut(graphs(10).Draw(t, "graph"), rapid.IntRange(1, 4).Draw(t, "workers"))
		hints := reports.NewProfile([]*reports.Run{run}, nil, nil).Hints
		for i, h := range hints {
			if h.SavesSeconds < 0 || h.SavesSeconds > run.Seconds || i > 0 && h.SavesSeconds > hints[i-1].SavesSeconds {
				t.Errorf("a run of %v s has %+v", run.Seconds, hints)
			}
		}
	})
}

func TestProfileOfARecordedRun(t *testing.T) {
	store := openStore(t)
	first := story{id: "run1", began: began, nodes: []executor.NodeDone{executed(began, "a", 1, 2), executed(began, "b", 3, 4, "a")}}
	b := executed(began, "b", 0.5, 2, "a")
	b.CPU, b.Self = 1, 1.5
	second := story{id: "run2", began: began, nodes: []executor.NodeDone{
		{Node: "a", Outcome: executor.Cached, Usual: 2}, b,
		{Node: "z", Outcome: executor.Blocked, Blocked: []string{"y"}},
	}}
	record(t, store, first)
	record(t, store, second)
	runs, err := reports.Runs(t.Context(), store, workspace)
	if err != nil || len(runs) != 2 {
		t.Fatalf("got %v, %v", runs, err)
	}
	p, err := reports.LoadProfile(t.Context(), store, workspace, runs[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []reports.NodeProfile{
		{Node: "b", Outcome: executor.Executed, Count: 2, Least: 2, Mean: 3, Most: 4, Seconds: 2, SelfSeconds: 1.5, CPUSeconds: 1, TotalSeconds: 6},
		{Node: "a", Outcome: executor.Cached, Count: 1, Least: 2, Mean: 2, Most: 2, SavedSeconds: 2, TotalSeconds: 2, HitRate: 0.5},
	}
	if !reflect.DeepEqual(p.Nodes, want) {
		t.Errorf("nodes\n got %+v\nwant %+v", p.Nodes, want)
	}
	if p.WallSeconds != 9 || p.CPUSeconds != 1 || p.SavedSeconds != 2 || math.Abs(p.BusySeconds-1.501) > 1e-9 || math.Abs(p.Parallelism-1.501/9) > 1e-9 {
		t.Errorf("got %+v", p)
	}
}

func TestTheProfileAsJSON(t *testing.T) {
	text, err := json.Marshal(reports.NewProfile([]*reports.Run{runOf(4, 1, span("a", 0, 4))}, nil, nil))
	want := `{"run":"r","wall_seconds":4,"critical_path":{"seconds":4,"nodes":[{"node":"a","seconds":4}]},` +
		`"nodes":[{"node":"a","outcome":"executed","count":1,"least":4,"mean":4,"most":4,"seconds":4,"self_seconds":4,` +
		`"waited_seconds":0,"cpu_seconds":0,"saved_seconds":0,"total_seconds":4,"hit_rate":0}],"hints":[],"jobs":1,` +
		`"busy_seconds":4,"parallelism":1,"cpu_seconds":0,"saved_seconds":0}`
	if err != nil || string(text) != want {
		t.Errorf("got  %s, %v\nwant %s", text, err, want)
	}
}
