package server

import (
	"context"

	"google.golang.org/grpc"

	"github.com/calyx-build/calyx/cas/index"
	"github.com/calyx-build/calyx/cas/storepb"
)

// readAtOnce is how many rows are read before their size is looked at.
const readAtOnce = 64

// Rows reads values until the reply is large enough.
func (s *server) Rows(ctx context.Context, r *storepb.RowsRequest) (*storepb.RowsReply, error) {
	reply := &storepb.RowsReply{}
	bytes := 0
	for keys := r.Keys; len(keys) > 0 && bytes < storepb.Portion; {
		n := min(readAtOnce, len(keys))
		values, err := s.db.Rows(ctx, keys[:n], int(r.Head))
		if err != nil {
			return nil, storepb.FromError(err)
		}
		for _, v := range values {
			bytes += len(v)
		}
		reply.Values = append(reply.Values, storepb.FromValues(values)...)
		keys = keys[n:]
	}
	return reply, nil
}

// scanPortion is the size in bytes of a scan's messages: large enough to make them few, small enough that little is
// read in vain where the client stops early.
const scanPortion = 256 << 10

// Scan sends rows in portions.
func (s *server) Scan(r *storepb.ScanRequest, stream grpc.ServerStreamingServer[storepb.ScanReply]) error {
	reply, bytes := &storepb.ScanReply{}, 0
	var sendErr error
	err := s.db.ScanAfter(stream.Context(), r.Prefix, r.After, func(key, value []byte) bool {
		reply.Rows = append(reply.Rows, &storepb.Row{Key: key, Value: value})
		if bytes += len(key) + len(value); bytes >= scanPortion {
			sendErr = stream.Send(reply)
			reply, bytes = &storepb.ScanReply{}, 0
		}
		return sendErr == nil
	})
	if err != nil {
		return storepb.FromError(err)
	}
	if sendErr != nil {
		return sendErr
	}
	return stream.Send(reply)
}

// Commit applies a request.
func (s *server) Commit(ctx context.Context, r *storepb.CommitRequest) (*storepb.CommitReply, error) {
	request := index.Request{Seq: r.Seq, Txns: storepb.ToTxns(r.Txns)}
	copy(request.Session[:], r.Session)
	results, err := s.db.CommitRequest(ctx, request)
	if err != nil {
		return nil, storepb.FromError(err)
	}
	return &storepb.CommitReply{Results: storepb.FromResults(results)}, nil
}

// Totals counts.
func (s *server) Totals(ctx context.Context, _ *storepb.TotalsRequest) (*storepb.TotalsReply, error) {
	t, err := s.db.Totals(ctx)
	if err != nil {
		return nil, storepb.FromError(err)
	}
	return &storepb.TotalsReply{Blobs: t.Blobs, BlobBytes: t.BlobBytes, StoredBytes: t.StoredBytes, Rows: t.Rows}, nil
}
