package lease_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/cas/lease"
	"github.com/calyx-build/calyx/hashing"
)

// claim is one call of Acquire, as the test sees it.
type claim struct {
	session int
	id      uint64
	action  hashing.Digest
	holding []uint64 // claims of the same session on whose behalf it was made
	granted bool
	waited  bool
}

// world is a table and what the test knows of it.
type world struct {
	table    *lease.Table
	sessions []*lease.Session
	claims   map[uint64]*claim // not released yet
	last     uint64
	clock    int
	began    map[*lease.Session]int
	told     map[told]int // when the last release was that a session was told of
	released map[hashing.Digest]release
}

type told struct {
	session *lease.Session
	action  hashing.Digest
}

// release is who released an action last, and when.
type release struct {
	by *lease.Session
	at int
}

func newWorld(sessions int) *world {
	w := &world{table: lease.NewTable(), claims: map[uint64]*claim{}, began: map[*lease.Session]int{}, told: map[told]int{}, released: map[hashing.Digest]release{}}
	for range sessions {
		w.sessions = append(w.sessions, w.newSession())
	}
	return w
}

func (w *world) newSession() *lease.Session {
	s := w.table.NewSession()
	w.clock++
	w.began[s] = w.clock
	s.Granted = func(id uint64, waited bool) {
		c := w.claims[id]
		c.granted, c.waited = true, waited
		if waited {
			w.told[told{s, c.action}] = w.clock
		}
	}
	return s
}

// acquire claims an action for a session, on behalf of some of what it holds.
func (w *world) acquire(session int, action hashing.Digest, holding []uint64) *claim {
	w.last++
	c := &claim{session: session, id: w.last, action: action, holding: holding}
	w.claims[c.id] = c
	var actions []hashing.Digest
	for _, id := range holding {
		actions = append(actions, w.claims[id].action)
	}
	w.sessions[session].Acquire(c.id, action, actions)
	return c
}

// held returns the granted claims that nothing was asked for on behalf of, or (busy) all granted ones, in order.
func (w *world) held(session int, busy bool) []uint64 {
	var ids []uint64
	for id, c := range w.claims {
		if c.granted && c.session == session && (busy || !w.needed(id)) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (w *world) needed(id uint64) bool {
	for _, c := range w.claims {
		if !c.granted && slices.Contains(c.holding, id) {
			return true
		}
	}
	return false
}

func (w *world) release(id uint64) {
	c := w.claims[id]
	delete(w.claims, id)
	w.note(c)
	w.sessions[c.session].Release(id)
}

func (w *world) note(c *claim) {
	if c.granted {
		w.clock++
		w.released[c.action] = release{w.sessions[c.session], w.clock}
	}
}

// TestNoDeadlock makes random claims. Whatever is waited for must be granted some time, if all who do not wait release
// what they hold; and a free action must be granted at once.
func TestNoDeadlock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(3)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			w.step(t)
		}
		for len(w.claims) > 0 {
			w.releaseOne(t)
		}
	})
}

func (w *world) step(t *rapid.T) {
	session := rapid.IntRange(0, len(w.sessions)-1).Draw(t, "session")
	held := w.held(session, true)
	switch idle := w.held(session, false); rapid.IntRange(0, 9).Draw(t, "what") {
	case 0:
		w.sessions[session].Close()
		for id, c := range w.claims {
			if c.session == session {
				delete(w.claims, id)
				w.note(c)
			}
		}
		w.sessions[session] = w.newSession()
	case 1, 2:
		if len(idle) > 0 {
			w.release(rapid.SampledFrom(idle).Draw(t, "release"))
		}
	default:
		action := hashing.Sum([]byte{rapid.Byte().Draw(t, "action") % 4})
		var holding []uint64
		if len(held) > 0 {
			holding = rapid.SliceOfDistinct(rapid.SampledFrom(held), rapid.ID[uint64]).Draw(t, "holding")
		}
		free := w.free(action)
		elsewhere := w.releasedElsewhere(session, action)
		if c := w.acquire(session, action, holding); free && (!c.granted || c.waited != elsewhere) {
			t.Fatalf("a free action was not granted at once, or with wrong news: %+v, released elsewhere: %v", *c, elsewhere)
		}
	}
}

// releasedElsewhere reports whether another session was the last to release an action since this one began.
func (w *world) releasedElsewhere(session int, action hashing.Digest) bool {
	last, ok := w.released[action]
	s := w.sessions[session]
	return ok && last.by != s && last.at > max(w.began[s], w.told[told{s, action}])
}

func (w *world) free(action hashing.Digest) bool {
	for _, c := range w.claims {
		if c.action == action {
			return false
		}
	}
	return true
}

// releaseOne releases something that nobody waits on behalf of.
func (w *world) releaseOne(t *rapid.T) {
	for session := range w.sessions {
		if idle := w.held(session, false); len(idle) > 0 {
			w.release(idle[0])
			return
		}
	}
	t.Fatalf("%d claims wait for each other for ever", len(w.claims))
}

func TestHandover(t *testing.T) {
	w := newWorld(3)
	action := hashing.Sum(nil)
	first, second, third := w.acquire(0, action, nil), w.acquire(1, action, nil), w.acquire(2, action, nil)
	if !first.granted || second.granted || third.granted {
		t.Fatal("the first, and only the first, gets the lease at once")
	}
	w.release(first.id)
	if !second.granted || !second.waited || third.granted {
		t.Fatal("the second gets the lease next, and knows that it waited")
	}
	w.sessions[1].Close()
	if !third.granted || !third.waited {
		t.Fatal("the third gets the lease when the second's session ends")
	}
}

func TestClaimAfterRestart(t *testing.T) {
	w := newWorld(2)
	action := hashing.Sum(nil)
	w.sessions[0].Claim(100, action)
	if c := w.acquire(1, action, nil); c.granted {
		t.Fatal("a lease that is claimed was granted")
	}
}
