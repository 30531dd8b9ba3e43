package reports

import (
	"cmp"
	"slices"
	"time"
)

// CriticalPath is the chain of work that the run could not have been shorter than with any number of workers: from the end
// of one node to the start of the next that depends on it, by what really happened. Its stretches of work lie one after
// the other in time, so it is never longer than the run. Time in which nothing on the chain worked (waiting for a worker,
// writing results down) is not in it.
//
// A node that asks for others as it runs lends the chain two stretches: one until it asks and one after the answer. What it
// asks for is taken to have been started by it if it began later; it is taken to have waited while any of that ran.
func (r *Run) CriticalPath() Path {
	c := newChains(r.Spans)
	var longest *stretch
	for _, m := range c.moments {
		if m.ends {
			c.end(m.span)
		} else {
			c.begin(m.span)
		}
		if s := c.spans[m.span].chain; s.total() >= longest.total() {
			longest = s
		}
	}
	return longest.path(r.Spans)
}

// stretch is a piece of work at the end of a chain of them.
type stretch struct {
	span   int
	length time.Duration
	sum    time.Duration // of the chain
	before *stretch
}

func (s *stretch) total() time.Duration {
	if s == nil {
		return 0
	}
	return s.sum
}

// then is the chain with a piece of work by a span after it.
func (s *stretch) then(span int, length time.Duration) *stretch {
	if length <= 0 {
		return s
	}
	next := &stretch{span: span, length: length, sum: s.total() + length, before: s}
	if s != nil && s.span == span {
		next.length, next.before = next.length+s.length, s.before
	}
	return next
}

func longer(a, b *stretch) *stretch {
	if b.total() > a.total() {
		return b
	}
	return a
}

// path lists the nodes of a chain, each once, where its last stretch is.
func (s *stretch) path(spans []Span) Path {
	p := Path{Seconds: s.total().Seconds(), Nodes: []PathNode{}}
	at := map[int]int{}
	for ; s != nil; s = s.before {
		if i, ok := at[s.span]; ok {
			p.Nodes[i].Seconds += s.length.Seconds()
			continue
		}
		at[s.span] = len(p.Nodes)
		p.Nodes = append(p.Nodes, PathNode{Node: spans[s.span].Node, Seconds: s.length.Seconds()})
	}
	slices.Reverse(p.Nodes)
	return p
}

// chains follows a run through time and keeps, for each span, the longest chain that ends with what it did so far.
type chains struct {
	spans   []chained
	moments []moment
}

// chained is a span as the run goes on.
type chained struct {
	*Span
	deps    []int
	askers  []int // spans that depend on it and may have asked for it as they ran
	chain   *stretch
	mark    time.Duration // up to here its work is in the chain
	runs    bool
	waiting int // how many of its needs run
}

// moment is the begin or the end of a span.
type moment struct {
	at   time.Duration
	ends bool
	span int
}

func newChains(spans []Span) *chains {
	c := &chains{spans: make([]chained, len(spans))}
	number := numbers(spans)
	for i := range spans {
		s := &spans[i]
		c.spans[i].Span = s
		if begin, end := s.begin(), s.finished(); begin < end {
			c.moments = append(c.moments, moment{begin, false, i}, moment{end, true, i})
		} else {
			c.moments = append(c.moments, moment{end, true, i})
		}
	}
	for i := range spans {
		for _, name := range spans[i].Deps {
			if d, ok := number[name]; ok && d != i {
				c.spans[i].deps = append(c.spans[i].deps, d)
				if spans[i].suspended() > 0 {
					c.spans[d].askers = append(c.spans[d].askers, i)
				}
			}
		}
	}
	// At one moment what ends comes first, since it may be what the rest waited for.
	slices.SortStableFunc(c.moments, func(a, b moment) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(order(a), order(b)))
	})
	return c
}

func order(m moment) int {
	if m.ends {
		return 0
	}
	return 1
}

// finished is when the dependents of a node could go on.
func (s *Span) finished() time.Duration { return max(s.Done, s.end()) }

func (c *chains) begin(i int) {
	s := &c.spans[i]
	s.mark = s.begin()
	for _, d := range s.deps {
		switch dep := &c.spans[d]; {
		case dep.runs && s.suspended() > 0:
			s.waiting++
		case !dep.runs && dep.finished() <= s.mark:
			s.chain = longer(s.chain, dep.chain)
		}
	}
	for _, p := range s.askers {
		asker := &c.spans[p]
		if !asker.runs {
			continue
		}
		asker.work(p, s.mark)
		asker.waiting++
		s.chain = longer(s.chain, asker.chain)
	}
	s.runs = true
}

func (c *chains) end(i int) {
	s := &c.spans[i]
	if !s.runs { // it took no time
		c.begin(i)
	}
	s.work(i, s.end())
	s.runs = false
	for _, p := range s.askers {
		asker := &c.spans[p]
		if !asker.runs {
			continue
		}
		asker.waiting--
		asker.chain = longer(asker.chain, s.chain)
		asker.mark = s.finished()
	}
}

// work adds what the span did until now to its chain.
func (s *chained) work(i int, now time.Duration) {
	if s.waiting == 0 && now > s.mark {
		s.chain = s.chain.then(i, now-s.mark)
		s.mark = now
	}
}
