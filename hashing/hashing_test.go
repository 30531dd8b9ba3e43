package hashing_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/calyx-build/calyx/hashing"
)

func now() int64 { return 1 << 62 }

func TestFileDigestIsTheStandardDigest(t *testing.T) {
	const mib = 1 << 20
	data := make([]byte, 40*mib+17)
	src := rand.NewChaCha8([32]byte{1})
	_, _ = src.Read(data)
	path := filepath.Join(t.TempDir(), "f")
	for _, size := range []int{0, 1, 1023, 1024, 1025, mib, 16*mib - 1, 16 * mib, 16*mib + 1, 17*mib - 1024, 17 * mib, 19*mib + 1025, 31*mib + 5*1024, 32 * mib, 40*mib + 17} {
		if err := os.WriteFile(path, data[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := hashing.ReadRecord(path, now)
		if err != nil {
			t.Fatal(err)
		}
		if want := hashing.Sum(data[:size]); r.Digest != want {
			t.Errorf("%d bytes: digest %v, want %v", size, r.Digest, want)
		}
	}
}

func TestGlobMatchesLikeDoublestar(t *testing.T) {
	root := t.TempDir()
	files := []string{"a.go", "b.txt", "x/a.go", "x/y/a.go", "x/y/z/b.go", "a/x/a.go", "a/a/a.go", "q/w.md"}
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, f)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, pattern := range []string{"*.go", "**/*.go", "**/a/*.go", "x/**", "**", "x/**/a.go", "**/x/**/a.go", "*/*", "{a,q}/**", "x/y/?.go", "{x/y,q}/*", "x/{y/z,q}/*.go", "{a.go,x/{a.go,y/**}}", "{a,x}/{x,y}/a.go", `\{a/b\}`, "none/*", "**/y/**/*.go"} {
		got, err := hashing.Glob(context.Background(), root, pattern, hashing.GlobOptions{Clock: now})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, f := range files {
			if doublestar.MatchUnvalidated(pattern, f) {
				want = append(want, f)
			}
		}
		slices.Sort(want)
		if !slices.Equal(got.Paths, want) {
			t.Errorf("%s: %q, want %q", pattern, got.Paths, want)
		}
	}
}

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
