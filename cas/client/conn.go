package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/calyx-build/calyx/cas/storepb"
)

// conn is one connection to one server. When it is down it stays down.
type conn struct {
	number uint64 // of the client's connections, from 1 on; set before others see it
	grpc   *grpc.ClientConn
	rpc    storepb.StoreClient
	pid    int // of the server
	stream grpc.BidiStreamingClient[storepb.Ask, storepb.Tell]
	heard  chan struct{} // gets an element when the server said something

	down    chan struct{}
	once    sync.Once
	sending sync.Mutex
}

// newConn speaks gRPC over a connected socket.
func newConn(socket *net.UnixConn) (*conn, error) {
	pid, err := peer(socket)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ask who serves the cache: %w", err), socket.Close())
	}
	rpc, err := grpc.NewClient("passthrough:///calyx-store",
		grpc.WithContextDialer(only(socket)),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(), grpc.WithDisableServiceConfig(), grpc.WithDisableRetry(),
		grpc.WithInitialWindowSize(2*storepb.Portion), grpc.WithInitialConnWindowSize(4*storepb.Portion),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(storepb.MessageLimit), grpc.MaxCallSendMsgSize(storepb.MessageLimit)),
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("speak to the store server: %w", err), socket.Close())
	}
	return &conn{
		grpc: rpc, rpc: storepb.NewStoreClient(rpc), pid: pid,
		heard: make(chan struct{}, 1), down: make(chan struct{}),
	}, nil
}

// errUsed keeps gRPC from connecting a second time by itself.
var errUsed = errors.New("the connection has ended")

// only dials by returning the one socket.
func only(socket *net.UnixConn) func(context.Context, string) (net.Conn, error) {
	sockets := make(chan net.Conn, 1)
	sockets <- socket
	return func(context.Context, string) (net.Conn, error) {
		select {
		case s := <-sockets:
			return s, nil
		default:
			return nil, errUsed
		}
	}
}

// hello opens the session and returns the protocol that the server speaks. It takes the connection down where the
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
	// The session lasts as long as the connection.
	if c.stream, err = c.rpc.Session(context.Background()); err != nil {
		return 0, err
	}
	c.say(&storepb.Ask{Kind: &storepb.Ask_Hello{Hello: &storepb.Hello{Protocol: storepb.Protocol}}})
	answer, err := c.stream.Recv()
	return answer.GetWelcome().GetProtocol(), err
}

// say sends a message in the session. Where that fails, whoever listens learns it too.
func (c *conn) say(ask *storepb.Ask) {
	c.sending.Lock()
	defer c.sending.Unlock()
	if c.stream.Send(ask) != nil {
		c.close()
	}
}

// close takes the connection down.
func (c *conn) close() {
	c.once.Do(func() {
		close(c.down)
		_ = c.grpc.Close()
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
