package reports_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/reports"
)

func known(name string, seconds float64, deps ...int) reports.PlanNode {
	return reports.PlanNode{Name: name, Seconds: seconds, Known: true, Deps: deps}
}

func plan(t interface {
	Helper()
	Fatal(...any)
}, nodes []reports.PlanNode, m reports.Machine) *reports.Plan {
	t.Helper()
	p, err := reports.NewPlan(nodes, m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// graphs draws graphs whose nodes are in no particular order, with whole numbers of seconds.
func graphs(most int) *rapid.Generator[[]reports.PlanNode] {
	return rapid.Custom(func(t *rapid.T) []reports.PlanNode {
		n := rapid.IntRange(1, most).Draw(t, "n")
		number := rapid.Permutation(count(n)).Draw(t, "numbers")
		nodes := make([]reports.PlanNode, n)
		for i := range n {
			node := known(fmt.Sprint("n", i), float64(rapid.IntRange(0, 6).Draw(t, "seconds")))
			for d := range i {
				if rapid.IntRange(0, 3).Draw(t, "edge") == 0 {
					node.Deps = append(node.Deps, number[d])
				}
			}
			nodes[number[i]] = node
		}
		return nodes
	})
}

func count(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

func total(nodes []reports.PlanNode) (sum float64) {
	for _, n := range nodes {
		sum += n.Seconds
	}
	return sum
}

// longestFrom is the critical path by brute force: every chain that ends with node i.
func longestFrom(nodes []reports.PlanNode, i int) float64 {
	longest := 0.0
	for _, d := range nodes[i].Deps {
		longest = max(longest, longestFrom(nodes, d))
	}
	return longest + nodes[i].Seconds
}

func TestPredictionsKeepTheBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := graphs(12).Draw(t, "graph")
		workers := rapid.IntRange(1, 5).Draw(t, "workers")
		p := plan(t, nodes, reports.Machine{Workers: workers})
		work, n := total(nodes), float64(workers)
		path := 0.0
		for i := range nodes {
			path = max(path, longestFrom(nodes, i))
		}
		if p.CriticalPath.Seconds != path {
			t.Errorf("critical path %v, by brute force %v", p.CriticalPath.Seconds, path)
		}
		sum := 0.0
		for _, node := range p.CriticalPath.Nodes {
			sum += node.Seconds
		}
		if sum != path {
			t.Errorf("the path's nodes take %v, the path %v", sum, path)
		}
		// Graham: no list schedule is longer than this, and so none is longer than 2-1/N times the best.
		if p.PredictedSeconds < path || p.PredictedSeconds < work/n || p.PredictedSeconds > work/n+(1-1/n)*path+1e-9 {
			t.Errorf("predicted %v for work %v, path %v, %d workers", p.PredictedSeconds, work, path, workers)
		}
		if p.PredictedSpeedup > p.AmdahlSpeedup+1e-9 || p.AmdahlSpeedup > n+1e-9 {
			t.Errorf("speedup %v, Amdahl's bound %v", p.PredictedSpeedup, p.AmdahlSpeedup)
		}
		if all := plan(t, nodes, reports.Machine{Workers: len(nodes)}); all.PredictedSeconds != path {
			t.Errorf("with a worker for each node: %v, want %v", all.PredictedSeconds, path)
		}
		if one := plan(t, nodes, reports.Machine{Workers: 1}); one.PredictedSeconds != work {
			t.Errorf("with one worker: %v, want %v", one.PredictedSeconds, work)
		}
	})
}

// serialBruteForce sums the nodes that come before or after every other node that takes time.
func serialBruteForce(nodes []reports.PlanNode) (sum float64) {
	reaches := make([][]bool, len(nodes)) // reaches[i][j]: j is i or a dependency of it
	var visit func(i int) []bool
	visit = func(i int) []bool {
		if reaches[i] == nil {
			r := make([]bool, len(nodes))
			r[i] = true
			for _, d := range nodes[i].Deps {
				for j, yes := range visit(d) {
					r[j] = r[j] || yes
				}
			}
			reaches[i] = r
		}
		return reaches[i]
	}
	for i := range nodes {
		alone := true
		for j := range nodes {
			alone = alone && (nodes[j].Seconds == 0 || visit(i)[j] || visit(j)[i])
		}
		if alone {
			sum += nodes[i].Seconds
		}
	}
	return sum
}

func TestAmdahlsShareIsWhatNothingRunsBeside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := graphs(9).Draw(t, "graph")
		p := plan(t, nodes, reports.Machine{Workers: 4})
		work, serial := total(nodes), serialBruteForce(nodes)
		want := 1.0
		if work > 0 {
			want = 1 / (serial/work + (1-serial/work)/4)
		}
		if math.Abs(p.AmdahlSpeedup-want) > 1e-9 {
			t.Errorf("got %v, want %v (serial %v of %v)", p.AmdahlSpeedup, want, serial, work)
		}
	})
}

