package reports_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/reports"
)

func times(t testing.TB, store cas.Store) *reports.Times {
	t.Helper()
	found, err := reports.LoadTimes(t.Context(), store, trace.Scope{Workspace: workspace, Instance: "main"})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestTimesAddUpOverRuns(t *testing.T) {
	store := openStore(t)
	if _, ok := times(t, store).Seconds("a"); ok {
		t.Error("there are times before the first run")
	}
	waits := executed(began, "a", 0, 8)
	waits.Self = 3
	for i, d := range []executor.NodeDone{
		executed(began, "a", 0, 4), executed(began, "a", 0, 1), {Node: "a", Outcome: executor.Cached, Usual: 1}, waits,
		{Node: "b", Outcome: executor.Cached}, done("b", executor.Failed, ""),
	} {
		record(t, store, story{id: fmt.Sprint("run", i), began: began, nodes: []executor.NodeDone{d}})
	}
	found := times(t, store)
	got, ok := found.Of("a")
	got.At = began
	if want := (reports.NodeTimes{Count: 3, Reused: 1, Least: 1, Most: 8, Last: 8, Total: 13, Self: 3, At: began}); !ok || got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if seconds, ok := found.Seconds("a"); !ok || seconds != 3 || got.HitRate() != 0.25 || math.Abs(got.Mean()-13.0/3) > 1e-9 {
		t.Errorf("got %v, %v, %v", seconds, got.HitRate(), got.Mean())
	}
	if _, ok := found.Seconds("b"); ok {
		t.Error("what was never executed has a time")
	}
	if _, ok := found.Of("c"); ok {
		t.Error("what never was has times")
	}
}

func timesRows(t testing.TB, store cas.Store) (rows int) {
	t.Helper()
	if err := store.Scan(t.Context(), []byte{'t'}, func(_, _ []byte) bool { rows++; return true }); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestTimesOfManyRunsTakeFewRows(t *testing.T) {
	store := openStore(t)
	for i := range 100 {
		record(t, store, story{id: fmt.Sprintf("run%03d", i), began: began, nodes: []executor.NodeDone{executed(began, "a", 0, 1), executed(began, fmt.Sprint(i), 0, 2)}})
	}
	if rows := timesRows(t, store); rows > 17 {
		t.Errorf("there are %d rows", rows)
	}
	found := times(t, store)
	if got, _ := found.Of("a"); got.Count != 100 || got.Total != 100 {
		t.Errorf("got %+v", got)
	}
	for i := range 100 {
		if got, ok := found.Of(fmt.Sprint(i)); !ok || got.Count != 1 {
			t.Errorf("%d: got %+v", i, got)
		}
	}
}

func TestNoTimesAreLostToRunsAtOnce(t *testing.T) {
	store := openStore(t)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 25 {
				record(t, store, story{id: fmt.Sprintf("run%d-%02d", worker, i), began: began, nodes: []executor.NodeDone{executed(began, "a", 0, 1)}})
			}
		})
	}
	all.Wait()
	if got, _ := times(t, store).Of("a"); got.Count != 100 || got.Total != 100 {
		t.Errorf("got %+v", got)
	}
}

func TestInstancesHaveTheirOwnTimes(t *testing.T) {
	store := openStore(t)
	r := reports.NewRecorder(t.Context(), func(context.Context) (cas.Store, trace.Scope, error) {
		return store, trace.Scope{Workspace: workspace, Instance: "mainly"}, nil
	}, reports.About{})
	s := story{id: "r", began: began, nodes: []executor.NodeDone{executed(began, "a", 0, 1)}}
	s.tell(r)
	r.Event(s.end())
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok := times(t, store).Of("a"); ok {
		t.Error("another instance's times are seen")
	}
}

func TestTimesMergeInAnyGrouping(t *testing.T) {
	drawn := rapid.Custom(func(t *rapid.T) reports.NodeTimes {
		n := reports.NodeTimes{At: began.AddDate(0, 0, rapid.IntRange(0, 3).Draw(t, "day")), Reused: rapid.IntRange(0, 3).Draw(t, "reused")}
		if n.Count = rapid.IntRange(0, 3).Draw(t, "count"); n.Count > 0 {
			n.Least = float64(rapid.IntRange(0, 9).Draw(t, "least"))
			n.Most = n.Least + float64(rapid.IntRange(0, 9).Draw(t, "more"))
			n.Total = n.Least + n.Most
		}
		return n
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawn.Draw(t, "a"), drawn.Draw(t, "b"), drawn.Draw(t, "c")
		left, right := a.Merge(b).Merge(c), a.Merge(b.Merge(c))
		if left != right {
			t.Errorf("%+v and %+v", left, right)
		}
		if left.Count > 0 && (left.Least > left.Most || left.Count != a.Count+b.Count+c.Count || left.Total != a.Total+b.Total+c.Total) {
			t.Errorf("got %+v", left)
		}
	})
}
