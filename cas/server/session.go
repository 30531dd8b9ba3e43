package server

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/calyx-build/calyx/cas/lease"
	"github.com/calyx-build/calyx/cas/storepb"
)

// session is one connected client.
type session struct {
	leases *lease.Session
	end    context.CancelFunc

	mu     sync.Mutex
	outbox []*storepb.Tell
	filled chan struct{} // has an element while the outbox may have some
}

// stream is what gRPC makes of a session.
type stream = grpc.BidiStreamingServer[storepb.Ask, storepb.Tell]

// Session lives as long as a client does and is heard of.
func (s *server) Session(stream stream) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	welcome := &storepb.Tell{Kind: &storepb.Tell_Welcome{Welcome: &storepb.Welcome{Protocol: storepb.Protocol}}}
	if first.GetHello().GetProtocol() != storepb.Protocol {
		s.guests.leave()
		return stream.Send(welcome)
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	own := &session{leases: s.leases.NewSession(), end: cancel, filled: make(chan struct{}, 1)}
	own.leases.Granted = own.granted
	if !s.guests.add(own) {
		return status.Error(codes.Unavailable, "the store server is leaving")
	}
	defer s.guests.remove(own)
	defer own.leases.Close()
	if err := stream.Send(welcome); err != nil {
		return err
	}
	heard := make(chan struct{}, 1)
	go own.listen(stream, heard)
	return own.talk(ctx, stream, heard)
}

// listen takes what the client says, until the stream ends.
func (s *session) listen(stream stream, heard chan<- struct{}) {
	defer s.end()
	for {
		ask, err := stream.Recv()
		if err != nil {
			return
		}
		select {
		case heard <- struct{}{}:
		default:
		}
		s.answer(ask)
	}
}

func (s *session) answer(ask *storepb.Ask) {
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
	}
}

// talk sends what is in the outbox. It ends the session when the client was silent for too long: one that is stopped
// must not keep its leases.
func (s *session) talk(ctx context.Context, stream stream, heard <-chan struct{}) error {
	silence := time.NewTimer(storepb.Silence)
	defer silence.Stop()
	for {
		select {
		case <-ctx.Done():
			return status.Error(codes.Unavailable, "the session has ended")
		case <-silence.C:
			return status.Error(codes.Unavailable, "the client was silent for too long")
		case <-heard:
			silence.Reset(storepb.Silence)
		case <-s.filled:
			for _, t := range s.take() {
				if err := stream.Send(t); err != nil {
					return err
				}
			}
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
	s.outbox = append(s.outbox, t)
	s.mu.Unlock()
	select {
	case s.filled <- struct{}{}:
	default:
	}
}

func (s *session) take() []*storepb.Tell {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.outbox
	s.outbox = nil
	return taken
}