func TestPoolsAndMemoryHoldBack(t *testing.T) {
	inPool := func(n reports.PlanNode) reports.PlanNode { n.Pool = "gpu"; return n }
	with := func(n reports.PlanNode, mem int64) reports.PlanNode { n.Mem = mem; return n }
	for _, c := range []struct {
		name    string
		nodes   []reports.PlanNode
		machine reports.Machine
		want    float64
	}{
		{"nothing", nil, reports.Machine{Workers: 4}, 0},
		{"a pool of one", []reports.PlanNode{inPool(known("a", 2)), inPool(known("b", 3)), known("c", 4)}, reports.Machine{Workers: 4, Pools: map[string]int{"gpu": 1}}, 5},
		{"a pool that nobody declared", []reports.PlanNode{inPool(known("a", 2)), inPool(known("b", 3))}, reports.Machine{Workers: 4}, 3},
		{"memory for one", []reports.PlanNode{with(known("a", 2), 6), with(known("b", 3), 6)}, reports.Machine{Workers: 4, Mem: 10}, 5},
		{"memory for both", []reports.PlanNode{with(known("a", 2), 6), with(known("b", 3), 6)}, reports.Machine{Workers: 4, Mem: 12}, 3},
		{"more memory than there is", []reports.PlanNode{with(known("a", 2), 60), with(known("b", 3), 6)}, reports.Machine{Workers: 4, Mem: 12}, 5},
		{"an empty pool", []reports.PlanNode{inPool(known("a", 2))}, reports.Machine{Workers: 1, Pools: map[string]int{"gpu": 0}}, 2},
		{"no worker is one", []reports.PlanNode{known("a", 2), known("b", 3)}, reports.Machine{}, 5},
		{"the critical path first", []reports.PlanNode{known("a", 1), known("b", 1), known("long", 3), known("last", 3, 2)}, reports.Machine{Workers: 2}, 6},
		{"what takes no time needs no worker", []reports.PlanNode{known("file", 0), known("a", 5, 0), known("list", 0, 1), known("b", 1, 2), known("c", 5, 0)}, reports.Machine{Workers: 2}, 6},
	} {
		if p := plan(t, c.nodes, c.machine); p.PredictedSeconds != c.want {
			t.Errorf("%s: predicted %v, want %v", c.name, p.PredictedSeconds, c.want)
		}
	}
}

func TestUnknownTimesAreEstimated(t *testing.T) {
	p := plan(t, []reports.PlanNode{
		known("fit(x=1)", 2), known("fit(x=2)", 4), known("fit(x=3)", 30), {Name: "fit(x=4)"}, known("report", 1), {Name: "new"},
	}, reports.Machine{Workers: 1})
	if want := []string{"fit(x=4)", "new"}; !reflect.DeepEqual(p.Unknown, want) {
		t.Errorf("unknown %q, want %q", p.Unknown, want)
	}
	if want := 2.0 + 4 + 30 + 4 + 1 + 3; p.SerialSeconds != want {
		t.Errorf("all take %v, want %v", p.SerialSeconds, want)
	}
	if p := plan(t, []reports.PlanNode{{Name: "a"}, {Name: "b"}}, reports.Machine{}); p.SerialSeconds != 2 {
		t.Errorf("where nothing is known: %v", p.SerialSeconds)
	}
}

func TestThePlanAsJSON(t *testing.T) {
	p := plan(t, []reports.PlanNode{known("a", 1), known("b", 3, 0), known("c", 3, 0), known("d", 1, 1, 2)}, reports.Machine{Workers: 2})
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"workers":2,"predicted_seconds":5,"predicted_speedup":1.6,"amdahl_speedup":1.6,` +
		`"critical_path":{"seconds":5,"nodes":[{"node":"a","seconds":1},{"node":"b","seconds":3},{"node":"d","seconds":1}]},` +
		`"stages":[["a"],["b","c"],["d"]],"unknown":[],"serial_seconds":8,"by_workers":[` +
		`{"workers":1,"predicted_seconds":8,"predicted_speedup":1,"amdahl_speedup":1},` +
		`{"workers":2,"predicted_seconds":5,"predicted_speedup":1.6,"amdahl_speedup":1.6}]}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	empty, err := json.Marshal(plan(t, nil, reports.Machine{Workers: 2}))
	if err != nil || strings.Contains(string(empty), "null") {
		t.Errorf("of nothing: %s, %v", empty, err)
	}
}

func TestACycleIsNamed(t *testing.T) {
	_, err := reports.NewPlan([]reports.PlanNode{known("in", 1), known("a", 1, 0, 2), known("b", 1, 3), known("c", 1, 1), known("out", 1, 2)}, reports.Machine{})
	if err == nil || err.Error() != "order the nodes: they need one another: a → b → c → a" {
		t.Errorf("got %v", err)
	}
}

func BenchmarkPlan100k(b *testing.B) {
	nodes := make([]reports.PlanNode, 100_000)
	for i := range nodes {
		nodes[i] = known(fmt.Sprint("step", i), float64(i%97)/10+0.1)
		if layer := i / 1000; layer > 0 {
			nodes[i].Deps = []int{(layer-1)*1000 + i%1000, (layer-1)*1000 + (i*7)%1000}
		}
	}
	for b.Loop() {
		if _, err := reports.NewPlan(nodes, reports.Machine{Workers: 8}); err != nil {
			b.Fatal(err)
		}
	}
}
