package hashing_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/calyx-build/calyx/hashing"
)

// writeNoise writes size bytes that do not repeat.
func writeNoise(b *testing.B, path string, size int) {
	b.Helper()
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data) // a generator does not fail
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkLargeFile(b *testing.B) {
	path := filepath.Join(b.TempDir(), "large")
	const size = 256 << 20
	writeNoise(b, path, size)
	b.SetBytes(size)
	for b.Loop() {
		if _, err := hashing.ReadRecord(path, now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSumParallel(b *testing.B) {
	data := make([]byte, 32<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		hashing.SumParallel(data)
	}
}

func BenchmarkSum(b *testing.B) {
	data := make([]byte, 32<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		hashing.Sum(data)
	}
}

// BenchmarkSmallFiles reads 100,000 files of 4 KiB in 100 folders.
func BenchmarkSmallFiles(b *testing.B) {
	const folders, files, size = 100, 1000, 4096
	root := b.TempDir()
	for folder := range folders {
		dir := filepath.Join(root, fmt.Sprint(folder))
		if err := os.Mkdir(dir, 0o700); err != nil {
			b.Fatal(err)
		}
		for file := range files {
			writeNoise(b, filepath.Join(dir, fmt.Sprint(file)), size)
		}
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			readTree(b, root, hashing.NewMemo(now))
		}
	})
	b.Run("known", func(b *testing.B) {
		memo := hashing.NewMemo(now)
		readTree(b, root, memo)
		for b.Loop() {
			readTree(b, root, memo)
		}
	})
}

func readTree(b *testing.B, root string, memo *hashing.Memo) {
	if _, err := hashing.ReadTree(context.Background(), root, hashing.TreeOptions{Memo: memo}); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkCanonical(b *testing.B) {
	items := make([]any, 100)
	for i := range items {
		items[i] = hashing.Map{{Key: "name", Value: "value"}, {Key: "count", Value: int64(i)}, {Key: "ratio", Value: 0.5}}
	}
	var encoded []byte
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var err error
			if encoded, err = hashing.AppendCanonical(encoded[:0], items); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := hashing.Decode(encoded); err != nil {
				b.Fatal(err)
			}
		}
	})
}
