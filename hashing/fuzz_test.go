package hashing_test

import (
	"bytes"
	"testing"

	"github.com/calyx-build/calyx/hashing"
)

func FuzzDecode(f *testing.F) {
	for _, v := range []any{nil, true, int64(-5), 1.5, "x", []byte{0}, []any{int64(1), "a"}, hashing.Map{{Key: "k", Value: nil}}, hashing.Sum(nil)} {
		b, err := hashing.Canonical(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		v, err := hashing.Decode(encoded)
		if err != nil {
			return
		}
		again, err := hashing.Canonical(v)
		if err != nil || !bytes.Equal(again, encoded) {
			t.Fatalf("%x decodes to %v, which encodes to %x, %v", encoded, v, again, err)
		}
	})
}

func FuzzDecodeTree(f *testing.F) {
	f.Add(hashing.Tree{{Path: "a", Kind: hashing.DirEntry}, {Path: "a/b", Kind: hashing.ExecEntry, Size: 3}, {Path: "l", Kind: hashing.LinkEntry, Target: "a"}}.Encode())
	f.Fuzz(func(t *testing.T, encoded []byte) {
		tree, err := hashing.DecodeTree(encoded)
		if err == nil && !bytes.Equal(tree.Encode(), encoded) {
			t.Fatalf("%x decodes to %v, which encodes to %x", encoded, tree, tree.Encode())
		}
	})
}
