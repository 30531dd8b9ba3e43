package reports_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/reports"
)

// traceFile is a file of the Chrome trace event format, as its readers see it.
type traceFile struct {
	TraceEvents []struct {
		Name string         `json:"name"`
		Cat  string         `json:"cat"`
		Ph   string         `json:"ph"`
		TS   *int64         `json:"ts"`
		Dur  *int64         `json:"dur"`
		PID  *int           `json:"pid"`
		TID  *int           `json:"tid"`
		ID   int            `json:"id"`
		BP   string         `json:"bp"`
		S    string         `json:"s"`
		Args map[string]any `json:"args"`
	} `json:"traceEvents"`
}

func timeline(t interface {
	Helper()
	Fatal(...any)
}, r *reports.Run) traceFile {
	t.Helper()
	var text bytes.Buffer
	if err := reports.ChromeTrace(&text, r); err != nil {
		t.Fatal(err)
	}
	var f traceFile
	if err := json.Unmarshal(text.Bytes(), &f); err != nil {
		t.Fatal(err)
	}
	return f
}

type slice struct {
	name       string
	begin, end int64
}

// check holds the file against the format's rules.
func (f traceFile) check() error {
	named, slices, open := map[int]bool{}, map[int][]slice{}, map[int]bool{}
	last, counter := int64(0), 0.0
	for _, e := range f.TraceEvents {
		if e.Name == "" || e.Ph == "" || e.TS == nil || e.PID == nil || e.TID == nil {
			return fmt.Errorf("a required field is missing: %+v", e)
		}
		if *e.TS < last {
			return fmt.Errorf("%q at %d comes after %d", e.Name, *e.TS, last)
		}
		last = *e.TS
		switch e.Ph {
		case "M":
			named[*e.TID] = true
		case "X":
			if e.Dur == nil || *e.Dur < 0 {
				return fmt.Errorf("%q has no duration", e.Name)
			}
			slices[*e.TID] = append(slices[*e.TID], slice{e.Name, *e.TS, *e.TS + *e.Dur})
		case "i":
			if e.S != "t" {
				return fmt.Errorf("%q has scope %q", e.Name, e.S)
			}
		case "C":
			counter = e.Args["nodes"].(float64)
			if counter < 0 {
				return fmt.Errorf("%v nodes execute", counter)
			}
		case "s", "f":
			if open[e.ID] == (e.Ph == "s") || e.Ph == "f" && e.BP != "e" {
				return fmt.Errorf("flow %d is not begun and ended in turn", e.ID)
			}
			open[e.ID] = e.Ph == "s"
		default:
			return fmt.Errorf("unknown phase %q", e.Ph)
		}
	}
	if counter != 0 {
		return fmt.Errorf("%v nodes execute at the end", counter)
	}
	for id, isOpen := range open {
		if isOpen {
			return fmt.Errorf("flow %d does not end", id)
		}
	}
	return f.checkTracks(named, slices)
}

func (f traceFile) checkTracks(named map[int]bool, slices map[int][]slice) error {
	for tid, track := range slices {
		if !named[tid] {
			return fmt.Errorf("track %d has no name", tid)
		}
		for i := 1; i < len(track); i++ {
			if track[i].begin < track[i-1].end {
				return fmt.Errorf("%v and %v overlap on track %d", track[i-1], track[i], tid)
			}
		}
	}
	for _, e := range f.TraceEvents {
		if e.Ph != "s" && e.Ph != "f" {
			continue
		}
		bound := false
		for _, s := range slices[*e.TID] {
			bound = bound || s.begin <= *e.TS && *e.TS <= s.end
		}
		if !bound {
			return fmt.Errorf("flow %d has no slice around %d", e.ID, *e.TS)
		}
	}
	return nil
}

func TestTimelinesKeepTheRulesOfTheFormat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		run := carriedOut(graphs(10).Draw(t, "graph"), rapid.IntRange(1, 4).Draw(t, "workers"))
		for i := range run.Spans {
			s := &run.Spans[i]
			s.Prepared = min(s.Start, time.Duration(rapid.IntRange(0, 2_000_000).Draw(t, "prepared"))*time.Microsecond)
			if rapid.Bool().Draw(t, "suspended") {
				s.Worker = 0 // beside a call that waits
			}
		}
		run.Spans = append(run.Spans, reused("old", 30))
		if err := timeline(t, run).check(); err != nil {
			t.Error(err)
		}
	})
}

func TestATimelineTellsWhatHappened(t *testing.T) {
	ask := waiting(span("ask", 1, 9, "slow"), 5)
	f := timeline(t, runOf(9, 1, span("first", 0, 1), ask, span("slow", 2, 7), reused("old", 0.5)))
	if err := f.check(); err != nil {
		t.Fatal(err)
	}
	type row struct {
		phase, name string
		at, length  int64
		track       int
	}
	var got []row
	for _, e := range f.TraceEvents {
		if e.Ph == "M" || e.Ph == "C" {
			continue
		}
		r := row{phase: e.Ph, name: e.Name, at: *e.TS, track: *e.TID}
		if e.Dur != nil {
			r.length = *e.Dur
		}
		got = append(got, r)
	}
	want := []row{
		{"X", "first", 0, 1_000_000, 1}, {"i", "old", 500_000, 0, 0}, {"X", "ask", 1_000_000, 8_000_000, 1},
		{"X", "slow", 2_000_000, 5_000_000, 2}, {"s", "critical path", 6_999_999, 0, 2}, {"f", "critical path", 6_999_999, 0, 1},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for _, e := range f.TraceEvents {
		if e.Ph == "X" && (e.Args["outcome"] != "executed" || e.Args["reason"] != "never built" || e.Args["value"] != value(e.Name).Digest.String()) {
			t.Errorf("%q has %v", e.Name, e.Args)
		}
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestATimelineThatCannotBeWritten(t *testing.T) {
	err := reports.ChromeTrace(brokenPipe{}, runOf(1, 1, span("a", 0, 1)))
	if err == nil || err.Error() != `write the timeline of run "r": broken pipe` {
		t.Errorf("got %v", err)
	}
}
