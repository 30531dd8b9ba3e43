// Package lease hands out the right to execute an action to one asker at a time, in memory. A lease is advice: it ends
// with the session that holds it, and where waiting for it would close a cycle, there is no waiting.
package lease

import (
	"sync"

	"github.com/calyx-build/calyx/hashing"
)

// Table knows who holds which action and who waits for it. It is safe for concurrent use.
type Table struct {
	mu      sync.Mutex
	actions map[hashing.Digest]*action
	// onBehalf lists, for a held action, the claims that its holder waits for meanwhile: those that wait themselves, and
	// those that are granted and executed for it.
	onBehalf map[hashing.Digest]map[*claim]struct{}
	past     history
}

// action is one that is held.
type action struct {
	holders map[*claim]struct{} // more than one where a cycle was avoided
	waiting []*claim            // in the order in which they came
}

// claim is one call of Acquire.
type claim struct {
	session *Session
	id      uint64
	action  hashing.Digest
	holding []hashing.Digest
	granted bool
}

// NewTable returns a table in which nothing is held.
func NewTable() *Table {
	return &Table{actions: map[hashing.Digest]*action{}, onBehalf: map[hashing.Digest]map[*claim]struct{}{}, past: newHistory()}
}

// Session is one asker: a process. When it ends, so do its leases.
type Session struct {
	table  *Table
	claims map[uint64]*claim // nil when the session is closed
	began  uint64            // the history's clock when it was made
	told   map[hashing.Digest]uint64
	// Granted is called when a claim holds its lease; waited tells whether another session held it meanwhile: while the
	// claim waited, or before it was made and after the session began. It is called with the table locked: it must not
	// block or use the table. Set it before the first Acquire.
	Granted func(id uint64, waited bool)
}

// NewSession returns an asker with no leases.
func (t *Table) NewSession() *Session {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &Session{table: t, claims: map[uint64]*claim{}, told: map[hashing.Digest]uint64{}, Granted: func(uint64, bool) {}}
	t.past.join(s)
	return s
}

// Acquire asks for an action. Granted is told when the session has it: at once where nobody else holds it, or where
// somebody does who waits, directly or not, for an action in holding. A closed session is told nothing.
func (s *Session) Acquire(id uint64, wanted hashing.Digest, holding []hashing.Digest) {
	t := s.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.claims == nil {
		return
	}
	c := &claim{session: s, id: id, action: wanted, holding: holding}
	a := t.actions[wanted]
	free := a == nil || t.reaches(wanted, holding)
	t.add(c)
	if free {
		t.grant(c, t.past.news(c))
		return
	}
	a.waiting = append(a.waiting, c)
}

// Try takes an action that can be had at once, and otherwise asks for nothing. What others recorded before is still to be
// looked for.
func (s *Session) Try(id uint64, wanted hashing.Digest, holding []hashing.Digest) bool {
	t := s.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.claims == nil || t.actions[wanted] != nil {
		return false
	}
	c := &claim{session: s, id: id, action: wanted, holding: holding}
	t.past.news(c)
	t.add(c)
	t.hold(c)
	return true
}

// Claim asserts that the session already holds an action, which it got from a table that is lost.
func (s *Session) Claim(id uint64, held hashing.Digest) {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	if s.claims == nil {
		return
	}
	c := &claim{session: s, id: id, action: held}
	s.claims[id] = c
	s.table.hold(c)
}

// Release gives a lease back, or ends the wait for it. A second call does nothing.
func (s *Session) Release(id uint64) {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	if c := s.claims[id]; c != nil {
		s.table.release(c)
	}
}

// Close ends all leases and waits of the session.
func (s *Session) Close() {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	for _, c := range s.claims {
		s.table.release(c)
	}
	if s.claims != nil {
		s.claims = nil
		s.table.past.leave(s)
	}
}

// add notes a claim, and on whose behalf it is made.
func (t *Table) add(c *claim) {
	c.session.claims[c.id] = c
	for _, h := range c.holding {
		if t.onBehalf[h] == nil {
			t.onBehalf[h] = map[*claim]struct{}{}
		}
		t.onBehalf[h][c] = struct{}{}
	}
}

func (t *Table) hold(c *claim) {
	a := t.actions[c.action]
	if a == nil {
		a = &action{holders: map[*claim]struct{}{}}
		t.actions[c.action] = a
	}
	c.granted = true
	a.holders[c] = struct{}{}
}

func (t *Table) grant(c *claim, waited bool) {
	t.hold(c)
	c.session.Granted(c.id, waited)
}

func (t *Table) release(c *claim) {
	delete(c.session.claims, c.id)
	for _, h := range c.holding {
		delete(t.onBehalf[h], c)
		if len(t.onBehalf[h]) == 0 {
			delete(t.onBehalf, h)
		}
	}
	a := t.actions[c.action]
	if !c.granted {
		t.stopWaiting(a, c)
		return
	}
	delete(a.holders, c)
	t.past.add(c)
	if len(a.waiting) > 0 {
		next := a.waiting[0]
		t.stopWaiting(a, next)
		next.session.told[next.action] = t.past.clock
		t.grant(next, true)
	}
	if len(a.holders) == 0 {
		delete(t.actions, c.action)
	}
}

func (t *Table) stopWaiting(a *action, c *claim) {
	for i, w := range a.waiting {
		if w == c {
			a.waiting = append(a.waiting[:i], a.waiting[i+1:]...)
			break
		}
	}
}

// reaches follows who waits for whom: from an action to those that its holder waits for, and tells whether one of the
// targets is met.
func (t *Table) reaches(from hashing.Digest, targets []hashing.Digest) bool {
	wanted := map[hashing.Digest]bool{}
	for _, d := range targets {
		wanted[d] = true
	}
	seen := map[hashing.Digest]bool{from: true}
	for next := []hashing.Digest{from}; len(next) > 0; {
		d := next[len(next)-1]
		next = next[:len(next)-1]
		if wanted[d] {
			return true
		}
		for c := range t.onBehalf[d] {
			if !seen[c.action] {
				seen[c.action] = true
				next = append(next, c.action)
			}
		}
	}
	return false
}
