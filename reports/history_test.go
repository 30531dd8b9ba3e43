package reports_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/reports"
)

func ids(runs []reports.Head) string {
	var all []string
	for _, h := range runs {
		all = append(all, h.Run)
	}
	return strings.Join(all, " ")
}

func listed(t testing.TB, store cas.Store) []reports.Head {
	t.Helper()
	runs, err := reports.Runs(t.Context(), store, workspace)
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

func TestRunsAreListedNewestFirst(t *testing.T) {
	store := openStore(t)
	for _, id := range []string{"20261123-091352-AAAA", "20261122-091352-BBBB", "20261123-091353-CCCC"} {
		record(t, store, story{id: id, began: began, nodes: []executor.NodeDone{executed(began, "a", 0, 1)}})
	}
	if got := ids(listed(t, store)); got != "20261123-091353-CCCC 20261123-091352-AAAA 20261122-091352-BBBB" {
		t.Errorf("got %s", got)
	}
	if other, err := reports.Runs(t.Context(), store, strings.Repeat("f", len(workspace))); err != nil || len(other) != 0 {
		t.Errorf("of another workspace: %v, %v", other, err)
	}
}

func TestRunsAreNamed(t *testing.T) {
	runs := []reports.Head{
		{Run: "20261123-091353-CCCC", Instance: "main"}, {Run: "20261123-091352-DDDD", Instance: "fast"},
		{Run: "20261123-091352-AAAA", Instance: "main"}, {Run: "20261122-081500-BBBB", Instance: "main"},
	}
	for spec, want := range map[string]string{
		"":                      "20261123-091353-CCCC",
		"@0":                    "20261123-091353-CCCC",
		"@-1":                   "20261123-091352-AAAA",
		"-2":                    "20261122-081500-BBBB",
		"@20261122":             "20261122-081500-BBBB",
		"20261123-091352-aaaa":  "20261123-091352-AAAA",
		"20261123-091352-d":     "20261123-091352-DDDD",
		"@20261123-091353-CCCC": "20261123-091353-CCCC",
	} {
		if got, err := reports.Resolve(runs, "main", spec); err != nil || got.Run != want {
			t.Errorf("%q is %q, %v; want %q", spec, got.Run, err, want)
		}
	}
	for spec, want := range map[string]string{
		"@-3":       `find run "@-3": there is no such run among the 3 recorded of instance "main"`,
		"@2025":     `find run "@2025": there is no such run among the 4 recorded`,
		"@20261123": `find run "@20261123": 20261123-091353-CCCC and 20261123-091352-DDDD both begin so`,
	} {
		_, err := reports.Resolve(runs, "main", spec)
		if wrong := new(reports.RunError); !errors.As(err, &wrong) || err.Error() != want {
			t.Errorf("%q: %v, want %s", spec, err, want)
		}
	}
	if _, err := reports.Resolve(runs, "slow", ""); err == nil || err.Error() != `find the last run: none of instance "slow" is recorded` {
		t.Errorf("without runs: %v", err)
	}
}

func TestOldRunsAreForgotten(t *testing.T) {
	store := openStore(t)
	one := []executor.NodeDone{executed(began, "a", 0, 1)}
	for i := range 203 {
		record(t, store, story{id: fmt.Sprintf("run%03d", i), began: began, nodes: one})
	}
	runs := listed(t, store)
	if len(runs) != 200 || runs[199].Run != "run003" {
		t.Errorf("%d runs are left, the last is %q", len(runs), runs[len(runs)-1].Run)
	}
	rows := 0
	if err := store.Scan(t.Context(), []byte{'s'}, func(_, _ []byte) bool { rows++; return true }); err != nil || rows != 200 {
		t.Errorf("%d rows of spans are left, %v", rows, err)
	}
	if _, err := reports.Load(t.Context(), store, workspace, "run000"); err == nil {
		t.Error("the first run is still there")
	}
}

func TestManySpansAreLoadedInOrder(t *testing.T) {
	store := openStore(t)
	s := story{id: "large", began: began}
	for i := range 10_000 {
		s.nodes = append(s.nodes, executed(began, fmt.Sprint("n", i), 0, 1))
	}
	record(t, store, s)
	run, err := reports.Load(t.Context(), store, workspace, "large")
	if err != nil || len(run.Spans) != 10_000 {
		t.Fatalf("got %d spans, %v", len(run.Spans), err)
	}
	for i := range run.Spans {
		if run.Spans[i].Node != fmt.Sprint("n", i) {
			t.Fatalf("span %d is of %q", i, run.Spans[i].Node)
		}
	}
}

// rewrite changes all rows under a prefix.
func rewrite(t *testing.T, store cas.Store, prefix byte, change func([]byte) []byte) {
	t.Helper()
	var txn cas.Txn
	err := store.Scan(t.Context(), []byte{prefix}, func(key, value []byte) bool {
		txn.Put = append(txn.Put, cas.Row{Key: bytes.Clone(key), Value: change(bytes.Clone(value))})
		return true
	})
	if err == nil {
		_, err = cas.Commit(t.Context(), store, txn)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamagedRowsAreLeftOut(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"cut":        func(row []byte) []byte { return row[:len(row)/2] },
		"a bit":      func(row []byte) []byte { row[len(row)/2] ^= 4; return row },
		"empty":      func([]byte) []byte { return []byte{} },
		"of a later": func(row []byte) []byte { row[0]++; return row },
	} {
		store := openStore(t)
		record(t, store, story{id: "r", began: began, nodes: []executor.NodeDone{executed(began, "a", 0, 1)}})
		rewrite(t, store, 's', change)
		rewrite(t, store, 't', change)
		run, err := reports.Load(t.Context(), store, workspace, "r")
		if err != nil || run.Executed != 1 || len(run.Spans) != 0 {
			t.Errorf("%s: got %+v, %v", name, run, err)
		}
		if _, ok := times(t, store).Seconds("a"); ok {
			t.Errorf("%s: a damaged row has times", name)
		}
		rewrite(t, store, 'r', func(row []byte) []byte { return row[:1] })
		if runs := listed(t, store); len(runs) != 0 {
			t.Errorf("%s: a damaged run is listed: %+v", name, runs)
		}
	}
}

func TestARunOfAnotherMachineIsTakenAtItsWord(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		place string
		seen  time.Duration
		want  bool
	}{
		{"another", time.Second, true}, {"another", time.Hour, false}, {"", time.Second, true}, {"", time.Hour, false},
	} {
		if got := reports.Alive(c.place, now.Add(-c.seen), now); got != c.want {
			t.Errorf("heard of %v ago at %q: alive %v", c.seen, c.place, got)
		}
	}
}

func TestARunningRunIsNotForgotten(t *testing.T) {
	store := openStore(t)
	one := []executor.NodeDone{executed(began, "a", 0, 1)}
	s := story{id: "run000", began: began.AddDate(0, 0, -1), nodes: one}
	watched := make(chan struct{})
	r := reports.NewRecorder(t.Context(), opener(watchedHead{store, watched}), reports.About{})
	s.tell(r)
	<-watched
	for i := range 202 {
		record(t, store, story{id: fmt.Sprintf("run%03d", i+1), began: began, nodes: one})
	}
	runs := listed(t, store)
	if last := runs[len(runs)-1]; last.Run != "run000" || last.State != reports.StateRunning {
		t.Errorf("the last run is %+v", last)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// watchedHead is a store that tells when something was first written to it.
type watchedHead struct {
	cas.Store
	first chan struct{}
}

func (w watchedHead) Apply(ctx context.Context, txns ...cas.Txn) ([]cas.TxnResult, error) {
	results, err := w.Store.Apply(ctx, txns...)
	select {
	case <-w.first:
	default:
		close(w.first)
	}
	return results, err
}
