package reports

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
)

// Profile tells where the time of a run went; as JSON it is what `profile --json` prints.
type Profile struct {
	Run          string        `json:"run"`
	WallSeconds  float64       `json:"wall_seconds"`
	CriticalPath Path          `json:"critical_path"`
	Nodes        []NodeProfile `json:"nodes"` // what took part, the longest first
	Hints        []Hint        `json:"hints"` // what saves most first
	Jobs         int           `json:"jobs"`
	// BusySeconds is the time of all workers together, Parallelism how many of them were busy on average.
	BusySeconds float64 `json:"busy_seconds"`
	Parallelism float64 `json:"parallelism"`
	CPUSeconds  float64 `json:"cpu_seconds"` // of the executions that tell
	// SavedSeconds is what the executions of all reused nodes cost when they took place; fresh nodes do not count.
	SavedSeconds float64 `json:"saved_seconds"`
}

// NodeProfile is one node of a profile. Count, Least, Mean, Most, TotalSeconds and HitRate are over all recorded runs, the
// rest is of the run alone.
type NodeProfile struct {
	Node    string               `json:"node"`
	Outcome executor.NodeOutcome `json:"outcome"`
	Count   int                  `json:"count"` // executions
	Least   float64              `json:"least"`
	Mean    float64              `json:"mean"`
	Most    float64              `json:"most"`
	Seconds float64              `json:"seconds"`
	// SelfSeconds is the part of Seconds in which it did not wait for other nodes.
	SelfSeconds   float64 `json:"self_seconds"`
	WaitedSeconds float64 `json:"waited_seconds"` // for a worker, ready to run
	CPUSeconds    float64 `json:"cpu_seconds"`    // 0 where unknown
	SavedSeconds  float64 `json:"saved_seconds"`  // by reusing it
	TotalSeconds  float64 `json:"total_seconds"`
	HitRate       float64 `json:"hit_rate"` // as NodeTimes.HitRate defines it
}

// NewProfile makes the profile of a run. recent holds the run and those before it, newest first (Recent gives them); times
// and the declarations of the Calyxfile as it is now may be nil, and are then done without.
func NewProfile(recent []*Run, times *Times, d *graph.Declarations) *Profile {
	run := recent[0]
	p := &Profile{Run: run.Run, WallSeconds: run.Seconds, CriticalPath: run.CriticalPath(), Nodes: []NodeProfile{}, Jobs: run.Jobs}
	for i := range run.Spans {
		s := &run.Spans[i]
		if s.Outcome == "" || s.Outcome == executor.Blocked {
			continue
		}
		n := profileNode(s, times)
		p.Nodes = append(p.Nodes, n)
		p.BusySeconds += s.busy().Seconds()
		p.CPUSeconds += n.CPUSeconds
		p.SavedSeconds += n.SavedSeconds
	}
	if p.WallSeconds > 0 {
		p.Parallelism = p.BusySeconds / p.WallSeconds
	}
	slices.SortStableFunc(p.Nodes, func(a, b NodeProfile) int {
		return cmp.Or(cmp.Compare(b.SelfSeconds, a.SelfSeconds), cmp.Compare(b.SavedSeconds, a.SavedSeconds), strings.Compare(a.Node, b.Node))
	})
	p.Hints = newStudy(recent, d, p.CriticalPath).hints()
	return p
}

func profileNode(s *Span, times *Times) NodeProfile {
	n := NodeProfile{
		Node: s.Node, Outcome: s.Outcome, Seconds: s.Took.Seconds(), SelfSeconds: s.Self.Seconds(), WaitedSeconds: s.Waited.Seconds(),
		CPUSeconds: s.CPU.Seconds(),
	}
	if s.Outcome == executor.Cached {
		n.SavedSeconds = s.Usual.Seconds()
	}
	var t NodeTimes
	known := false
	if times != nil {
		t, known = times.Of(s.Node)
	}
	if !known && s.Outcome == executor.Executed { // the run is not over
		t = executedOnce(s, time.Time{})
	}
	n.Count, n.Least, n.Mean, n.Most, n.TotalSeconds, n.HitRate = t.Count, t.Least, t.Mean(), t.Most, t.Total, t.HitRate()
	return n
}

const (
	// studiedRuns and studiedSpans are how much of the past the hints of a profile look at.
	studiedRuns  = 20
	studiedSpans = 200_000
)

// LoadProfile makes the profile of a recorded run of an instance.
func LoadProfile(ctx context.Context, store cas.Store, workspace string, run Head, d *graph.Declarations) (*Profile, error) {
	recent, err := Recent(ctx, store, workspace, run.Run, studiedRuns, studiedSpans)
	if err != nil {
		return nil, err
	}
	times, err := LoadTimes(ctx, store, trace.Scope{Workspace: workspace, Instance: run.Instance})
	if err != nil {
		return nil, err
	}
	return NewProfile(recent, times, d), nil
}
