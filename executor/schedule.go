package executor

import (
	"container/heap"
	"fmt"

	"github.com/calyx-build/calyx/graph"
)

// scheduler hands out job slots, the tokens of pools, and memory. Calls that go on after a need come before new starts;
// among these, the one with the longest chain of work behind it comes first.
type scheduler struct {
	slots  []int // free job slots, the lowest last
	jobs   int
	mem    int64 // free, in bytes
	total  int64
	pools  map[string]*pool
	resume []resumption
	queues map[string]*queue // by pool; "" holds the steps of no pool
	held   int               // slots given out
	short  shortCalls
}

// pool is a limit on how many steps of one kind run at once.
type pool struct {
	graph.Pool
	free []int // slot numbers, the lowest last
}

// resumption is a call that wants its slot back to go on.
type resumption struct {
	a    *attempt
	then func()
}

// grant is what a running node holds.
type grant struct {
	slot   int // -1: none
	pool   *pool
	token  int
	mem    int64
	active bool    // slot and token are held
	line   *line   // of the plugin that is called; nil: none is
	ahead  float64 // the seconds for which a call that has no slot is expected to run; 0: it is none
}

func newScheduler(jobs int, mem int64, pools []graph.Pool) scheduler {
	s := scheduler{jobs: jobs, mem: mem, total: mem, pools: map[string]*pool{}, queues: map[string]*queue{}, short: newShortCalls()}
	for i := jobs - 1; i >= 0; i-- {
		s.slots = append(s.slots, i)
	}
	for _, p := range pools {
		q := &pool{Pool: p}
		for i := p.Size - 1; i >= 0; i-- {
			q.free = append(q.free, i)
		}
		s.pools[p.Name] = q
	}
	return s
}

func (s *scheduler) push(n *node) {
	name := n.poolName()
	q := s.queues[name]
	if q == nil {
		q = &queue{}
		s.queues[name] = q
	}
	heap.Push(q, n)
}

func (n *node) poolName() string {
	if n.isStep() {
		return n.decl().Step.Pool
	}
	return ""
}

func (n *node) mem() int64 {
	if n.isStep() {
		return n.decl().Step.Mem
	}
	return 0
}

// next returns the node that may start now, with what it then holds; nil: none may.
func (s *scheduler) next() (*node, *grant) {
	if len(s.slots) == 0 {
		return s.nextAhead()
	}
	var best *queue
	for name, q := range s.queues {
		p := s.pools[name]
		if q.Len() == 0 || p != nil && len(p.free) == 0 || q.head().mem() > s.mem {
			continue
		}
		if best == nil || before((*q)[0], (*best)[0]) {
			best = q
		}
	}
	if best == nil {
		return nil, nil
	}
	n := heap.Pop(best).(*node)
	return n, s.give(n)
}

func (s *scheduler) give(n *node) *grant {
	g := &grant{pool: s.pools[n.poolName()], mem: n.mem(), line: s.short.line(n)}
	s.mem -= g.mem
	s.take(g)
	return g
}

// take gives a slot, and a token of the pool, that must both be free.
func (s *scheduler) take(g *grant) {
	g.slot = pop(&s.slots)
	g.line.begin(g.slot)
	if g.pool != nil {
		g.token = pop(&g.pool.free)
	}
	g.active = true
	s.held++
}

func pop(free *[]int) int {
	last := len(*free) - 1
	v := (*free)[last]
	*free = (*free)[:last]
	return v
}

// yield frees slot and token while a call waits; its memory stays counted.
func (s *scheduler) yield(g *grant) {
	g.line.end(g)
	if !g.active {
		return
	}
	g.active = false
	s.held--
	s.slots = append(s.slots, g.slot)
	if g.pool != nil {
		g.pool.free = append(g.pool.free, g.token)
	}
}

// release gives all back.
func (s *scheduler) release(g *grant) {
	s.yield(g)
	s.mem += g.mem
	g.mem = 0
}

