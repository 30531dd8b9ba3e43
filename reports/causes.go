package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
)

// cause is what made nodes of a run execute, at its root.
type cause struct {
	kind    graph.ReasonKind
	subject string // what changed; a node for reasons that name nothing else
}

// changes are the kinds of reasons that tell of a change which somebody made.
var changes = []graph.ReasonKind{
	graph.FileChanged, graph.FileAdded, graph.FileRemoved, graph.StoredChanged, graph.EnvChanged, graph.CodeChanged,
	graph.DefinitionChanged, graph.ArgumentChanged, graph.DependencyChanged,
}

// repeats are the kinds of reasons for which a node runs although its inputs are as they were.
var repeats = []graph.ReasonKind{graph.Forced, graph.Uncacheable, graph.Expired, graph.OutputMissing}

// roots returns, by span, the span with which its chain of reasons ends: reasons are followed from node to node for as far
// as the run tells. What caused an execution ended before it, so chains only lead back. Of a node that did nothing, the
// first dependency that did something is taken for the cause.
func roots(r *Run) []int {
	number := numbers(r.Spans)
	root := make([]int, len(r.Spans))
	for i := range r.Spans {
		s := &r.Spans[i]
		root[i] = i
		var from []string
		switch {
		case s.Reason.Kind == graph.DependencyChanged:
			from = []string{s.Reason.Subject}
		case s.Outcome == "":
			from = s.Deps
		}
		for _, node := range from {
			if next, ok := number[node]; ok && next < i {
				root[i] = root[next]
				break
			}
		}
	}
	return root
}

// causes returns the root of each execution of a run, by span.
func causes(r *Run) map[int]cause {
	all := make(map[int]cause, len(r.Spans))
	for i, root := range roots(r) {
		if r.Spans[i].ran() {
			reason := r.Spans[root].Reason
			all[i] = cause{reason.Kind, cmp.Or(reason.Subject, reason.Node)}
		}
	}
	return all
}

// leastChanges is how many of the recent runs a change must have caused work in before it is called frequent.
const leastChanges = 3

// restlessInputs is about inputs that change in most runs, and all that runs because of them.
func (s *study) restlessInputs() []finding {
	seen := map[cause]int{}
	for _, r := range s.recent {
		once := map[cause]bool{}
		for _, c := range causes(r) {
			once[c] = true
		}
		for c := range once {
			seen[c]++
		}
	}
	spans := map[cause][]int{}
	for i, c := range causes(s.run) {
		if slices.Contains(changes, c.kind) && seen[c] >= leastChanges && 2*seen[c] >= len(s.recent) {
			spans[c] = append(spans[c], i)
		}
	}
	var found []finding
	for _, c := range slices.SortedFunc(maps.Keys(spans), func(a, b cause) int {
		return cmp.Or(cmp.Compare(a.subject, b.subject), cmp.Compare(a.kind, b.kind))
	}) {
		found = append(found, finding{less: s.without(spans[c]), Hint: Hint{
			Node:     s.run.Spans[s.longest(spans[c])].Node,
			Evidence: fmt.Sprintf("%q changed in %s (%s); %s ran because of it this time", c.subject, s.ofRuns(seen[c]), c.kind, steps(len(spans[c]))),
			Action:   fmt.Sprintf("let less depend on %q: on a part of it, or a parameter in its place; the saving is for all that ran because of it", c.subject),
		}})
	}
	return found
}

func (s *study) longest(spans []int) int {
	return slices.MaxFunc(spans, func(a, b int) int {
		return cmp.Or(cmp.Compare(s.seconds[a], s.seconds[b]), cmp.Compare(b, a))
	})
}

// neverCutOff is about nodes that gave another value each time they ran, although none of their inputs had changed, so
// that all that depends on them ran too.
func (s *study) neverCutOff() []finding {
	followers := map[string][]int{}
	for i, root := range roots(s.run) {
		origin := &s.run.Spans[root]
		if root != i && s.run.Spans[i].ran() && slices.Contains(repeats, origin.Reason.Kind) {
			followers[origin.Node] = append(followers[origin.Node], i)
		}
	}
	var found []finding
	for _, node := range sortedKeys(followers) {
		again, other := s.repeated(node)
		if again == 0 || other < again {
			continue
		}
		found = append(found, finding{less: s.without(followers[node]), Hint: Hint{
			Node:     node,
			Evidence: fmt.Sprintf("it ran again %s with its inputs unchanged and gave another value each time; %s ran because of it this time", counted(again, "time"), steps(len(followers[node]))),
			Action:   "take what differs without need (a date, a duration, a path, an order, a random seed) out of its outputs",
		}})
	}
	return found
}

// repeated counts in the recent runs how often a node ran with its inputs unchanged, and how often its value was another
// one than before.
func (s *study) repeated(node string) (again, other int) {
	var newer *Span // repeated, and not compared yet
	for _, r := range s.recent {
		i := slices.IndexFunc(r.Spans, func(span Span) bool { return span.Node == node })
		if i < 0 {
			continue
		}
		span := &r.Spans[i]
		if span.Outcome != executor.Executed && span.Outcome != executor.Cached {
			continue
		}
		if newer != nil {
			again++
			if newer.Value.Digest != span.Value.Digest {
				other++
			}
		}
		newer = nil
		if span.Outcome == executor.Executed && slices.Contains(repeats, span.Reason.Kind) {
			newer = span
		}
	}
	return again, other
}

func steps(n int) string { return counted(n, "step") }

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
