package reports

import (
	"fmt"
	"maps"
	"time"

	"github.com/calyx-build/calyx/executor"
)

// muchOfPath is the share of the critical path from which on a node is called slow.
const muchOfPath = 0.2

// slowOnPath is about the node that takes most of the critical path.
func (s *study) slowOnPath() []finding {
	var slow PathNode
	for _, n := range s.path.Nodes {
		if n.Seconds > slow.Seconds {
			slow = n
		}
	}
	if len(s.path.Nodes) < 2 || slow.Seconds < muchOfPath*s.path.Seconds {
		return nil
	}
	i := s.number[slow.Node]
	return []finding{{less: map[int]float64{i: s.seconds[i] / 2}, Hint: Hint{
		Node:     slow.Node,
		Evidence: fmt.Sprintf("it takes %s, %.0f%% of the critical path of %s", shown(slow.Seconds), 100*slow.Seconds/s.path.Seconds, shown(s.path.Seconds)),
		Action:   "make it faster, or split it into steps that can run at once; the saving is for half of its time",
	}}}
}

// aloneAtEnd is about a node that ran while all other workers were done.
func (s *study) aloneAtEnd() []finding {
	workers := s.machine.Workers
	last, others := -1, time.Duration(0)
	for _, i := range s.executedSpans() {
		if last < 0 || s.run.Spans[i].end() > s.run.Spans[last].end() {
			last = i
		}
	}
	if last < 0 || workers < 2 {
		return nil
	}
	span := &s.run.Spans[last]
	for _, i := range s.executedSpans() {
		if i != last {
			others = max(others, s.run.Spans[i].end())
		}
	}
	alone := min((span.end() - max(others, span.begin())).Seconds(), s.seconds[last])
	if others == 0 || alone <= 0 {
		return nil
	}
	return []finding{{less: map[int]float64{last: alone * (1 - 1/float64(workers))}, Hint: Hint{
		Node:     span.Node,
		Evidence: fmt.Sprintf("it ran alone for the last %s of the run, with %d of %d workers idle", shown(alone), workers-1, workers),
		Action:   fmt.Sprintf("split it into parts; the saving is for %d equal ones in that time", workers),
	}}}
}

// narrowPools is about pools that held steps back.
func (s *study) narrowPools() []finding {
	var found []finding
	for _, name := range sortedKeys(s.machine.Pools) {
		size := s.machine.Pools[name]
		waited, longest := time.Duration(0), -1
		for _, i := range s.executedSpans() {
			w := s.run.Spans[i].Waited
			if s.g.nodes[i].Pool == name && w > 0 {
				waited += w
				if longest < 0 || w > s.run.Spans[longest].Waited {
					longest = i
				}
			}
		}
		if longest < 0 {
			continue
		}
		wider := maps.Clone(s.machine.Pools)
		wider[name] = size + 1
		found = append(found, finding{pools: wider, Hint: Hint{
			Node:     s.run.Spans[longest].Node,
			Evidence: fmt.Sprintf("steps of pool %q, which lets %d run at once, waited %s together for a worker", name, size, shown(waited.Seconds())),
			Action:   fmt.Sprintf("if what the pool stands for allows it, give it the size %d", size+1),
		}})
	}
	return found
}

// wastedAttempts is about time spent in attempts that failed.
func (s *study) wastedAttempts() []finding {
	var found []finding
	for _, i := range s.executedSpans() {
		span := &s.run.Spans[i]
		if span.Attempts < 2 || span.Retrying <= 0 {
			continue
		}
		lost := span.Retrying.Seconds()
		found = append(found, finding{less: map[int]float64{i: lost}, Hint: Hint{
			Node:     span.Node,
			Evidence: fmt.Sprintf("it took %d attempts; the ones that failed, with the pauses after them, took %s", span.Attempts, shown(lost)),
			Action:   "find out why its first attempts fail",
		}})
	}
	return found
}

// neverCached is about steps with `cache = False`.
func (s *study) neverCached() []finding {
	executions := s.executions()
	var found []finding
	for _, i := range s.executedSpans() {
		span := &s.run.Spans[i]
		step := s.step(span.Node)
		if step == nil || !step.NoCache {
			continue
		}
		found = append(found, finding{less: s.without([]int{i}), Hint: Hint{
			Node:     span.Node,
			Evidence: fmt.Sprintf("cache = False: it ran in %s, this time for %s", s.ofRuns(executions[span.Node]), shown(span.Took.Seconds())),
			Action:   "declare what it reads and let it be cached, or give it a ttl",
		}})
	}
	return found
}

// manyCalls is how many executions of one step show that its overhead is no accident.
const manyCalls = 20

// overheads is about steps of which many small executions cost more to start than to run.
func (s *study) overheads() []finding {
	families := map[string][]int{}
	for _, i := range s.executedSpans() {
		name := family(s.run.Spans[i].Node)
		families[name] = append(families[name], i)
	}
	var found []finding
	for _, name := range sortedKeys(families) {
		spans := families[name]
		var worked, prepared time.Duration
		less := map[int]float64{}
		for _, i := range spans {
			less[i] = 0.9 * s.run.Spans[i].Prepared.Seconds()
			worked += s.run.Spans[i].Self
			prepared += s.run.Spans[i].Prepared
		}
		if len(spans) < manyCalls || prepared < worked {
			continue
		}
		n := float64(len(spans))
		found = append(found, finding{less: less, Hint: Hint{
			Node:     s.run.Spans[spans[0]].Node,
			Evidence: fmt.Sprintf("%d executions of %q worked for %s each, and took %s each to be started", len(spans), name, shown(worked.Seconds()/n), shown(prepared.Seconds()/n)),
			Action:   "let one execution do the work of several; the saving is for ten at a time",
		}})
	}
	return found
}

// leastKept is how many seconds must have been saved before it is said what saved them.
const leastKept = 1

// wellCached names the node whose reuse saved most.
func (s *study) wellCached() []Hint {
	saved, reused := map[string]float64{}, map[string]int{}
	for _, r := range s.recent {
		for i := range r.Spans {
			if span := &r.Spans[i]; span.Outcome == executor.Cached {
				saved[span.Node] += span.Usual.Seconds()
				reused[span.Node]++
			}
		}
	}
	best := ""
	for _, node := range sortedKeys(saved) {
		if saved[node] > saved[best] {
			best = node
		}
	}
	if saved[best] < leastKept {
		return nil
	}
	return []Hint{{
		Node:     best,
		Evidence: fmt.Sprintf("it was taken from the cache in %s, which saved %s of executions", s.ofRuns(reused[best]), shown(saved[best])),
		Action:   "nothing: it is well cached",
	}}
}
