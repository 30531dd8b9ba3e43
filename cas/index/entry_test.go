package index_test

import (
	"bytes"
	"testing"

	"github.com/calyx-build/calyx/cas/index"
	"github.com/calyx-build/calyx/hashing"
)

// FuzzEntry decodes anything: what is an entry encodes to the same bytes, unless its numbers were written longer than
// they need be.
func FuzzEntry(f *testing.F) {
	for _, e := range []index.Entry{
		{Kind: index.Raw},
		{Kind: index.Raw, Size: 3, Content: []byte("abc")},
		{Kind: index.Zstd, Size: 1 << 17, Content: []byte("abc")},
		{Kind: index.File, Size: 1 << 40, Stat: hashing.Stat{Dev: 1, Ino: 1 << 63, Size: 1 << 40, Mtime: -1, Ctime: 1 << 62, Mode: 0o100444}},
	} {
		f.Add(e.Encode())
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		e, err := index.DecodeEntry(p)
		if err != nil {
			return
		}
		again := e.Encode()
		if len(again) > len(p) {
			t.Fatalf("%x is an entry that encodes to %x", p, again)
		}
		if len(again) == len(p) && !bytes.Equal(again, p) {
			t.Fatalf("%x is an entry that encodes to %x", p, again)
		}
		back, err := index.DecodeEntry(again)
		if err != nil || !bytes.Equal(back.Encode(), again) {
			t.Fatalf("%x decodes, what it encodes to (%x) does not: %v", p, again, err)
		}
		if e.Kind == index.File && len(again) > index.HeadSize {
			t.Fatalf("the entry %x is longer than HeadSize", again)
		}
	})
}
