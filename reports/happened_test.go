package reports_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/reports"
)

// span is a span that ran from one second to another of its run.
func span(name string, from, to float64, deps ...string) reports.Span {
	at := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	return reports.Span{
		Node: name, Outcome: executor.Executed, Reason: graph.Reason{Kind: graph.NeverBuilt, Node: name}, Value: value(name),
		Start: at(from), Took: at(to - from), Self: at(to - from), Done: at(to), Attempts: 1, Deps: deps,
	}
}

// waiting is a span that waited for needs that long.
func waiting(s reports.Span, seconds float64) reports.Span {
	s.Self = s.Took - time.Duration(seconds*float64(time.Second))
	return s
}

func reused(name string, at float64, deps ...string) reports.Span {
	s := span(name, at, at, deps...)
	s.Outcome, s.Start, s.Attempts = executor.Cached, 0, 0
	return s
}

func runOf(wall float64, jobs int, spans ...reports.Span) *reports.Run {
	slices.SortStableFunc(spans, func(a, b reports.Span) int { return int(a.Done - b.Done) })
	return &reports.Run{Head: reports.Head{Run: "r", Instance: "main", Seconds: wall, Jobs: jobs, State: reports.StateOK}, Spans: spans}
}

func path(nodes ...any) reports.Path {
	p := reports.Path{Nodes: []reports.PathNode{}}
	for i := 0; i < len(nodes); i += 2 {
		seconds := nodes[i+1].(float64)
		p.Seconds += seconds
		p.Nodes = append(p.Nodes, reports.PathNode{Node: nodes[i].(string), Seconds: seconds})
	}
	return p
}

func TestTheCriticalPathOfWhatHappened(t *testing.T) {
	retried := span("fetch", 5, 7)
	retried.Retrying, retried.Prepared, retried.Attempts = 3*time.Second, time.Second, 2
	for _, c := range []struct {
		name string
		run  *reports.Run
		want reports.Path
	}{
		{"nothing", runOf(1, 2), path()},
		{"a chain", runOf(6, 2, span("a", 0, 2), span("b", 3, 6, "a")), path("a", 2.0, "b", 3.0)},
		{"the longer of two", runOf(9, 2, span("a", 0, 4), span("b", 0, 5), span("c", 5, 9, "a", "b")), path("b", 5.0, "c", 4.0)},
		{"not what merely ended last", runOf(12, 1, span("a", 0, 5), span("b", 5, 9), span("c", 9, 11, "a"), span("d", 11, 12, "b")), path("a", 5.0, "c", 2.0)},
		{"through what was reused", runOf(6, 2, span("a", 0, 2), reused("b", 3, "a"), span("c", 3, 6, "b")), path("a", 2.0, "c", 3.0)},
		{"what a node asked for as it ran", runOf(9, 2, waiting(span("ask", 0, 9, "slow"), 6), span("slow", 1, 7)), path("slow", 6.0, "ask", 3.0)},
		{
			"one after the other",
			runOf(35, 1, waiting(span("ask", 0, 35, "one", "two"), 20), span("one", 5, 15), span("two", 20, 30)),
			path("one", 10.0, "two", 10.0, "ask", 15.0),
		},
		{
			"several at once",
			runOf(14, 3, waiting(span("ask", 0, 14, "one", "two"), 10), span("one", 2, 5), span("two", 2, 12)),
			path("two", 10.0, "ask", 4.0),
		},
		{
			"what began before somebody asked",
			runOf(10, 2, span("slow", 0, 8), waiting(span("ask", 2, 10, "slow"), 5)),
			path("slow", 8.0, "ask", 2.0),
		},
		{"failed attempts count", runOf(7, 1, retried), path("fetch", 6.0)},
		{"a dependency that took no time", runOf(2, 1, span("a", 0, 0), span("b", 0, 2, "a")), path("b", 2.0)},
	} {
		if got := c.run.CriticalPath(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// carriedOut is a run of the graph on so many workers, in the order of the numbers.
func carriedOut(nodes []reports.PlanNode, workers int) *reports.Run {
	free := make([]float64, workers)
	ended := map[int]float64{}
	var spans []reports.Span
	wall := 0.0
	for len(ended) < len(nodes) {
		for i, n := range nodes {
			start, ready := slices.Min(free), true
			var deps []string
			for _, d := range n.Deps {
				end, ok := ended[d]
				ready = ready && ok
				start = max(start, end)
				deps = append(deps, nodes[d].Name)
			}
			if _, done := ended[i]; done || !ready {
				continue
			}
			w := slices.Index(free, slices.Min(free))
			free[w] = start + n.Seconds
			ended[i] = free[w]
			wall = max(wall, free[w])
			s := span(n.Name, start, free[w], deps...)
			s.Worker = w
			spans = append(spans, s)
		}
	}
	return runOf(wall, workers, spans...)
}

func TestThePathOfARunIsThatOfItsGraph(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := graphs(10).Draw(t, "graph")
		run := carriedOut(nodes, rapid.IntRange(1, 4).Draw(t, "workers"))
		want := 0.0
		for i := range nodes {
			want = max(want, longestFrom(nodes, i))
		}
		if got := run.CriticalPath(); math.Abs(got.Seconds-want) > 1e-6 {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestThePathIsNeverLongerThanTheRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "n")
		spans := make([]reports.Span, n)
		wall := 0.0
		for i := range spans {
			from := rapid.Float64Range(0, 20).Draw(t, "from")
			to := from + rapid.Float64Range(0, 9).Draw(t, "seconds")
			wall = max(wall, to)
			spans[i] = span(fmt.Sprint(i), from, to)
			if rapid.Bool().Draw(t, "waits") {
				spans[i] = waiting(spans[i], rapid.Float64Range(0, to-from).Draw(t, "waited"))
			}
			for d := range n {
				if rapid.IntRange(0, 2).Draw(t, "dep") == 0 {
					spans[i].Deps = append(spans[i].Deps, fmt.Sprint(d))
				}
			}
		}
		p := runOf(wall, 4, spans...).CriticalPath()
		sum := 0.0
		for _, node := range p.Nodes {
			sum += node.Seconds
		}
		if p.Seconds > wall+1e-6 || math.Abs(sum-p.Seconds) > 1e-6 {
			t.Errorf("the path takes %v (its nodes %v), the run %v", p.Seconds, sum, wall)
		}
	})
}
