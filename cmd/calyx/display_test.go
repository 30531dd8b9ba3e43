package main

import (
	"strings"
	"testing"
	"time"

	"github.com/calyx-build/calyx/executor"
)

func TestVerdict(t *testing.T) {
	ended := func(ok, interrupted bool) executor.Summary {
		return executor.Summary{RunEnded: executor.RunEnded{OK: ok, Interrupted: interrupted}}
	}
	moved := ended(false, false)
	moved.Moved = []string{"raw\n.csv"}
	for _, tt := range []struct {
		name       string
		built      built
		status     int
		text, hint string
	}{
		{"done", built{Summary: ended(true, false)}, exitDone, "", ""},
		{"interrupted", built{Summary: ended(false, true)}, exitInterrupted, "interrupted", ""},
		{"moved", built{Summary: moved}, exitFailed, `inputs changed while they were used: raw\n.csv`, "build again"},
		{"failed", built{ended(false, false), failures{steps: []string{"sweep(lr=0.1)", "b"}}}, exitFailed, "2 steps failed: sweep(lr=0.1), b", "`calyx log 'sweep(lr=0.1)'`"},
		{"no input", built{ended(false, false), failures{inputs: []string{"raw"}}}, exitFailed, "1 input is without a value: raw", ""},
		{"not allowed", built{Summary: ended(false, false)}, exitFailed, "the targets are not up to date", ""},
	} {
		err := tt.built.verdict()
		if tt.status == exitDone {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if err == nil || statusOf(err) != tt.status || err.Error() != tt.text || !strings.Contains(hintOf(err), tt.hint) {
			t.Errorf("%s: got %v (%q), status %d", tt.name, err, hintOf(err), statusOf(err))
		}
	}
}

func TestFailuresAreCollected(t *testing.T) {
	var f failures
	for _, e := range []executor.Event{
		executor.RunStarted{},
		executor.NodeDone{Node: "ok", Outcome: executor.Executed, Started: time.Now()},
		executor.NodeDone{Node: "raw", Outcome: executor.Failed, Stored: true, Failure: &executor.Failure{}},
		executor.NodeDone{Node: "bad", Outcome: executor.Failed, Started: time.Now(), Failure: &executor.Failure{}},
	} {
		f.Event(e)
	}
	if len(f.inputs) != 1 || f.inputs[0] != "raw" || len(f.steps) != 1 || f.steps[0] != "bad" {
		t.Errorf("got %+v", f)
	}
}

func TestDisplayModes(t *testing.T) {
	for _, tt := range []struct {
		flag   string
		asJSON bool
		want   string
	}{
		{"auto", true, "none"}, {"plain", true, "plain"}, {"tty", false, "tty"}, {"none", false, "none"},
	} {
		b := buildFlags{progress: tt.flag}
		if d := b.display(newApp(), tt.asJSON); d.mode != tt.want || d.events != tt.asJSON {
			t.Errorf("--progress %s with JSON %v: %+v", tt.flag, tt.asJSON, d)
		}
	}
}
