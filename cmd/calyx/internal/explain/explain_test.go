package explain_test

import (
	"strings"
	"testing"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/cmd/calyx/internal/explain"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

var kinds = []graph.ReasonKind{
	graph.NeverBuilt, graph.DefinitionChanged, graph.CodeChanged, graph.ArgumentChanged, graph.StoredChanged, graph.FileChanged,
	graph.FileAdded, graph.FileRemoved, graph.EnvChanged, graph.DependencyChanged, graph.OutputMissing, graph.OutputEdited,
	graph.FailedBefore, graph.Expired, graph.Forced, graph.Uncacheable,
}

func TestShortAndLong(t *testing.T) {
	before, after := hashing.Sum([]byte("a")), hashing.Sum([]byte("b"))
	tests := []struct {
		reason      graph.Reason
		short, long string
	}{
		{graph.Reason{Kind: graph.NeverBuilt}, "never built", "never built"},
		{graph.Reason{Kind: graph.StoredChanged, Subject: "lr", Before: "0.001", After: "0.01"}, "lr changed", "lr changed: 0.001 → 0.01"},
		{graph.Reason{Kind: graph.FileChanged, Subject: "a\x1b.csv", Before: before.String(), After: after.String()},
			"a^[.csv changed", "a^[.csv changed: " + before.String()[:15] + " → " + after.String()[:15]},
		{graph.Reason{Kind: graph.FileAdded, Subject: "docs/new.md", After: "x"}, "docs/new.md was added", "docs/new.md was added: now x"},
		{graph.Reason{Kind: graph.EnvChanged, Subject: "MODEL", Before: "small"}, "MODEL changed", "MODEL changed: was small"},
		{graph.Reason{Kind: graph.CodeChanged, Subject: "py.clean"}, "code of py.clean changed", "code of py.clean changed"},
		{graph.Reason{Kind: graph.Forced}, "forced", "forced"},
	}
	for _, tt := range tests {
		if got := explain.Short(tt.reason); got != tt.short {
			t.Errorf("Short(%v) = %q, want %q", tt.reason, got, tt.short)
		}
		if got := explain.Long(tt.reason); got != tt.long {
			t.Errorf("Long(%v) = %q, want %q", tt.reason, got, tt.long)
		}
	}
}

func TestEveryKindHasWordsOfItsOwn(t *testing.T) {
	seen := map[string]graph.ReasonKind{}
	for _, kind := range kinds {
		sentence := explain.Sentence(graph.Reason{Kind: kind, Subject: "it"})
		if other, ok := seen[sentence]; ok || sentence == string(kind) {
			t.Errorf("%s reads %q, as %s does", kind, sentence, other)
		}
		seen[sentence] = kind
	}
}

func TestWhyShowsTheChainDownToTheRoot(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	f := executor.Forecast{
		Node: "train", State: executor.StateDirty, Certain: true, Prediction: executor.WillRun,
		Chain: []graph.Reason{
			{Kind: graph.DependencyChanged, Node: "train", Subject: "embed"},
			{Kind: graph.DependencyChanged, Node: "embed", Subject: "clean"},
			{Kind: graph.StoredChanged, Node: "clean", Subject: "lower", Before: "true", After: "false"},
		},
		Last: &trace.NodeRecord{
			Outcome: "executed", Run: "r7", At: now.Add(-3 * time.Minute),
			Trace:  trace.Trace{Result: trace.Result{Seconds: 1.25}},
			Reason: trace.RecordedReason{Kind: "file-changed", Node: "train", Subject: "data/x.csv", Before: "1", After: "2"},
		},
	}
	want := `train is dirty: a build runs it.

  train depends on embed, which changed
  └─ embed depends on clean, which changed
     └─ clean sees another value of the parameter lower
            before  true
            after   false

Last time (3m ago, run r7) it was executed, in 1.2s:
  train sees other content in the file data/x.csv: 1 → 2
`
	if got := explain.Why(f, console.Style{}, now); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWhySaysWhyReuseIsSafe(t *testing.T) {
	part := func(kinds ...string) *trace.NodeRecord {
		r := &trace.NodeRecord{}
		for _, k := range kinds {
			r.Components = append(r.Components, trace.Component{Kind: k})
		}
		return r
	}
	dynamic := part("function", "input")
	dynamic.Stages = []trace.Stage{make(trace.Stage, 2), make(trace.Stage, 1)}
	for _, tt := range []struct {
		record *trace.NodeRecord
		want   string
	}{
		{nil, "nothing that it saw has changed."},
		{part("version"), "nothing that it saw has changed."},
		{part("version", "command"), "its command is as before."},
		{part("input"), "1 input is as before."},
		{part("input", "input"), "2 inputs are as before."},
		{part("command", "input", "file", "input", "env", "program"), "its command, 2 inputs, 1 file, 1 variable and 1 program are as before."},
		{dynamic, "its function, 1 input and 3 things that it looked at as it ran are as before."},
	} {
		got := explain.Why(executor.Forecast{Node: "a", State: executor.StateFresh, Last: tt.record}, console.Style{}, time.Now())
		if want := "a is fresh: " + tt.want + "\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWhyOfEachState(t *testing.T) {
	for _, tt := range []struct {
		forecast executor.Forecast
		want     string
	}{
		{executor.Forecast{State: executor.StateNeverBuilt}, "never built"},
		{executor.Forecast{State: executor.StateFailed}, "failed when it ran last"},
		{executor.Forecast{State: executor.StateDirty, Prediction: executor.WillReuse}, "in the cache"},
		{executor.Forecast{State: executor.StateDirty, Prediction: executor.MayRun}, "may be dirty"},
		{executor.Forecast{State: executor.StateDirty, Stored: true}, "stored input"},
		{executor.Forecast{State: executor.StateDirty, Problem: "blocked by \"raw\""}, "cannot have a value now: blocked by \"raw\"."},
	} {
		if got := explain.Why(tt.forecast, console.Style{}, time.Now()); !strings.Contains(got, tt.want) {
			t.Errorf("Why(%+v) = %q, want %q in it", tt.forecast, got, tt.want)
		}
	}
}
