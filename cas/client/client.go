// Package client is the index of a cache folder whose database another process owns: a store server, which this package
// starts where none answers, kills where it does not answer any more, and replaces where it died. Its callers notice
// nothing but a delay, for every request can be repeated.
package client

import (
	"context"
	"errors"
	"fmt"
	"sync"

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
	applies applies
	reads   reads
	work    sync.WaitGroup
}

var _ index.Index = (*Client)(nil)

// Connect connects to the folder's server, and starts one where none answers.
func Connect(ctx context.Context, f *folder.Folder, o Options) (*Client, error) {
	c := &Client{folder: f, options: o, dialing: make(chan struct{}, 1), leases: newLeases(), applies: newApplies()}
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
func (c *Client) call(ctx context.Context, request *storepb.Ask) (*storepb.Tell, error) {
	answer, _, err := c.callOf(ctx, request)
	return answer, err
}

// callOf is call, and tells whose answer it is.
func (c *Client) callOf(ctx context.Context, request *storepb.Ask) (*storepb.Tell, *conn, error) {
	for tries := 1; ; tries++ {
		conn, err := c.connection(ctx)
		if err != nil {
			return nil, nil, err
		}
		answer, err := conn.ask(ctx, request)
		if err == nil || !errors.Is(err, errLost) {
			return answer, conn, err
		}
		if tries == maxTries {
			return nil, nil, fmt.Errorf("use the cache %q: %d store servers ended without an answer (%s may say why)",
				c.folder.Path(), tries, c.folder.Log())
		}
		conn.close()
	}
}

// Scan asks for one portion after the other.
func (c *Client) Scan(ctx context.Context, prefix []byte, yield func(key, value []byte) bool) error {
	var last []byte
	for more := true; more; {
		answer, err := c.call(ctx, &storepb.Ask{Kind: &storepb.Ask_Scan{Scan: &storepb.ScanRequest{Prefix: prefix, After: last}}})
		if err != nil {
			return err
		}
		for _, row := range storepb.ToRows(answer.GetScan().GetRows()) {
			if !yield(row.Key, row.Value) {
				return nil
			}
			last = row.Key
		}
		more = answer.GetScan().GetMore()
	}
	return nil
}

// Sync makes durable what was applied before. Where the server ends meanwhile, the next one has made it so when it opened the
// database.
func (c *Client) Sync(ctx context.Context) error {
	_, err := c.call(ctx, &storepb.Ask{Kind: &storepb.Ask_Sync{Sync: &storepb.SyncRequest{}}})
	return err
}

// Totals counts rows and blobs.
func (c *Client) Totals(ctx context.Context) (index.Totals, error) {
	answer, err := c.call(ctx, &storepb.Ask{Kind: &storepb.Ask_Totals{Totals: &storepb.TotalsRequest{}}})
	if err != nil {
		return index.Totals{}, err
	}
	t := answer.GetTotals()
	return index.Totals{Blobs: t.Blobs, BlobBytes: t.BlobBytes, StoredBytes: t.StoredBytes, Rows: t.Rows}, nil
}
