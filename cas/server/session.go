package server

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/calyx-build/calyx/cas/lease"
	"github.com/calyx-build/calyx/cas/storepb"
	"github.com/calyx-build/calyx/hashing/cores"
)

// session is one connected client.
type session struct {
	server *server
	wire   *storepb.Wire
	leases *lease.Session
	ctx    context.Context // ends with the connection
	end    context.CancelFunc
	// requests are those under way that the reader does not carry out by itself.
	requests sync.WaitGroup

	mu      sync.Mutex
	outbox  []*storepb.Tell
	filled  chan struct{} // has an element while the outbox may have some
	reading bool          // the reader will send what is in the outbox
}

// meet serves a client for as long as it is there and is heard of.
func (s *server) meet(ctx context.Context, socket net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wire := storepb.NewWire(socket)
	defer context.AfterFunc(ctx, func() { _ = wire.Close() })()
	defer func() { _ = wire.Close() }()
	hello := &storepb.Ask{}
	if wire.Receive(hello) != nil {
		return
	}
	welcome := &storepb.Tell{Kind: &storepb.Tell_Welcome{Welcome: &storepb.Welcome{Protocol: storepb.Protocol}}}
	if hello.GetHello().GetProtocol() != storepb.Protocol {
		s.guests.leave()
		_ = wire.Send(welcome) // whoever does not hear it tries again
		return
	}
	own := &session{server: s, wire: wire, leases: s.leases.NewSession(), ctx: ctx, end: cancel, filled: make(chan struct{}, 1)}
	own.leases.Granted = own.granted
	if !s.guests.add(own) {
		return
	}
	defer s.guests.remove(own)
	if wire.Send(welcome) == nil {
		go own.talk()
		own.listen()
		own.leases.Close()
		own.requests.Wait()
	}
}

// usual is how many requests are carried out at once where a client works on one thing at a time: what it asks for, and
// what it records meanwhile.
const usual = 2

// listen takes what the client says, until the connection ends. It ends it when the client was silent for too long: one that
// is stopped must not keep its leases.
func (s *session) listen() {
	silence := time.AfterFunc(storepb.Silence, s.end)
	defer silence.Stop()
	for {
		ask := &storepb.Ask{}
		if s.wire.Receive(ask) != nil {
			return
		}
		silence.Reset(storepb.Silence)
		s.read(true)
		s.server.work.Event(s.server.busy.Add(1) > usual)
		s.take(ask)
		s.server.busy.Add(-1)
		s.read(false)
		s.send()
	}
}

// read notes whether the reader is about to look into the outbox by itself.
func (s *session) read(reading bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = reading
}

func (s *session) take(ask *storepb.Ask) {
	switch kind := ask.Kind.(type) {
	case *storepb.Ask_Beat:
		s.tell(&storepb.Tell{Kind: &storepb.Tell_Beat{Beat: &storepb.Beat{}}})
	case *storepb.Ask_Acquire:
		a := kind.Acquire
		s.leases.Acquire(a.Id, storepb.ToDigest(a.Action), storepb.ToDigests(a.Holding))
	case *storepb.Ask_Claim:
		s.leases.Claim(kind.Claim.Id, storepb.ToDigest(kind.Claim.Action))
	case *storepb.Ask_Release:
		s.leases.Release(kind.Release.Id)
	case *storepb.Ask_Rows:
		if kind.Rows.Try != nil {
			s.answerWith(ask, s.rowsOrLease(kind.Rows))
			return
		}
		if len(kind.Rows.Keys) <= readAtOnce { // to wake somebody else would take longer
			s.answer(ask)
			return
		}
		s.answerBeside(ask)
	case *storepb.Ask_Sync: // it waits for the disk
		s.requests.Go(func() { s.answer(ask) })
	default:
		s.answerBeside(ask)
	}
}

// answerBeside carries a request out while the reader goes on.
func (s *session) answerBeside(ask *storepb.Ask) {
	s.server.busy.Add(1)
	s.requests.Add(1)
	cores.Go(func() {
		defer s.requests.Done()
		defer s.server.busy.Add(-1)
		s.answer(ask)
	})
}

// answer carries a request out.
func (s *session) answer(ask *storepb.Ask) { s.answerWith(ask, s.server.reply(s.ctx, ask)) }

func (s *session) answerWith(ask *storepb.Ask, reply *storepb.Tell) {
	reply.Call = ask.Call
	if s.wire.Send(reply) != nil {
		s.end()
	}
}

// rowsOrLease reads a few rows. The reader carries it out by itself, so that a release that follows finds the lease.
func (s *session) rowsOrLease(r *storepb.RowsRequest) *storepb.Tell {
	reply := &storepb.RowsReply{}
	values, err := s.server.db.RowsTrying(s.ctx, r.Keys, func() bool {
		reply.Leased = s.leases.Try(r.Try.Id, storepb.ToDigest(r.Try.Action), storepb.ToDigests(r.Try.Holding))
		return reply.Leased
	}, func() {
		s.leases.Release(r.Try.Id)
		reply.Leased = false
	})
	if err != nil {
		return storepb.FromError(err)
	}
	reply.Values = storepb.FromValues(values)
	return &storepb.Tell{Kind: &storepb.Tell_Rows{Rows: reply}}
}

// talk sends what is in the outbox, where that is not the reader's to do.
func (s *session) talk() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.filled:
			s.send()
		}
	}
}

func (s *session) send() {
	for _, t := range s.taken() {
		if s.wire.Send(t) != nil {
			s.end()
			return
		}
	}
}

func (s *session) granted(id uint64, waited bool) {
	s.tell(&storepb.Tell{Kind: &storepb.Tell_Granted{Granted: &storepb.Granted{Id: id, Waited: waited}}})
}

func (s *session) warn(text string) {
	s.tell(&storepb.Tell{Kind: &storepb.Tell_Warning{Warning: &storepb.Warning{Text: text}}})
}

// tell puts a message into the outbox; it never blocks.
func (s *session) tell(t *storepb.Tell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox = append(s.outbox, t)
	if s.reading {
		return
	}
	select {
	case s.filled <- struct{}{}:
	default:
	}
}

func (s *session) taken() []*storepb.Tell {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.outbox
	s.outbox = nil
	return taken
}
