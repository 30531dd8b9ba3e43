package reports

import (
	"os"
	"time"
)

// process identifies the process that a run is in, so that the end of one that was killed is seen at once.
type process struct {
	ID    int    `json:"id"`
	Place string `json:"place"` // where the id means this process; empty where unknown
	Birth uint64 `json:"birth"` // tells it from a later process with its id; 0 where unknown
}

func thisProcess() process {
	p := process{ID: os.Getpid(), Place: place()}
	p.Birth, _ = birth(p.ID)
	return p
}

const (
	// beatEvery is how often a run that has nothing else to write says that it goes on.
	beatEvery = time.Minute
	// silence is the time after which a run in a process that cannot be seen from here is taken for ended.
	silence = 3 * beatEvery
)

// alive reports whether the process still runs, as seen from a process at here. seen is when it was last heard of.
func (p process) alive(here string, seen, now time.Time) bool {
	if p.Place == "" || p.Place != here {
		return now.Sub(seen) < silence
	}
	b, ok := birth(p.ID)
	return ok && b == p.Birth
}

// settle gives the head of a run whose process is gone the state that it ended in.
func (h *headRow) settle(here string, now time.Time) {
	if h.State != StateRunning {
		return
	}
	if h.Process.alive(here, h.Seen, now) {
		h.Seconds = now.Sub(h.Started).Seconds()
		return
	}
	h.State, h.Ended = StateInterrupted, h.Seen
	h.Seconds = h.Seen.Sub(h.Started).Seconds()
}
