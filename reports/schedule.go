package reports

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"
	"strings"
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
	queues  map[string]*queue
	running running
}

// simulate returns the seconds that the machine takes for all nodes, given each one's time.
func (g *dag) simulate(seconds []float64, m Machine) float64 {
	s := &schedule{
		g: g, seconds: seconds, rank: g.rank(seconds), m: m, slots: max(1, m.Workers), mem: m.Mem, tokens: maps.Clone(m.Pools),
		open: make([]int, len(g.nodes)), queues: map[string]*queue{},
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
		if len(s.running) == 0 && !s.admitOver() {
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
		q = &queue{rank: s.rank}
		s.queues[pool] = q
	}
	heap.Push(q, i)
}

// dispatch starts what may start.
func (s *schedule) dispatch() {
	for s.slots > 0 {
		q := s.best()
		if q == nil {
			return
		}
		s.start(heap.Pop(q).(int))
	}
}

// best is the queue whose first node starts next; nil: none may.
func (s *schedule) best() *queue {
	var best *queue
	for name, q := range s.queues {
		tokens, limited := s.tokens[name]
		if len(q.nodes) == 0 || limited && tokens <= 0 || s.m.Mem > 0 && s.g.nodes[q.nodes[0]].Mem > s.mem {
			continue
		}
		if best == nil || s.rank[q.nodes[0]] < s.rank[best.nodes[0]] {
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
	heap.Push(&s.running, task{s.now + s.seconds[i], i})
}

// admitOver starts one node over the memory or pool that is there: nothing else can run, so waiting would be for ever.
func (s *schedule) admitOver() bool {
	var first *queue
	for _, q := range s.queues {
		if len(q.nodes) > 0 && (first == nil || s.rank[q.nodes[0]] < s.rank[first.nodes[0]]) {
			first = q
		}
	}
	if first == nil {
		return false
	}
	s.start(heap.Pop(first).(int))
	return true
}

// advance goes on to the next moment at which something ends.
func (s *schedule) advance() {
	s.now = s.running[0].end
	for len(s.running) > 0 && s.running[0].end == s.now {
		i := heap.Pop(&s.running).(task).node
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
		return cmp.Or(cmp.Compare(tails[b], tails[a]), strings.Compare(g.nodes[a].Name, g.nodes[b].Name))
	})
	rank := make([]int, len(sorted))
	for at, i := range sorted {
		rank[i] = at
	}
	return rank
}

// queue holds the ready nodes of one pool; a heap.
type queue struct {
	rank  []int
	nodes []int
}

func (q *queue) Len() int           { return len(q.nodes) }
func (q *queue) Less(i, j int) bool { return q.rank[q.nodes[i]] < q.rank[q.nodes[j]] }
func (q *queue) Swap(i, j int)      { q.nodes[i], q.nodes[j] = q.nodes[j], q.nodes[i] }
func (q *queue) Push(x any)         { q.nodes = append(q.nodes, x.(int)) }

func (q *queue) Pop() any {
	last := len(q.nodes) - 1
	i := q.nodes[last]
	q.nodes = q.nodes[:last]
	return i
}

// task is a node that runs until end.
type task struct {
	end  float64
	node int
}

// running is a heap of tasks, the one that ends first on top.
type running []task

func (r running) Len() int           { return len(r) }
func (r running) Less(i, j int) bool { return r[i].end < r[j].end }
func (r running) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *running) Push(x any)        { *r = append(*r, x.(task)) }

func (r *running) Pop() any {
	last := len(*r) - 1
	t := (*r)[last]
	*r = (*r)[:last]
	return t
}
