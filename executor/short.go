package executor

import (
	"container/heap"

	"github.com/calyx-build/calyx/graph"
)

// A plugin works through calls of functions that allow none beside them one after the other. Where such calls are short, what
// passes between the end of one and the start of the next takes longer than they do. So where no slot is free, some go ahead: to
// the process that works on one which has a slot, behind it. They run when that one has ended, in what is left of its time.

const (
	// mostAhead is the time in seconds for which calls that were sent ahead of their slots are expected to run.
	mostAhead = 0.005
	// mostAheadCalls bounds their number, however short they are.
	mostAheadCalls = 64
	// leastAhead is the time in seconds that a call takes at least.
	leastAhead = 1e-6
	// fading is what an earlier call counts less than the one after it.
	fading = 0.9
)

// shortCalls knows how long calls took in this build, and which go ahead.
type shortCalls struct {
	means map[graph.Call]float64 // seconds of calls, those of late first; of functions that may go ahead
	lines map[string]*line       // by plugin
}

// line is what one plugin works on.
type line struct {
	holders int // calls that hold slots
	slot    int // of the last that began
	calls   int // that went ahead
	seconds float64
}

func newShortCalls() shortCalls {
	return shortCalls{means: map[graph.Call]float64{}, lines: map[string]*line{}}
}

// line returns the line of the plugin that n calls, nil where n is no call.
func (s *shortCalls) line(n *node) *line {
	if !n.call {
		return nil
	}
	name := n.decl().Step.Call.Plugin
	if s.lines[name] == nil {
		s.lines[name] = &line{}
	}
	return s.lines[name]
}

// took notes how long a call ran.
func (s *shortCalls) took(c graph.Call, seconds float64) {
	if mean, known := s.means[c]; known {
		seconds = fading*mean + (1-fading)*seconds
	}
	s.means[c] = seconds
}

func (l *line) begin(slot int) {
	if l != nil {
		l.holders++
		l.slot = slot
	}
}

// end notes that a call does not run any more, with its slot or ahead of it.
func (l *line) end(g *grant) {
	switch {
	case l == nil:
	case g.active:
		l.holders--
	case g.ahead > 0:
		l.calls--
		l.seconds -= g.ahead
		g.ahead = 0
	}
}

// nextAhead returns the node that may go ahead of its slot; nil: none may.
func (s *scheduler) nextAhead() (*node, *grant) {
	q := s.queues[""]
	if q == nil || q.Len() == 0 {
		return nil, nil
	}
	n := q.head()
	l := s.short.line(n)
	if l == nil || l.holders == 0 || l.calls == mostAheadCalls || n.mem() > 0 || n.decl().Step.Timeout > 0 {
		return nil, nil
	}
	mean, known := s.short.means[*n.decl().Step.Call]
	mean = max(mean, leastAhead)
	if !known || l.seconds+mean > mostAhead {
		return nil, nil
	}
	heap.Pop(q)
	l.calls++
	l.seconds += mean
	return n, &grant{slot: l.slot, line: l, ahead: mean}
}

// noteTime remembers how long a call took that ended well.
func (l *loop) noteTime(a *attempt) {
	if !a.n.call {
		return
	}
	c := *a.n.decl().Step.Call
	f, err := l.function(l.plugin(c.Plugin), c.Function)
	if err == nil && !f.Overlap {
		l.sched.short.took(c, max(0, a.outcome.Ended.Sub(a.outcome.Started).Seconds()-a.waited.Seconds()))
	}
}
