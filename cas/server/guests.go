package server

import (
	"sync"
	"time"
)

// guests knows the sessions, and so when the server is not needed any more.
type guests struct {
	gone chan struct{} // closed when nobody has been there for a while

	mu      sync.Mutex
	present map[*session]struct{}
	left    bool // gone is closed or the server leaves: nobody is let in
	timer   *time.Timer
	untold  []string // warnings that nobody was there to hear
}

func newGuests() *guests {
	g := &guests{gone: make(chan struct{}), present: map[*session]struct{}{}}
	g.timer = time.AfterFunc(welcome, g.leave)
	return g
}

// add lets a session in, unless the server is leaving.
func (g *guests) add(s *session) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left {
		return false
	}
	g.timer.Stop()
	g.present[s] = struct{}{}
	for _, text := range g.untold {
		s.warn(text)
	}
	g.untold = nil
	return true
}

func (g *guests) remove(s *session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.present, s)
	if len(g.present) == 0 {
		g.timer.Reset(linger)
	}
}

// leave says that the server should go, if nobody is there.
func (g *guests) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.present) == 0 && !g.left {
		g.left = true
		close(g.gone)
	}
}

// dismiss ends all sessions.
func (g *guests) dismiss() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left = true
	for s := range g.present {
		s.end()
	}
}

// hearOut takes no further requests; those that are under way are answered before their connections end.
func (g *guests) hearOut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left = true
	for s := range g.present {
		_ = s.wire.StopReceiving() // one that is closed does not receive
	}
}

// warn tells everybody who is there, or whoever comes first.
func (g *guests) warn(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.present) == 0 {
		g.untold = append(g.untold, text)
	}
	for s := range g.present {
		s.warn(text)
	}
}
