package local

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/index"
)

// A blob is kept compressed where that makes it smaller by at least three per cent.
const worthwhile = 0.97

// codec turns small blobs into entries and back. Its encoder and decoder are made at first use: many runs need neither.
type codec struct {
	encoder func() *zstd.Encoder
	decoder func() *zstd.Decoder
}

func newCodec() codec {
	return codec{
		encoder: sync.OnceValue(func() *zstd.Encoder {
			return made(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
				zstd.WithWindowSize(cas.InlineLimit), zstd.WithLowerEncoderMem(true)))
		}),
		decoder: sync.OnceValue(func() *zstd.Decoder {
			return made(zstd.NewReader(nil, zstd.WithDecoderMaxMemory(cas.InlineLimit), zstd.WithDecoderConcurrency(0)))
		}),
	}
}

// made unwraps what can only fail for wrong options.
func made[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("internal error: set zstd up: %v", err))
	}
	return v
}

func (c codec) encode(p []byte) index.Entry {
	e := index.Entry{Kind: index.Raw, Size: int64(len(p)), Content: p}
	if small := c.encoder().EncodeAll(p, make([]byte, 0, len(p))); float64(len(small)) <= worthwhile*float64(len(p)) {
		e.Kind, e.Content = index.Zstd, small
	}
	return e
}

// decode returns the bytes of an entry, not yet checked against the digest. They are never nil.
func (c codec) decode(e index.Entry) ([]byte, error) {
	if e.Size > cas.InlineLimit {
		return nil, index.ErrEntry
	}
	p := append([]byte{}, e.Content...)
	if e.Kind == index.Zstd {
		var err error
		if p, err = c.decoder().DecodeAll(e.Content, make([]byte, 0, e.Size)); err != nil {
			return nil, err
		}
	}
	if int64(len(p)) != e.Size {
		return nil, index.ErrEntry
	}
	return p, nil
}
