package snapshot_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/hashing"
)

const (
	layers = 10
	width  = 10_000
)

// layered is a workspace of layers × width steps in columns; each reads a source of its own and the output above it.
func layered(b *testing.B) (root, file string) {
	b.Helper()
	root = b.TempDir()
	file = filepath.Join(b.TempDir(), "snapshot")
	memo := hashing.NewMemo(later)
	e := snapshot.New()
	for layer := range layers {
		for _, kind := range []string{"src", "out"} {
			if err := os.MkdirAll(filepath.Join(root, kind, strconv.Itoa(layer)), 0o777); err != nil {
				b.Fatal(err)
			}
		}
		for column := range width {
			n := snapshot.Node{Name: fmt.Sprintf("step-%d-%d", layer, column), Data: []byte("12345678")}
			source := add(b, memo, root, fmt.Sprintf("src/%d/%d", layer, column))
			n.Leaves = []uint32{e.AddLeaf(snapshot.Leaf{Kind: 1, Subject: source.Name, Digest: source.Record.Digest, Paths: []uint32{e.AddPath(source)}})}
			n.Outputs = []uint32{e.AddPath(add(b, memo, root, fmt.Sprintf("out/%d/%d", layer, column)))}
			if layer > 0 {
				n.Deps = []uint32{uint32((layer-1)*width + column)}
			}
			e.AddNode(n)
		}
	}
	if err := e.Write(file, snapshot.Head{}); err != nil {
		b.Fatal(err)
	}
	return root, file
}

func add(b *testing.B, memo *hashing.Memo, root, name string) snapshot.Path {
	if err := os.WriteFile(filepath.Join(root, name), []byte(name), 0o666); err != nil {
		b.Fatal(err)
	}
	p, err := snapshot.Look(root, name, snapshot.File, true, memo)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// BenchmarkNothingToDo is to be compared with its part "bare".
func BenchmarkNothingToDo(b *testing.B) {
	root, file := layered(b)
	b.Run("bare", func(b *testing.B) {
		b.Chdir(root)
		for b.Loop() {
			bare(b)
		}
	})
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := open(b, file).Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sweep", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s := open(b, file)
			found, err := s.Sweep(context.Background(), root, hashing.NewMemo(later), func() {})
			if err != nil || !found.Still() || len(found.Refreshed) > 0 {
				b.Fatal(found, err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func open(b *testing.B, file string) *snapshot.Snapshot {
	s, err := snapshot.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// bare stats the same paths from two goroutines, with nothing to compare them with.
func bare(b *testing.B) {
	var wg sync.WaitGroup
	for half := range 2 {
		wg.Go(func() {
			var st unix.Stat_t
			for layer := range layers {
				for column := half; column < width; column += 2 {
					for _, kind := range []string{"src/", "out/"} {
						if err := unix.Lstat(kind+strconv.Itoa(layer)+"/"+strconv.Itoa(column), &st); err != nil {
							b.Error(err)
						}
					}
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkOneChange is what a build adds to a sweep where one source moved and ten steps follow.
func BenchmarkOneChange(b *testing.B) {
	_, file := layered(b)
	s := open(b, file)
	defer func() { _ = s.Close() }()
	b.Run("reach", func(b *testing.B) {
		for b.Loop() {
			leaves, nodes := s.Touched([]uint32{5})
			dirty := s.Reach(leaves, nodes)
			if !dirty[leaves[0]] {
				b.Fatal("the step is not dirty")
			}
		}
	})
	b.Run("refresh", func(b *testing.B) {
		for b.Loop() {
			if err := s.Refresh(file+".2", []snapshot.Refreshed{{Path: 5}}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("edit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e := snapshot.Begin(s, nil)
			for layer := range layers {
				i := uint32(layer * width)
				n := s.Node(i)
				n.Leaves = []uint32{e.AddLeaf(s.Leaf(n.Leaves[0]))}
				e.SetNode(i, n)
			}
			if err := e.Write(file+".2", snapshot.Head{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
