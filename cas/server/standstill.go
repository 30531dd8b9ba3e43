package server

import (
	"time"

	"github.com/calyx-build/calyx/cas/storepb"
)

// Standstill finds out whether a process that cannot be spoken to yet is stopped, and not merely slow. It counts its looks, not the time:
// whoever was stopped together with the process must give it time to go on.
type Standstill struct {
	enough int
	pid    int
	looks  int
}

// NewStandstill returns one that is asked with such pauses.
func NewStandstill(between time.Duration) *Standstill {
	return &Standstill{enough: int(storepb.Silence / between)}
}

// Lasts looks at a process once, and reports whether it was stopped at every look for as long as a server may be silent. No process is 0.
func (s *Standstill) Lasts(pid int) bool {
	if pid == 0 || pid != s.pid || !isStopped(pid) {
		s.pid, s.looks = pid, 0
		return false
	}
	s.looks++
	return s.looks > s.enough
}
