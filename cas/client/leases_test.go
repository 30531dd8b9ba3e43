package client

import (
	"testing"

	"google.golang.org/grpc"

	"github.com/calyx-build/calyx/cas/storepb"
	"github.com/calyx-build/calyx/hashing"
)

// sink is a stream that keeps what is said.
type sink struct {
	grpc.BidiStreamingClient[storepb.Ask, storepb.Tell]
	said int
}

func (s *sink) Send(*storepb.Ask) error { s.said++; return nil }

// TestALeaseIsAskedOnceOfEachServer plays a connection that is replaced while a lease is being asked for.
func TestALeaseIsAskedOnceOfEachServer(t *testing.T) {
	for _, tt := range []struct {
		name  string
		begin func(l *leases, present *conn) *held
		want  [2]int
	}{
		{"the new connection came before the lease began", func(l *leases, present *conn) *held {
			l.renew(present)
			return l.begin(hashing.Digest{}, nil)
		}, [2]int{1, 1}},
		{"the new connection came after the lease began", func(l *leases, present *conn) *held {
			h := l.begin(hashing.Digest{}, nil)
			l.renew(present)
			return h
		}, [2]int{0, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			past, present := &sink{}, &sink{}
			before, now := &conn{number: 1, stream: past}, &conn{number: 2, stream: present}
			l := newLeases()
			h := tt.begin(&l, now)
			l.ask(before, h) // the caller took its connection first
			l.ask(now, h)    // and learns then that it is down
			if got := [2]int{past.said, present.said}; got != tt.want {
				t.Errorf("the servers were asked %v times, should be %v", got, tt.want)
			}
		})
	}
}
