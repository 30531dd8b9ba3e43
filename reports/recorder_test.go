package reports_test

import (
	"context"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/local"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/reports"
)

const workspace = "0123456789abcdef"

func openStore(t testing.TB) cas.Store {
	t.Helper()
	s, err := local.Open(t.TempDir(), func(text string) { t.Error(text) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func opener(s cas.Store) func(context.Context) (cas.Store, trace.Scope, error) {
	return func(context.Context) (cas.Store, trace.Scope, error) {
		return s, trace.Scope{Workspace: workspace, Instance: "main"}, nil
	}
}

// story tells a recorder what a build of the given nodes would.
type story struct {
	id      string
	began   time.Time
	targets []string
	nodes   []executor.NodeDone
}

func (s story) start() executor.RunStarted {
	return executor.RunStarted{Run: s.id, Started: s.began, Targets: s.targets, Instance: "main", Jobs: 4}
}

func (s story) tell(o executor.Observer) {
	o.Event(s.start())
	for _, n := range s.nodes {
		if !n.Started.IsZero() {
			o.Event(executor.NodeStarted{Node: n.Node, At: n.Started.Add(-time.Millisecond), Attempt: 1, Worker: n.Worker})
		}
		o.Event(n)
	}
}

func (s story) end() executor.RunEnded {
	e := executor.RunEnded{Run: s.id, Ended: s.began.Add(9 * time.Second), OK: true, Seconds: 9}
	for _, n := range s.nodes {
		switch n.Outcome {
		case executor.Executed:
			e.Executed++
		case executor.Cached:
			e.Cached++
		}
	}
	return e
}

func record(t testing.TB, store cas.Store, s story) {
	t.Helper()
	r := reports.NewRecorder(t.Context(), opener(store), reports.About{Version: "1.2", Command: []string{"calyx", "build"}})
	s.tell(r)
	r.Event(s.end())
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func value(text string) trace.Value {
	return trace.Value{Media: trace.MediaBinary, Digest: hashing.Sum([]byte(text)), Size: int64(len(text))}
}

func executed(began time.Time, name string, from, seconds float64, deps ...string) executor.NodeDone {
	return executor.NodeDone{
		Node: name, Outcome: executor.Executed, Reason: graph.Reason{Kind: graph.NeverBuilt, Node: name}, Value: value(name),
		Started: began.Add(time.Duration(from * float64(time.Second))), Seconds: seconds, Self: seconds, Deps: deps,
	}
}

var began = time.Date(2026, 11, 23, 9, 13, 52, 0, time.UTC)

func TestARunIsRecorded(t *testing.T) {
	store := openStore(t)
	clean := executed(began, "clean", 0.5, 2)
	clean.Metrics = []trace.Metric{{Name: "rows", Value: 7}}
	clean.CPU = 1.5
	train := executed(began, "train", 3, 4, "clean")
	train.Worker, train.Waited, train.Self = 2, 0.25, 3
	cached := executor.NodeDone{Node: "old", Outcome: executor.Cached, Value: value("old"), Usual: 6}
	failed := executed(began, "bad", 7, 1)
	failed.Outcome, failed.Self, failed.Failure = executor.Failed, 0, &executor.Failure{Message: "exit status 3", Exit: 3}
	blocked := executor.NodeDone{Node: "after", Outcome: executor.Blocked, Blocked: []string{"bad"}}
	fresh := executor.NodeDone{Node: "same", Outcome: executor.Fresh}
	record(t, store, story{
		id: "20261123-091352-K3F9", began: began, targets: []string{"train"},
		nodes: []executor.NodeDone{clean, train, cached, failed, blocked, fresh},
	})

	run, err := reports.Load(t.Context(), store, workspace, "20261123-091352-K3F9")
	if err != nil {
		t.Fatal(err)
	}
	host, _ := os.Hostname()
	want := reports.Head{
		Run: "20261123-091352-K3F9", Instance: "main", State: reports.StateOK, Started: began, Ended: began.Add(9 * time.Second),
		Seconds: 9, Targets: []string{"train"}, Jobs: 4, Version: "1.2", Command: []string{"calyx", "build"}, Host: host,
		Executed: 2, Cached: 1,
	}
	run.Started, run.Ended = run.Started.UTC(), run.Ended.UTC()
	if !reflect.DeepEqual(run.Head, want) {
		t.Errorf("head\n got %+v\nwant %+v", run.Head, want)
	}
	for i := range run.Spans {
		run.Spans[i].Done = 0 // the clock's
	}
	const second = time.Second
	spans := []reports.Span{
		{
			Node: "clean", Outcome: executor.Executed, Reason: clean.Reason, Value: clean.Value, Metrics: clean.Metrics, CPU: 3 * second / 2,
			Start: second / 2, Took: 2 * second, Self: 2 * second, Prepared: time.Millisecond, Attempts: 1,
		},
		{
			Node: "train", Outcome: executor.Executed, Reason: train.Reason, Value: train.Value, Start: 3 * second, Took: 4 * second,
			Self: 3 * second, Waited: second / 4, Prepared: time.Millisecond, Worker: 2, Deps: []string{"clean"}, Attempts: 1,
		},
		{Node: "old", Outcome: executor.Cached, Value: cached.Value, Usual: 6 * second},
		{
			Node: "bad", Outcome: executor.Failed, Reason: failed.Reason, Value: failed.Value, Start: 7 * second, Took: second, Self: second,
			Prepared: time.Millisecond, Attempts: 1, Failure: "exit status 3", Exit: 3,
		},
		{Node: "after", Outcome: executor.Blocked, Blocked: []string{"bad"}},
	}
	if !reflect.DeepEqual(run.Spans, spans) {
		t.Errorf("spans\n got %+v\nwant %+v", run.Spans, spans)
	}
}

func TestAttemptsAreTold(t *testing.T) {
	store := openStore(t)
	r := reports.NewRecorder(t.Context(), opener(store), reports.About{})
	s := story{id: "a", began: began}
	r.Event(s.start())
	for i, at := range []time.Duration{0, 3 * time.Second, 7 * time.Second} {
		r.Event(executor.NodeStarted{Node: "fetch", At: began.Add(at), Attempt: i + 1})
	}
	r.Event(executed(began, "fetch", 7.5, 2))
	r.Event(s.end())
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	run, err := reports.Load(t.Context(), store, workspace, "a")
	if err != nil {
		t.Fatal(err)
	}
	got := run.Spans[0]
	if got.Attempts != 3 || got.Retrying != 7*time.Second || got.Prepared != time.Second/2 {
		t.Errorf("got %+v", got)
	}
}

// The executable of the tests is also the build that one of them kills.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "build-until-killed" {
		buildUntilKilled(os.Args[2])
		return
	}
	os.Exit(m.Run())
}

func buildUntilKilled(dir string) {
	store, err := local.Open(dir, func(string) {})
	if err != nil {
		panic(err)
	}
	watched := watched{store, make(chan struct{})}
	r := reports.NewRecorder(context.Background(), opener(watched), reports.About{})
	story{id: "killed", began: time.Now(), nodes: []executor.NodeDone{executed(time.Now(), "a", 0, 1)}}.tell(r)
	<-watched.spans
	if err := store.Close(); err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString("recorded\n")
	_, _ = os.Stdin.Read(make([]byte, 1)) // for ever
}

// watched is a store that tells when spans were written to it.
type watched struct {
	cas.Store
	spans chan struct{}
}

func (w watched) Apply(ctx context.Context, txns ...cas.Txn) ([]cas.TxnResult, error) {
	results, err := w.Store.Apply(ctx, txns...)
	if len(txns) > 0 && len(txns[0].Put) > 1 {
		close(w.spans)
	}
	return results, err
}

func TestTheRunOfAKilledBuildIsInterrupted(t *testing.T) {
	dir := t.TempDir()
	build := exec.Command(os.Args[0], "build-until-killed", dir)
	if _, err := build.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := build.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := build.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 64)
	n, err := out.Read(line)
	if err != nil || strings.TrimSpace(string(line[:n])) != "recorded" {
		t.Fatalf("the build said %q, %v", line[:n], err)
	}
	store, err := local.Open(dir, func(text string) { t.Error(text) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	state := func() reports.Head {
		t.Helper()
		runs, err := reports.Runs(t.Context(), store, workspace)
		if err != nil || len(runs) != 1 {
			t.Fatalf("got %v, %v", runs, err)
		}
		return runs[0]
	}
	if h := state(); h.State != reports.StateRunning || h.Executed != 1 || !h.Ended.IsZero() {
		t.Errorf("while it runs: %+v", h)
	}
	if err := build.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = build.Wait() // killed
	if h := state(); h.State != reports.StateInterrupted || h.Executed != 1 || h.Ended.IsZero() {
		t.Errorf("after its end: %+v", h)
	}
	run, err := reports.Load(t.Context(), store, workspace, "killed")
	if err != nil || len(run.Spans) != 1 || run.Spans[0].Node != "a" {
		t.Errorf("got %+v, %v", run, err)
	}
}

func TestABuildThatBreaksOffIsInterrupted(t *testing.T) {
	store := openStore(t)
	r := reports.NewRecorder(t.Context(), opener(store), reports.About{})
	story{id: "broken", began: time.Now()}.tell(r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	run, err := reports.Load(t.Context(), store, workspace, "broken")
	if err != nil || run.State != reports.StateInterrupted {
		t.Errorf("got %+v, %v", run, err)
	}
}

func TestARunThatFoundNothingToDoIsNotKept(t *testing.T) {
	store := openStore(t)
	fresh := story{id: "fresh", began: began, nodes: []executor.NodeDone{{Node: "a", Outcome: executor.Fresh}}}
	record(t, store, fresh)
	if runs := listed(t, store); len(runs) != 0 {
		t.Errorf("got %+v", runs)
	}
	r := reports.NewRecorder(t.Context(), opener(store), reports.About{})
	fresh.tell(r)
	r.Event(executor.RunEnded{Run: "fresh", Ended: began, Interrupted: true})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if runs := listed(t, store); len(runs) != 1 || runs[0].State != reports.StateInterrupted || runs[0].Targets == nil {
		t.Errorf("one that was interrupted: %+v", runs)
	}
}

func TestTheSnapshotsAnswerOpensNoStore(t *testing.T) {
	r := reports.NewRecorder(t.Context(), func(context.Context) (cas.Store, trace.Scope, error) {
		t.Error("the store was opened")
		return nil, trace.Scope{}, nil
	}, reports.About{})
	r.Event(executor.RunStarted{Run: "still", Started: began, Still: true})
	r.Event(executor.RunEnded{Run: "still", Ended: began, OK: true})
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestWhatNeverStartedLeavesNothing(t *testing.T) {
	opened := false
	r := reports.NewRecorder(t.Context(), func(context.Context) (cas.Store, trace.Scope, error) {
		opened = true
		return nil, trace.Scope{}, nil
	}, reports.About{})
	r.Event(executor.Note{Text: "hello"})
	if err := r.Close(); err != nil || opened {
		t.Errorf("got %v, opened %v", err, opened)
	}
}

// full is a store whose disk is full.
type full struct{ cas.Store }

func (full) Apply(context.Context, ...cas.Txn) ([]cas.TxnResult, error) {
	return nil, os.ErrPermission
}

func TestWhatCannotBeRecordedIsTold(t *testing.T) {
	r := reports.NewRecorder(t.Context(), opener(full{openStore(t)}), reports.About{})
	s := story{id: "lost", began: began, nodes: []executor.NodeDone{executed(began, "a", 0, 1)}}
	s.tell(r)
	r.Event(s.end())
	err := r.Close()
	if err == nil || !strings.Contains(err.Error(), `record run "lost": `) {
		t.Errorf("got %v", err)
	}
}
