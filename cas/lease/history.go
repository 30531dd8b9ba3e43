package lease

import "github.com/calyx-build/calyx/hashing"

// history knows which actions were released lately, so that a session which looked for a result just before another one
// recorded it learns, with its lease, that it should look again. It forgets the oldest: leases are advice.
type history struct {
	sessions map[*Session]struct{}
	clock    uint64
	// Two generations: when the newer one is full it becomes the older one.
	newer, older map[hashing.Digest]release
}

// release is the end of a claim that was held.
type release struct {
	by *Session
	at uint64
}

// generation is how many releases a generation holds.
const generation = 1 << 15

func newHistory() history {
	return history{sessions: map[*Session]struct{}{}, newer: map[hashing.Digest]release{}}
}

func (h *history) join(s *Session) {
	h.sessions[s] = struct{}{}
	s.began = h.clock
}

func (h *history) leave(s *Session) {
	delete(h.sessions, s)
	if len(h.sessions) < 2 {
		h.newer, h.older = map[hashing.Digest]release{}, nil
	}
}

// add notes that a claim was released. Where there is one session only, nobody would ask.
func (h *history) add(c *claim) {
	if len(h.sessions) < 2 {
		return
	}
	if len(h.newer) >= generation {
		h.newer, h.older = map[hashing.Digest]release{}, h.newer
	}
	h.clock++
	h.newer[c.action] = release{c.session, h.clock}
}

// news reports whether another session was the last to release the claim's action, after the claim's session began and
// after it was told so before.
func (h *history) news(c *claim) bool {
	r, ok := h.newer[c.action]
	if !ok {
		r, ok = h.older[c.action]
	}
	s := c.session
	if !ok || r.by == s || r.at <= max(s.began, s.told[c.action]) {
		return false
	}
	s.told[c.action] = r.at
	return true
}
