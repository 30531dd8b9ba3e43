package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/calyx-build/calyx/cas/storepb"
)

// conn is one connection to one server. When it is down it stays down.
type conn struct {
	number uint64 // of the client's connections, from 1 on; set before others see it
	wire   *storepb.Wire
	pid    int           // of the server
	heard  chan struct{} // gets an element when the server said something

	down chan struct{}
	once sync.Once

	mu    sync.Mutex
	asked uint64
	open  map[uint64]chan<- *storepb.Tell // requests that are not answered
}

// newConn speaks over a connected socket.
func newConn(socket *net.UnixConn) (*conn, error) {
	pid, err := peer(socket)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ask who serves the cache: %w", err), socket.Close())
	}
	return &conn{
		wire: storepb.NewWire(socket), pid: pid,
		heard: make(chan struct{}, 1), down: make(chan struct{}), open: map[uint64]chan<- *storepb.Tell{},
	}, nil
}

// hello greets the server and returns the protocol that the server speaks. It takes the connection down where the
// server does not answer in time; hung is true then.
func (c *conn) hello() (protocol uint32, hung bool, err error) {
	late := make(chan struct{})
	timer := time.AfterFunc(storepb.Silence, func() {
		close(late)
		c.close()
	})
	defer timer.Stop()
	protocol, err = c.greet()
	select {
	case <-late:
		return 0, true, err
	default:
		return protocol, false, err
	}
}

func (c *conn) greet() (protocol uint32, err error) {
	c.say(&storepb.Ask{Kind: &storepb.Ask_Hello{Hello: &storepb.Hello{Protocol: storepb.Protocol}}})
	answer := &storepb.Tell{}
	err = c.wire.Receive(answer)
	return answer.GetWelcome().GetProtocol(), err
}

// say sends a message. Where that fails, whoever listens learns it too.
func (c *conn) say(ask *storepb.Ask) {
	if c.wire.Send(ask) != nil {
		c.close()
	}
}

// errLost says that a connection has ended before a request was answered.
var errLost = errors.New("the store server has ended")

// ask makes a request. The error is errLost where another connection may answer it.
func (c *conn) ask(ctx context.Context, request *storepb.Ask) (*storepb.Tell, error) {
	answered := make(chan *storepb.Tell, 1)
	request.Call = c.begin(answered)
	defer c.end(request.Call)
	if err := c.wire.Send(request); errors.Is(err, storepb.ErrTooLarge) {
		return nil, err
	} else if err != nil {
		return nil, errLost
	}
	select {
	case tell := <-answered:
		if e := tell.GetError(); e.GetKind() == storepb.Error_KIND_CLOSED {
			return nil, errLost
		} else if e != nil {
			return nil, storepb.ToError(e)
		}
		return tell, nil
	case <-c.down:
		return nil, errLost
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *conn) begin(answered chan<- *storepb.Tell) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	c.open[c.asked] = answered
	return c.asked
}

func (c *conn) end(call uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, call)
}

// deliver hands an answer to whoever asked, if he still waits.
func (c *conn) deliver(tell *storepb.Tell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if answered, ok := c.open[tell.Call]; ok {
		delete(c.open, tell.Call)
		answered <- tell
	}
}

// close takes the connection down.
func (c *conn) close() {
	c.once.Do(func() {
		close(c.down)
		_ = c.wire.Close()
	})
}

// kill ends a server that does not answer. What it acknowledged is on the disk, and it holds nothing else.
func (c *conn) kill() error {
	if err := syscall.Kill(c.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end the store server (process %d), which does not answer: %w", c.pid, err)
	}
	return nil
}

// watch takes the connection down when the server ends or says nothing for too long, and kills it then. It counts
// its own heartbeats, not the time: a client that was itself stopped must give the server time to answer.
func (c *conn) watch() error {
	tick := time.NewTicker(storepb.BeatEvery)
	defer tick.Stop()
	for unanswered := 0; ; {
		select {
		case <-c.down:
			return nil
		case <-c.heard:
			unanswered = 0
		case <-tick.C:
			if unanswered++; time.Duration(unanswered)*storepb.BeatEvery > storepb.Silence {
				defer c.close()
				return c.kill()
			}
			// A server that does not read must not hold this loop up.
			go c.say(&storepb.Ask{Kind: &storepb.Ask_Beat{Beat: &storepb.Beat{}}})
		}
	}
}
