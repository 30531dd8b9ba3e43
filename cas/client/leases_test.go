package client

import (
	"net"
	"testing"

	"github.com/calyx-build/calyx/cas/storepb"
	"github.com/calyx-build/calyx/hashing"
)

// listened is a connection, and tells what number of messages were sent through it once it is closed.
func listened(number uint64) (c *conn, said func() int) {
	near, far := net.Pipe()
	c = &conn{number: number, wire: storepb.NewWire(near), down: make(chan struct{})}
	messages := make(chan int)
	go func() {
		n := 0
		for wire := storepb.NewWire(far); wire.Receive(&storepb.Ask{}) == nil; {
			n++
		}
		messages <- n
	}()
	return c, func() int {
		c.close()
		return <-messages
	}
}

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
			before, past := listened(1)
			now, present := listened(2)
			l := newLeases()
			h := tt.begin(&l, now)
			l.ask(before, h) // the caller took its connection first
			l.ask(now, h)    // and learns then that it is down
			if got := [2]int{past(), present()}; got != tt.want {
				t.Errorf("the servers were asked %v times, should be %v", got, tt.want)
			}
		})
	}
}