func (s *scheduler) canTake(g *grant) bool {
	return len(s.slots) > 0 && (g.pool == nil || len(g.pool.free) > 0)
}

func (s *scheduler) queuedNodes() (count int) {
	for _, q := range s.queues {
		count += q.Len()
	}
	return count
}

// full reports whether all slots are taken.
func (s *scheduler) full() bool { return len(s.slots) == 0 }

// idle reports whether a step may start as soon as it is queued, pools and memory allowing.
func (s *scheduler) idle() bool {
	return len(s.slots) > 0 && len(s.resume) == 0 && s.queuedNodes() == 0
}

// stuck reports whether nodes wait while nothing runs: only the budgets keep them.
func (s *scheduler) stuck() bool { return s.held == 0 && s.queuedNodes() > 0 }

// queue is a heap of nodes that wait for a slot.
type queue []*node

// head is the node that comes first; much will be asked of it soon.
func (q queue) head() *node {
	q[0].hold()
	return q[0]
}

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return before(q[i], q[j]) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(*node)) }

func (q *queue) Pop() any {
	old := *q
	n := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return n
}

func before(a, b *node) bool {
	if a.priority != b.priority {
		return a.priority > b.priority
	}
	return a.name < b.name
}

// enqueue lets a node wait for a slot, as nearly all of a graph may do at once.
func (l *loop) enqueue(n *node) {
	if l.stops(n) {
		l.drop(n)
		return
	}
	l.prioritise(n)
	l.sched.push(n)
	n.letGo()
}

// prioritise computes the seconds of work that lie between the start of n and the end of the longest chain that waits for
// it, by recorded times. Who waits for whom is a graph without cycles, walked without recursion.
func (l *loop) prioritise(n *node) {
	stack := []*node{n}
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		longest, ready := float32(0), true
		for _, w := range top.wanted {
			if w.owner.priority == 0 && w.owner != top {
				stack = append(stack, w.owner)
				ready = false
			}
			longest = max(longest, w.owner.priority)
		}
		if ready {
			top.priority = longest + float32(l.usual(top))
			stack = stack[:len(stack)-1]
		}
	}
}

// leastSeconds stands for the time of a node that never ran.
const leastSeconds = 0.001

// usual is the recorded time of a node in seconds, never 0, so that a priority shows that it was computed.
func (l *loop) usual(n *node) float64 { return max(l.recorded(n), leastSeconds) }

// recorded is the recorded time of a node in seconds; 0 where there is none.
func (l *loop) recorded(n *node) float64 {
	if l.e.times == nil {
		return 0
	}
	s, _ := l.e.times(n.name)
	return s
}

// dispatch starts what may start.
func (l *loop) dispatch() {
	for len(l.sched.resume) > 0 {
		r := l.sched.resume[0]
		if r.a.ended {
			l.sched.resume = l.sched.resume[1:]
			continue
		}
		if !r.a.mayGoOn() {
			if !l.sched.canTake(r.a.grant) {
				return
			}
			l.sched.take(r.a.grant)
		}
		l.sched.resume = l.sched.resume[1:]
		r.then()
	}
	if l.stopping {
		l.dropQueued()
	}
	for {
		n, g := l.sched.next()
		if n == nil {
			return
		}
		l.start(n, g)
	}
}

// admitOver starts one node over the memory budget: nothing else can run, so waiting would be for ever.
func (l *loop) admitOver() {
	for _, q := range l.sched.queues {
		if q.Len() == 0 {
			continue
		}
		n := heap.Pop(q).(*node)
		l.tell(Note{Node: n.name, Text: fmt.Sprintf("it asks for more memory than is free (%d MiB of %d MiB) and starts all the same, since nothing else can run", n.mem()>>20, l.sched.mem>>20)})
		l.start(n, l.sched.give(n))
		return
	}
}
