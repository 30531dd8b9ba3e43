package reports

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/calyx-build/calyx/executor"
)

// ChromeTrace writes the run in the Chrome trace event format
// (https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU), which Perfetto opens: a track for each
// worker, the reused nodes on one of their own, how many nodes were executing, and arrows along the critical path. Events
// come in the order of their times, which are microseconds since the run started.
func ChromeTrace(w io.Writer, r *Run) error {
	t := &timeline{run: r, tracks: layTracks(r.Spans)}
	t.collect()
	out := bufio.NewWriter(w)
	if err := t.write(out); err != nil {
		return fmt.Errorf("write the timeline of run %q: %w", r.Run, err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the timeline of run %q: %w", r.Run, err)
	}
	return nil
}

// traceEvent is one event; the fields are the format's.
type traceEvent struct {
	Name     string `json:"name"`
	Category string `json:"cat,omitempty"`
	Phase    string `json:"ph"`
	TS       int64  `json:"ts"`
	Duration *int64 `json:"dur,omitempty"` // of complete events
	PID      int    `json:"pid"`
	TID      int    `json:"tid"`
	ID       int    `json:"id,omitempty"` // of flows
	Binding  string `json:"bp,omitempty"` // "e": a flow ends in the slice around it
	Scope    string `json:"s,omitempty"`  // of instant events
	Args     any    `json:"args,omitempty"`
}

// The one process of a timeline.
const timelinePID = 1

// spanArgs is what a viewer shows of a span.
type spanArgs struct {
	Outcome  executor.NodeOutcome `json:"outcome"`
	Reason   string               `json:"reason,omitempty"`
	Value    string               `json:"value,omitempty"`
	Self     float64              `json:"self_seconds"`
	Waited   float64              `json:"waited_seconds"`
	Prepared float64              `json:"prepared_seconds"`
	CPU      float64              `json:"cpu_seconds,omitempty"`
	Attempts int                  `json:"attempts,omitempty"`
	Saved    float64              `json:"saved_seconds,omitempty"`
	Failure  string               `json:"failure,omitempty"`
	Deps     []string             `json:"deps,omitempty"`
}

// stamp is an event before it is written out.
type stamp struct {
	at   int64
	rank int // of events at one moment
	what func() traceEvent
}

// timeline gathers the events of a run.
type timeline struct {
	run    *Run
	tracks tracks
	stamps []stamp
}

func (t *timeline) add(at time.Duration, rank int, what func() traceEvent) {
	t.stamps = append(t.stamps, stamp{at.Microseconds(), rank, what})
}

func (t *timeline) collect() {
	for i := range t.run.Spans {
		s := &t.run.Spans[i]
		switch {
		case s.ran():
			t.slice(i, s)
		case s.Outcome == executor.Cached:
			t.add(s.Done, 0, func() traceEvent {
				return traceEvent{Name: s.Node, Category: "cached", Phase: "i", TID: reusedTrack, Scope: "t", Args: argsOf(s)}
			})
		}
	}
	t.flows()
	slices.SortStableFunc(t.stamps, func(a, b stamp) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank, b.rank)) })
}

// slice adds a span that took time, and the steps of the counter at its ends.
func (t *timeline) slice(i int, s *Span) {
	begin, end := s.begin(), s.end()
	length := end.Microseconds() - begin.Microseconds()
	t.add(begin, 0, func() traceEvent {
		return traceEvent{Name: s.Node, Category: string(s.Outcome), Phase: "X", Duration: &length, TID: t.tracks.of[i], Args: argsOf(s)}
	})
	if length == 0 {
		return
	}
	t.add(begin, 1, func() traceEvent { return t.count(+1) })
	t.add(end, -1, func() traceEvent { return t.count(-1) })
}

// count changes how many nodes execute.
func (t *timeline) count(by int) traceEvent {
	t.tracks.executing += by
	return traceEvent{Name: "executing", Phase: "C", Args: map[string]int{"nodes": t.tracks.executing}}
}

// flows adds an arrow from each node of the critical path to the next.
func (t *timeline) flows() {
	number := numbers(t.run.Spans)
	nodes := t.run.CriticalPath().Nodes
	for link := 1; link < len(nodes); link++ {
		from, to := number[nodes[link-1].Node], number[nodes[link].Node]
		source, target := &t.run.Spans[from], &t.run.Spans[to]
		// An arrow belongs to the slice around its end: the last microsecond of the first node, and the moment of the second
		// at which it could go on.
		leaves := max(source.begin(), source.end()-time.Microsecond)
		arrives := min(max(target.begin(), leaves), target.end())
		arrow := func(phase, binding string, span int) func() traceEvent {
			return func() traceEvent {
				return traceEvent{Name: "critical path", Category: "critical", Phase: phase, TID: t.tracks.of[span], ID: link, Binding: binding}
			}
		}
		t.add(leaves, 2, arrow("s", "", from))
		t.add(arrives, 3, arrow("f", "e", to))
	}
}

func argsOf(s *Span) spanArgs {
	a := spanArgs{
		Outcome: s.Outcome, Self: s.Self.Seconds(), Waited: s.Waited.Seconds(), Prepared: s.Prepared.Seconds(), CPU: s.CPU.Seconds(),
		Attempts: s.Attempts, Failure: s.Failure, Deps: s.Deps,
	}
	if s.Outcome == executor.Cached {
		a.Saved = s.Usual.Seconds()
	}
	if s.Reason.Kind != "" {
		a.Reason = s.Reason.Text()
	}
	if !s.Value.Digest.IsZero() {
		a.Value = s.Value.Digest.String()
	}
	return a
}

// write writes the events one by one.
func (t *timeline) write(out *bufio.Writer) error {
	if _, err := out.WriteString("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"); err != nil {
		return err
	}
	first := true
	put := func(e traceEvent) error {
		e.PID = timelinePID
		text, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if !first {
			if _, err := out.WriteString(",\n"); err != nil {
				return err
			}
		}
		first = false
		_, err = out.Write(text)
		return err
	}
	for _, e := range t.names() {
		if err := put(e); err != nil {
			return err
		}
	}
	for _, s := range t.stamps {
		e := s.what()
		e.TS = s.at
		if err := put(e); err != nil {
			return err
		}
	}
	_, err := out.WriteString("\n]}\n")
	return err
}

// names are the events that say what the tracks are called and in which order they stand.
func (t *timeline) names() []traceEvent {
	meta := func(tid int, name string, args map[string]any) traceEvent {
		return traceEvent{Name: name, Phase: "M", TID: tid, Args: args}
	}
	events := []traceEvent{
		meta(reusedTrack, "process_name", map[string]any{"name": "calyx " + t.run.Run}),
		meta(reusedTrack, "thread_name", map[string]any{"name": "reused"}),
		meta(reusedTrack, "thread_sort_index", map[string]any{"sort_index": reusedTrack}),
	}
	for i, name := range t.tracks.names {
		events = append(events,
			meta(firstTrack+i, "thread_name", map[string]any{"name": name}),
			meta(firstTrack+i, "thread_sort_index", map[string]any{"sort_index": firstTrack + i}))
	}
	return events
}
