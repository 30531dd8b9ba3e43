package reports

import (
	"cmp"
	"maps"
	"slices"
)

// Machine is what a build runs on.
type Machine struct {
	Workers int            // job slots; less than one counts as one
	Pools   map[string]int // sizes; a pool that is not in it has no limit
	Mem     int64          // bytes for the nodes' budgets; 0: no limit
}

// schedule simulates the executor's scheduler (executor/schedule.go): list scheduling in which, of the nodes that are
// ready, the one with the longest chain of work behind it starts first (R. L. Graham, Bounds on multiprocessing timing
// anomalies, 1969; T. C. Hu, Parallel sequencing and assembly line problems, 1961), held back by pools and memory. Nodes
// that take no time need no worker.
type schedule struct {
	g       *dag
	seconds []float64
	rank    []int // who starts first, of those that may
	m       Machine
	now     float64
	slots   int
	mem     int64
	tokens  map[string]int
	open    []int // dependencies that are not done, by node
	queues  map[string]*heap[int]
	running heap[task]
}

// task is a node that runs until end.
type task struct {
	end  float64
	node int
}

// simulate returns the seconds that the machine takes for all nodes, given each one's time and the rank that it gives them.
func (g *dag) simulate(seconds []float64, rank []int, m Machine) float64 {
	s := &schedule{
		g: g, seconds: seconds, rank: rank, m: m, slots: max(1, m.Workers), mem: m.Mem, tokens: maps.Clone(m.Pools),
		open: make([]int, len(g.nodes)), queues: map[string]*heap[int]{},
		running: heap[task]{less: func(a, b task) bool { return a.end < b.end }},
	}
	for i, n := range g.nodes {
		s.open[i] = len(n.Deps)
	}
	for i := range g.nodes {
		if len(g.nodes[i].Deps) == 0 {
			s.ready(i)
		}
	}
	for {
		s.dispatch()
		if len(s.running.items) == 0 && !s.admitOver() {
			return s.now
		}
		s.advance()
	}
}

// ready queues a node whose dependencies are done. One that takes no time ends at once, and so do those after it.
func (s *schedule) ready(i int) {
	for stack := []int{i}; len(stack) > 0; {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if s.seconds[top] > 0 {
			s.push(top)
			continue
		}
		for _, d := range s.g.dependents[top] {
			if s.open[d]--; s.open[d] == 0 {
				stack = append(stack, d)
			}
		}
	}
}

func (s *schedule) push(i int) {
	pool := s.g.nodes[i].Pool
	q := s.queues[pool]
	if q == nil {
		q = &heap[int]{less: func(a, b int) bool { return s.rank[a] < s.rank[b] }}
		s.queues[pool] = q
	}
	q.push(i)
}

// dispatch starts what may start.
func (s *schedule) dispatch() {
	for s.slots > 0 {
		q := s.best()
		if q == nil {
			return
		}
		s.start(q.pop())
	}
}

// best is the queue whose first node starts next; nil: none may.
func (s *schedule) best() *heap[int] {
	var best *heap[int]
	for name, q := range s.queues {
		tokens, limited := s.tokens[name]
		if len(q.items) == 0 || limited && tokens <= 0 || s.m.Mem > 0 && s.g.nodes[q.items[0]].Mem > s.mem {
			continue
		}
		if best == nil || s.rank[q.items[0]] < s.rank[best.items[0]] {
			best = q
		}
	}
	return best
}

func (s *schedule) start(i int) {
	n := s.g.nodes[i]
	s.slots--
	s.mem -= n.Mem
	if _, limited := s.tokens[n.Pool]; limited {
		s.tokens[n.Pool]--
	}
	s.running.push(task{s.now + s.seconds[i], i})
}

// admitOver starts one node over the memory or pool that is there: nothing else can run, so waiting would be for ever.
func (s *schedule) admitOver() bool {
	var first *heap[int]
	for _, q := range s.queues {
		if len(q.items) > 0 && (first == nil || s.rank[q.items[0]] < s.rank[first.items[0]]) {
			first = q
		}
	}
	if first == nil {
		return false
	}
	s.start(first.pop())
	return true
}

// advance goes on to the next moment at which something ends.
func (s *schedule) advance() {
	s.now = s.running.items[0].end
	for len(s.running.items) > 0 && s.running.items[0].end == s.now {
		i := s.running.pop().node
		n := s.g.nodes[i]
		s.slots++
		s.mem += n.Mem
		if _, limited := s.tokens[n.Pool]; limited {
			s.tokens[n.Pool]++
		}
		for _, d := range s.g.dependents[i] {
			if s.open[d]--; s.open[d] == 0 {
				s.ready(d)
			}
		}
	}
}

// rank numbers the nodes by the length of the chain of work that begins with each, the longest first.
func (g *dag) rank(seconds []float64) []int {
	tails := g.tails(seconds)
	sorted := slices.Clone(g.order)
	slices.SortFunc(sorted, func(a, b int) int {
		return cmp.Or(cmp.Compare(tails[b], tails[a]), cmp.Compare(g.byName[a], g.byName[b]))
	})
	rank := make([]int, len(sorted))
	for at, i := range sorted {
		rank[i] = at
	}
	return rank
}
