// Package client is the index of a cache folder whose database another process owns: a store server, which this package
// starts where none answers, kills where it does not answer any more, and replaces where it died. Its callers notice
// nothing but a delay, for every request can be repeated.
package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/calyx-build/calyx/cas/folder"
	"github.com/calyx-build/calyx/cas/index"
	"github.com/calyx-build/calyx/cas/storepb"
)

// Options says how to reach a server.
type Options struct {
	// Server is the command that starts a store server for the folder: one that calls server.Run with its standard
	// output.
	Server []string
	// Warn is told, from any goroutine, what the user should know.
	Warn func(string)
}

// maxTries is how many servers a call outlives. Where so many die one after the other, it is the call's fault.
const maxTries = 40

// Client is an index.Index at the other end of a socket.
type Client struct {
	folder  *folder.Folder
	options Options
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc

	dialing chan struct{} // holds an element while somebody connects
	mu      sync.Mutex
	current *conn // the last connection; nil before the first
	leases  leases
	commits commits
	reads   reads
	work    sync.WaitGroup
}

var _ index.Index = (*Client)(nil)

// Connect connects to the folder's server, and starts one where none answers.
func Connect(ctx context.Context, f *folder.Folder, o Options) (*Client, error) {
	c := &Client{folder: f, options: o, dialing: make(chan struct{}, 1), leases: newLeases(), commits: newCommits()}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if _, err := c.connection(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close ends the connection.
func (c *Client) Close() error {
	if c.ctx.Err() != nil {
		return nil
	}
	c.cancel()
	c.dialing <- struct{}{} // nobody connects any more
	if conn := c.last(); conn != nil {
		conn.close()
	}
	c.work.Wait()
	return nil
}

func (c *Client) last() *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// call makes a request, as often as it takes to get an answer.
func call[T any](ctx context.Context, c *Client, f func(ctx context.Context, rpc storepb.StoreClient) (T, error)) (T, error) {
	var none T
	for tries := 1; ; tries++ {
		conn, err := c.connection(ctx)
		if err != nil {
			return none, err
		}
		answer, err := f(ctx, conn.rpc)
		if err == nil {
			return answer, nil
		}
		if ctx.Err() != nil {
			return none, ctx.Err()
		}
		if !conn.lost(err) {
			return none, storepb.ToError(err)
		}
		if tries == maxTries {
			return none, fmt.Errorf("use the cache %q: %d store servers ended without an answer, the last with: %w (%s may say why)",
				c.folder.Path(), tries, storepb.ToError(err), c.folder.Log())
		}
		conn.close()
	}
}

// lost tells whether a request failed with its connection, and not because of what it asked.
func (c *conn) lost(err error) bool {
	select {
	case <-c.down:
		return true
	default:
		return status.Code(err) == codes.Unavailable
	}
}

// Scan goes on behind the last row that it has seen, where it is interrupted.
func (c *Client) Scan(ctx context.Context, prefix []byte, yield func(key, value []byte) bool) error {
	ctx, cancel := context.WithCancel(ctx) // ends the stream where yield wants no more
	defer cancel()
	var last []byte
	_, err := call(ctx, c, func(ctx context.Context, rpc storepb.StoreClient) (struct{}, error) {
		stream, err := rpc.Scan(ctx, &storepb.ScanRequest{Prefix: prefix, After: last})
		for err == nil {
			var reply *storepb.ScanReply
			if reply, err = stream.Recv(); err != nil {
				break
			}
			for _, row := range storepb.ToRows(reply.Rows) {
				if !yield(row.Key, row.Value) {
					return struct{}{}, nil
				}
				last = row.Key
			}
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return struct{}{}, err
	})
	return err
}

// Totals counts rows and blobs.
func (c *Client) Totals(ctx context.Context) (index.Totals, error) {
	t, err := call(ctx, c, func(ctx context.Context, rpc storepb.StoreClient) (*storepb.TotalsReply, error) {
		return rpc.Totals(ctx, &storepb.TotalsRequest{})
	})
	if err != nil {
		return index.Totals{}, err
	}
	return index.Totals{Blobs: t.Blobs, BlobBytes: t.BlobBytes, StoredBytes: t.StoredBytes, Rows: t.Rows}, nil
}
