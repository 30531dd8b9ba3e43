package reports

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/calyx-build/calyx/hashing/rows"
	"github.com/klauspost/compress/zstd"
)

// rowVersion is the first byte of every row of this package. A row of another version is left alone.
const rowVersion = 1

// maxRow bounds what a compressed row may unfold to, in bytes, so that a damaged one cannot take all memory.
const maxRow = 1 << 28

// headRow is the row of a run.
type headRow struct {
	Head
	Process process   `json:"process"`
	Seen    time.Time `json:"seen"`   // when the run was last known to go on
	Pieces  int       `json:"pieces"` // how many rows of spans there are
	Spans   int       `json:"spans"`  // how many spans they hold
}

func encodeHead(h *headRow) ([]byte, error) {
	body, err := rows.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encode run %q: %w", h.Run, err)
	}
	return append([]byte{rowVersion}, body...), nil
}

// decodeHead reads a run's row; ok is false where it is damaged or of another version.
func decodeHead(row []byte) (h headRow, ok bool) {
	if len(row) == 0 || row[0] != rowVersion || rows.Unmarshal(row[1:], &h) != nil {
		return headRow{}, false
	}
	return h, true
}

// codec compresses rows. It is not safe for concurrent use.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func (c *codec) pack(body []byte) []byte {
	if c.enc == nil {
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic("internal error: set zstd up: " + err.Error())
		}
		c.enc = enc
	}
	return c.enc.EncodeAll(body, []byte{rowVersion})
}

// unpack returns what pack was given; nil where the row is damaged or of another version.
func (c *codec) unpack(row []byte) []byte {
	if len(row) == 0 || row[0] != rowVersion {
		return nil
	}
	if c.dec == nil {
		dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxRow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			panic("internal error: set zstd up: " + err.Error())
		}
		c.dec = dec
	}
	body, err := c.dec.DecodeAll(row[1:], nil)
	if err != nil {
		return nil
	}
	return body
}

func (c *codec) packSpans(spans []Span) ([]byte, error) {
	body, err := rows.Marshal(spans)
	if err != nil {
		return nil, fmt.Errorf("encode spans: %w", err)
	}
	return c.pack(body), nil
}

// unpackSpans reads a piece; nil where it is damaged.
func (c *codec) unpackSpans(row []byte) []Span {
	var spans []Span
	if body := c.unpack(row); body == nil || rows.Unmarshal(body, &spans) != nil {
		return nil
	}
	return spans
}

// headPrefix begins the keys of all runs of a workspace; all ids of workspaces have one length.
func headPrefix(workspace string) []byte { return append([]byte{'r'}, workspace...) }

func headKey(workspace, run string) []byte { return append(headPrefix(workspace), run...) }

func piecePrefix(workspace, run string) []byte {
	return append(append(append([]byte{'s'}, workspace...), run...), 0)
}

func pieceKey(workspace, run string, seq int) []byte {
	return binary.BigEndian.AppendUint32(piecePrefix(workspace, run), uint32(seq))
}
