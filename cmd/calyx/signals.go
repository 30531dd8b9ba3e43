package main

import (
	"context"
	"sync"
)

// signals is what the user's wish to stop means to the command that is running. It is safe for concurrent use.
type signals struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	count   int
	stop    chan struct{} // closed by the first interruption
	polite  bool          // the first interruption only closes stop
	ignored bool          // somebody else, who has the terminal, is meant
	restore func()
}

func newSignals() *signals {
	ctx, cancel := context.WithCancel(context.Background())
	return &signals{ctx: ctx, cancel: cancel, stop: make(chan struct{})}
}

// interrupt counts one interruption and reports whether it is the last one, after which calyx ends at once.
func (s *signals) interrupt() (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ignored {
		return false
	}
	s.count++
	if s.count == 1 {
		close(s.stop)
	}
	if s.count > 1 || !s.polite {
		s.cancel()
	}
	return s.count > 1
}

// politely makes the first interruption a request: the channel is closed, and the command ends when it is ready.
func (s *signals) politely() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polite = true
	return s.stop
}

// leave hands interruptions to whoever has the terminal.
func (s *signals) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ignored = true
}

// interrupted reports whether the user asked calyx to stop.
func (s *signals) interrupted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count > 0
}

// onExit sets what brings the terminal back when calyx ends at once.
func (s *signals) onExit(restore func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restore = restore
}

func (s *signals) restoreTerminal() {
	s.mu.Lock()
	restore := s.restore
	s.mu.Unlock()
	if restore != nil {
		restore()
	}
}
