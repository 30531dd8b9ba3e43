package server

import (
	"context"
	"fmt"

	"github.com/calyx-build/calyx/cas/index"
	"github.com/calyx-build/calyx/cas/storepb"
)

// reply carries a request out and returns the answer.
func (s *server) reply(ctx context.Context, ask *storepb.Ask) *storepb.Tell {
	tell := &storepb.Tell{}
	var err error
	switch kind := ask.Kind.(type) {
	case *storepb.Ask_Rows:
		tell.Kind, err = s.rows(ctx, kind.Rows)
	case *storepb.Ask_Scan:
		tell.Kind, err = s.scan(ctx, kind.Scan)
	case *storepb.Ask_Apply:
		tell.Kind, err = s.apply(ctx, kind.Apply)
	case *storepb.Ask_Sync:
		tell.Kind = &storepb.Tell_Sync{Sync: &storepb.SyncReply{}}
		err = s.db.Sync(ctx)
	case *storepb.Ask_Totals:
		tell.Kind, err = s.totals(ctx)
	default:
		err = fmt.Errorf("a request of no known kind: %v", ask)
	}
	if err != nil {
		return storepb.FromError(err)
	}
	return tell
}

// readAtOnce is how many rows are read before their size is looked at.
const readAtOnce = 64

// rows reads values until the reply is large enough.
func (s *server) rows(ctx context.Context, r *storepb.RowsRequest) (*storepb.Tell_Rows, error) {
	reply := &storepb.RowsReply{}
	bytes := 0
	for keys := r.Keys; len(keys) > 0 && bytes < storepb.Portion; {
		n := min(readAtOnce, len(keys))
		values, err := s.db.Rows(ctx, keys[:n], int(r.Head))
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			bytes += len(v)
		}
		reply.Values = append(reply.Values, storepb.FromValues(values)...)
		keys = keys[n:]
	}
	return &storepb.Tell_Rows{Rows: reply}, nil
}

// scanPortion is the size in bytes at which the reply to a scan ends: large enough to make them few, small enough that little
// is read in vain where the client stops early.
const scanPortion = 256 << 10

func (s *server) scan(ctx context.Context, r *storepb.ScanRequest) (*storepb.Tell_Scan, error) {
	reply, bytes := &storepb.ScanReply{}, 0
	err := s.db.ScanAfter(ctx, r.Prefix, r.After, func(key, value []byte) bool {
		reply.Rows = append(reply.Rows, &storepb.Row{Key: key, Value: value})
		bytes += len(key) + len(value)
		reply.More = bytes >= scanPortion
		return !reply.More
	})
	return &storepb.Tell_Scan{Scan: reply}, err
}

func (s *server) apply(ctx context.Context, r *storepb.ApplyRequest) (*storepb.Tell_Apply, error) {
	request := index.Request{Seq: r.Seq, Txns: storepb.ToTxns(r.Txns)}
	copy(request.Session[:], r.Session)
	results, err := s.db.ApplyRequest(ctx, request)
	return &storepb.Tell_Apply{Apply: &storepb.ApplyReply{Results: storepb.FromResults(results)}}, err
}

func (s *server) totals(ctx context.Context) (*storepb.Tell_Totals, error) {
	t, err := s.db.Totals(ctx)
	return &storepb.Tell_Totals{Totals: &storepb.TotalsReply{Blobs: t.Blobs, BlobBytes: t.BlobBytes, StoredBytes: t.StoredBytes, Rows: t.Rows}}, err
}
