package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
	"time"

	"github.com/calyx-build/calyx/cas/folder"
	"github.com/calyx-build/calyx/cas/index"
	"github.com/calyx-build/calyx/cas/storepb"
)

const (
	// settle is the time between two looks at a server that is going or coming.
	settle = 5 * time.Millisecond
	// patience is how long a client waits for a server of another version before it tells the user.
	patience = time.Second
)

// errHandshake is returned inside establish where another attempt may succeed.
var errHandshake = errors.New("the store server left while a client was connecting")

// connection returns the connection, after making a new one where the last is down.
func (c *Client) connection(ctx context.Context) (*conn, error) {
	if last := c.last(); last != nil && last.up() && ctx.Err() == nil && c.ctx.Err() == nil {
		return last, nil
	}
	select {
	case c.dialing <- struct{}{}:
		defer func() { <-c.dialing }()
	case <-c.ctx.Done():
	case <-ctx.Done():
	}
	if c.ctx.Err() != nil {
		return nil, fmt.Errorf("use the cache %q: %w", c.folder.Path(), index.ErrClosed)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if last := c.last(); last != nil && last.up() {
		return last, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	conn, err := c.establish(ctx)
	if err != nil {
		return nil, err
	}
	c.adopt(conn)
	return conn, nil
}

func (c *conn) up() bool {
	select {
	case <-c.down:
		return false
	default:
		return true
	}
}

// adopt makes a connection the present one.
func (c *Client) adopt(conn *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn.number = 1
	if c.current != nil {
		conn.number += c.current.number
	}
	c.current = conn
	c.leases.renew(conn)
	c.work.Go(func() { c.listen(conn) })
	c.work.Go(func() {
		if err := conn.watch(); err != nil {
			c.options.Warn(err.Error())
		}
	})
}

// listen takes what the server says, until the connection is down. Leases that are held then must not wait for the next
// call to be renewed.
func (c *Client) listen(conn *conn) {
	defer conn.close()
	for {
		tell := &storepb.Tell{}
		if conn.wire.Receive(tell) != nil {
			break
		}
		select {
		case conn.heard <- struct{}{}:
		default:
		}
		switch kind := tell.Kind.(type) {
		case *storepb.Tell_Granted:
			c.leases.granted(kind.Granted.Id, kind.Granted.Waited)
		case *storepb.Tell_Warning:
			c.options.Warn(kind.Warning.Text)
		default:
			conn.deliver(tell)
		}
	}
	conn.close()
	if c.leases.any() && c.ctx.Err() == nil {
		_, _ = c.connection(c.ctx) // whoever calls next meets the same error, and reports it
	}
}

// establish connects to whoever serves the folder, and starts, awaits, or ends servers until one is right.
func (c *Client) establish(ctx context.Context) (*conn, error) {
	began, told := time.Now(), false
	for tries := 1; ; {
		conn, protocol, err := c.greet(ctx)
		switch {
		case err == nil && protocol == storepb.Protocol:
			return conn, nil
		case err == nil:
			conn.close()
			if !told && time.Since(began) > patience {
				told = true
				c.options.Warn(fmt.Sprintf("the cache %q is in use by another version of calyx (process %d); waiting for it to end",
					c.folder.Path(), conn.pid))
			}
		case !errors.Is(err, errHandshake):
			return nil, err
		case tries == maxTries:
			return nil, fmt.Errorf("connect to the cache %q: %w (%s may say why)", c.folder.Path(), err, c.folder.Log())
		default:
			tries++
		}
		select {
		case <-time.After(settle):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// greet connects once, and starts a server where none answers.
func (c *Client) greet(ctx context.Context) (*conn, uint32, error) {
	socket, err := c.folder.Dial(ctx)
	if nobodyThere(err) {
		if err := c.startServer(ctx); err != nil {
			return nil, 0, err
		}
		socket, err = c.folder.Dial(ctx)
	}
	if nobodyThere(err) {
		return nil, 0, errHandshake
	}
	if err != nil {
		return nil, 0, fmt.Errorf("connect to the cache %q: %w", c.folder.Path(), err)
	}
	return handshake(socket)
}

func nobodyThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

func handshake(socket *net.UnixConn) (*conn, uint32, error) {
	conn, err := newConn(socket)
	if err != nil {
		return nil, 0, err
	}
	protocol, hung, err := conn.hello()
	if err == nil {
		return conn, protocol, nil
	}
	conn.close()
	if hung {
		if err := conn.kill(); err != nil {
			return nil, 0, err
		}
	}
	return nil, 0, fmt.Errorf("%w: %w", errHandshake, err)
}

// ServerPid returns the process that serves a folder now. The error wraps fs.ErrNotExist or ECONNREFUSED where there is
// none.
func ServerPid(ctx context.Context, f *folder.Folder) (int, error) {
	socket, err := f.Dial(ctx)
	if err != nil {
		return 0, err
	}
	pid, err := peer(socket)
	return pid, errors.Join(err, socket.Close())
}
