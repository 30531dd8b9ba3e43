package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
)

// Hint is something to do about the time of builds.
type Hint struct {
	Node     string `json:"node"`
	Evidence string `json:"evidence"` // what was seen
	Action   string `json:"action"`   // what to do
	// SavesSeconds is how much shorter the run would have been: the difference of two simulations of it, one with the
	// change. It is 0 for a hint that says what to keep.
	SavesSeconds float64 `json:"saves_seconds"`
}

const (
	// maxHints is how many hints a profile has at most, maxStudied how many are simulated for it.
	maxHints   = 10
	maxStudied = 40
	// A saving below this share of the run, or below so many seconds, is no hint.
	leastShare  = 0.02
	leastSaving = 0.01
)

// finding is a hint whose saving is not known yet.
type finding struct {
	Hint
	less  map[int]float64 // by how many seconds spans would be shorter
	pools map[string]int  // other sizes of pools; nil: as they are
}

// most is more than the finding can save.
func (f *finding) most() float64 {
	if f.pools != nil {
		return math.Inf(1)
	}
	sum := 0.0
	for _, seconds := range f.less {
		sum += seconds
	}
	return sum
}

// study is what the hints are drawn from: a run, those before it, and a simulation of it in which times can be changed.
type study struct {
	recent  []*Run // the run first
	run     *Run
	path    Path
	number  map[string]int // of a node's span
	steps   map[string]*graph.Step
	machine Machine
	g       *dag // its node i is span i
	seconds []float64
	base    float64 // what the simulation takes with nothing changed
}

// newStudy prepares the hints on recent[0]. There is no simulation, and no hint, of a run whose nodes need one another.
func newStudy(recent []*Run, d *graph.Declarations, path Path) *study {
	s := &study{
		recent: recent, run: recent[0], path: path, number: numbers(recent[0].Spans), steps: map[string]*graph.Step{},
		machine: Machine{Workers: recent[0].Jobs, Pools: map[string]int{}},
	}
	if d != nil {
		for _, p := range d.Pools {
			s.machine.Pools[p.Name] = p.Size
		}
		for _, n := range d.Nodes {
			if n.Step != nil {
				s.steps[n.Name] = n.Step
			}
		}
	}
	g, err := newDAG(s.nodes())
	if err != nil {
		return s
	}
	s.g, s.seconds = g, g.seconds()
	s.base = g.simulate(s.seconds, g.rank(s.seconds), s.machine)
	return s
}

// step is the declaration of a node, or of the step whose arguments it has; nil where there is none any more.
func (s *study) step(node string) *graph.Step {
	if d, ok := s.steps[node]; ok {
		return d
	}
	return s.steps[family(node)]
}

// nodes are the spans as a schedule sees them.
func (s *study) nodes() []PlanNode {
	spans := s.run.Spans
	nodes := make([]PlanNode, len(spans))
	for i := range spans {
		n := PlanNode{Name: spans[i].Node, Seconds: spans[i].busy().Seconds(), Known: true}
		if step := s.step(n.Name); step != nil {
			n.Pool = step.Pool // budgets of memory are left out: what was free then is not known
		}
		for _, d := range spans[i].Deps {
			if at, ok := s.number[d]; ok && at != i {
				n.Deps = append(n.Deps, at)
			}
		}
		nodes[i] = n
	}
	return nodes
}

// saving is how much shorter the run would have been by what a finding is about.
func (s *study) saving(f *finding) float64 {
	seconds, machine := slices.Clone(s.seconds), s.machine
	for i, less := range f.less {
		seconds[i] = max(0, seconds[i]-less)
	}
	if f.pools != nil {
		machine.Pools = f.pools
	}
	return min(max(0, s.base-s.g.simulate(seconds, s.g.rank(seconds), machine)), s.run.Seconds)
}

// without is the finding's effect where the given spans do not run.
func (s *study) without(spans []int) map[int]float64 {
	less := make(map[int]float64, len(spans))
	for _, i := range spans {
		less[i] = s.seconds[i]
	}
	return less
}

// hints returns all hints, what saves most first.
func (s *study) hints() []Hint {
	hints := []Hint{}
	if s.g == nil {
		return hints
	}
	var found []finding
	for _, find := range []func() []finding{
		s.slowOnPath, s.aloneAtEnd, s.narrowPools, s.wastedAttempts, s.neverCached, s.overheads, s.restlessInputs, s.neverCutOff,
	} {
		found = append(found, find()...)
	}
	slices.SortStableFunc(found, func(a, b finding) int { return cmp.Compare(b.most(), a.most()) })
	for _, f := range found[:min(len(found), maxStudied)] {
		f.SavesSeconds = s.saving(&f)
		if f.SavesSeconds >= max(leastSaving, leastShare*s.run.Seconds) {
			hints = append(hints, f.Hint)
		}
	}
	slices.SortStableFunc(hints, func(a, b Hint) int { return cmp.Compare(b.SavesSeconds, a.SavesSeconds) })
	return append(hints[:min(len(hints), maxHints)], s.wellCached()...)
}

// executedSpans are the numbers of the spans that took time.
func (s *study) executedSpans() []int {
	var all []int
	for i := range s.run.Spans {
		if s.run.Spans[i].ran() {
			all = append(all, i)
		}
	}
	return all
}

// executions counts the recent runs in which each node was executed.
func (s *study) executions() map[string]int {
	n := map[string]int{}
	for _, r := range s.recent {
		for i := range r.Spans {
			if r.Spans[i].Outcome == executor.Executed {
				n[r.Spans[i].Node]++
			}
		}
	}
	return n
}

// ofRuns says how many of the recent runs.
func (s *study) ofRuns(n int) string {
	return fmt.Sprintf("%d of the last %d runs", n, len(s.recent))
}

// shown is a time in seconds as people write it.
func shown(seconds float64) string {
	switch {
	case seconds >= 100:
		return fmt.Sprintf("%.0f s", seconds)
	case seconds >= 1:
		return fmt.Sprintf("%.1f s", seconds)
	case seconds >= 0.001:
		return fmt.Sprintf("%.0f ms", seconds*1e3)
	}
	return fmt.Sprintf("%.0f µs", seconds*1e6)
}
