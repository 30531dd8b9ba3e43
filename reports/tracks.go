package reports

import (
	"cmp"
	"fmt"
	"slices"
)

const (
	// reusedTrack is the track of what was reused; those of the workers follow it.
	reusedTrack = 0
	firstTrack  = 1
)

// tracks tells on which track each span is drawn. Slices on one track must not overlap; a worker whose call waits for its
// needs works on others meanwhile, so it may need several.
type tracks struct {
	of        []int // by span
	names     []string
	executing int
}

// lane is one track of a worker.
type lane struct {
	worker, depth int
	free          int64 // microsecond from which on it is
	spans         []int
}

func layTracks(spans []Span) tracks {
	t := tracks{of: make([]int, len(spans))}
	var lanes []*lane
	byWorker := map[int][]*lane{}
	for _, i := range byBegin(spans) {
		s := &spans[i]
		begin := s.begin().Microseconds()
		own := byWorker[s.Worker]
		at := slices.IndexFunc(own, func(l *lane) bool { return l.free <= begin })
		if at < 0 {
			l := &lane{worker: s.Worker, depth: len(own)}
			lanes, at = append(lanes, l), len(own)
			byWorker[s.Worker] = append(own, l)
		}
		l := byWorker[s.Worker][at]
		l.free = s.end().Microseconds()
		l.spans = append(l.spans, i)
	}
	slices.SortFunc(lanes, func(a, b *lane) int {
		return cmp.Or(cmp.Compare(a.worker, b.worker), cmp.Compare(a.depth, b.depth))
	})
	for number, l := range lanes {
		for _, i := range l.spans {
			t.of[i] = firstTrack + number
		}
		t.names = append(t.names, l.name())
	}
	return t
}

func (l *lane) name() string {
	name := fmt.Sprintf("worker %d", l.worker+1)
	if l.depth > 0 {
		name += fmt.Sprintf(", while %d waited", l.depth)
	}
	return name
}

// byBegin returns the numbers of the spans that took time, in the order in which they began.
func byBegin(spans []Span) []int {
	var order []int
	for i := range spans {
		if spans[i].ran() {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(spans[a].begin(), spans[b].begin()) })
	return order
}
