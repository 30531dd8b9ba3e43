package reports_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/reports"
)

func FuzzTablesOfTimes(f *testing.F) {
	f.Add([]byte{})
	f.Add(reports.NewTable(nil))
	f.Add(reports.NewTable(map[string]reports.NodeTimes{"": {}, "a": {Count: 1, Total: 2, At: began}, "b(x=1)": {Reused: 3, At: began}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, consistent := reports.ReadTable(data); !consistent {
			t.Errorf("%x is taken for a table", data)
		}
	})
}

func FuzzRows(f *testing.F) {
	f.Add([]byte{1})
	f.Add(reports.PackSpans([]reports.Span{span("a", 0, 1), span("b", 1, 2, "a")}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if spans, head := reports.ReadRows(data); spans > 0 && head {
			t.Errorf("%x is both a run and its spans", data)
		}
	})
}

func TestATableKnowsAllItsNodes(t *testing.T) {
	all := map[string]reports.NodeTimes{}
	for i := range 1000 {
		all[fmt.Sprint("n", i)] = reports.NodeTimes{Count: i, At: began}
	}
	if isTable, consistent := reports.ReadTable(reports.NewTable(all)); !isTable || !consistent {
		t.Errorf("got %v, %v", isTable, consistent)
	}
}

// large is a build of so many nodes in layers of a thousand, each of which depends on two others.
func large(n int) story {
	s := story{id: "20261123-091352-BIG0", began: time.Now()}
	for i := range n {
		d := executed(s.began, fmt.Sprintf("layer%03d/step%03d", i/1000, i%1000), float64(i)/1000, 0.01)
		if i >= 1000 {
			d.Deps = []string{s.nodes[i-1000].Node, s.nodes[(i-1000)/1000*1000+i*7%1000].Node}
		}
		d.Worker = i % 2
		s.nodes = append(s.nodes, d)
	}
	return s
}

// BenchmarkRecord100k is the whole recording of a build that executes a hundred thousand nodes.
func BenchmarkRecord100k(b *testing.B) {
	s := large(100_000)
	for b.Loop() {
		b.StopTimer()
		store := openStore(b)
		b.StartTimer()
		record(b, store, s)
	}
}

// BenchmarkEvent is what recording costs the build's own goroutine for a node.
func BenchmarkEvent(b *testing.B) {
	s := large(1000)
	r := reports.NewRecorder(b.Context(), opener(openStore(b)), reports.About{})
	r.Event(s.start())
	i := 0
	for b.Loop() {
		n := s.nodes[i%len(s.nodes)]
		r.Event(executor.NodeStarted{Node: n.Node, At: n.Started, Attempt: 1})
		r.Event(n)
		i++
	}
	b.StopTimer()
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkLoadTimes100k(b *testing.B) {
	store := openStore(b)
	record(b, store, large(100_000))
	for b.Loop() {
		if _, err := reports.LoadTimes(b.Context(), store, trace.Scope{Workspace: workspace, Instance: "main"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProfile100k(b *testing.B) {
	store := openStore(b)
	record(b, store, large(100_000))
	for b.Loop() {
		if _, err := reports.LoadProfile(b.Context(), store, workspace, reports.Head{Run: "20261123-091352-BIG0", Instance: "main"}, nil); err != nil {
			b.Fatal(err)
		}
	}
}
