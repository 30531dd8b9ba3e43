package hashing

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"lukechampine.com/blake3/guts"

	"github.com/calyx-build/calyx/hashing/cores"
)

// segment is the unit in which one large file is hashed by several workers. It is a power of two of chunks, so that a
// whole segment is a subtree of the BLAKE3 tree (BLAKE3 specification, section 2.1).
const segment = 1 << 18

// parallelFrom is the size from which hashing one file in parallel pays.
const parallelFrom = 16 << 20

// SumAt returns the standard digest of r, which holds size bytes (at least one), read in segments by all cores. It is ErrChanged if
// r holds more or fewer.
func SumAt(r io.ReaderAt, size int64) (Digest, error) {
	last := (size - 1) / segment // the last segment may be short
	values := make([][8]uint32, last)
	var tail guts.Node
	err := eachSegment(last+1, func(i int64, buf []byte) error {
		buf = buf[:min(segment, size-i*segment)]
		if n, err := r.ReadAt(buf, i*segment); n < len(buf) {
			if err == nil || errors.Is(err, io.EOF) {
				err = ErrChanged
			}
			return err
		}
		counter := uint64(i) * (segment / guts.ChunkSize)
		if i == last {
			tail = subtree(buf, counter)
		} else {
			values[i] = wholeSegment(buf, counter)
		}
		return nil
	})
	if err == nil {
		err = endsAt(r, size)
	}
	if err != nil {
		return Digest{}, err
	}
	return root(merge(values, tail)), nil
}

// endsAt reports an error where there is more than size bytes.
func endsAt(r io.ReaderAt, size int64) error {
	switch n, err := r.ReadAt(make([]byte, 1), size); {
	case n > 0:
		return ErrChanged
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// SumParallel returns the digest of p, computed by all cores.
func SumParallel(p []byte) Digest {
	if len(p) <= segment {
		return Sum(p)
	}
	d, err := SumAt(bytes.NewReader(p), int64(len(p)))
	if err != nil {
		panic("internal error: memory cannot be read: " + err.Error())
	}
	return d
}

// eachSegment calls f for every segment number below n, from all cores, with a buffer to read into.
func eachSegment(n int64, f func(i int64, buf []byte) error) error {
	var (
		mu    sync.Mutex
		next  int64
		first error
		wg    sync.WaitGroup
	)
	take := func() (int64, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next <= n && first == nil
	}
	for range min(int64(cores.Count()), n) {
		wg.Go(func() {
			buf := make([]byte, segment)
			for i, ok := take(); ok; i, ok = take() {
				if err := f(i, buf); err != nil {
					mu.Lock()
					first = err
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return first
}

// group is what one call of the library compresses at once, with all lanes of the processor.
const group = guts.MaxSIMD * guts.ChunkSize

// subtree is the node over the chunks of buf, whose first one has number counter: the left child holds the largest power
// of two of groups that leaves something for the right one. (guts.CompressEigentree does the same with a goroutine for
// every group, which costs a fifth more.) The capacity of buf reaches to the end of its last group.
func subtree(buf []byte, counter uint64) guts.Node {
	if len(buf) <= group {
		return guts.CompressBuffer((*[group]byte)(buf[:group]), len(buf), &guts.IV, counter, 0)
	}
	cut := group
	for cut*2 < len(buf) {
		cut *= 2
	}
	left := subtree(buf[:cut], counter)
	right := subtree(buf[cut:], counter+uint64(cut/guts.ChunkSize))
	return guts.ParentNode(guts.ChainingValue(left), guts.ChainingValue(right), &guts.IV, 0)
}

// merge joins whole segments and the node after them into one tree, left-heavy.
func merge(values [][8]uint32, tail guts.Node) guts.Node {
	var stack [][8]uint32
	for i, v := range values {
		for n := i + 1; n&1 == 0; n >>= 1 {
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			v = guts.ChainingValue(guts.ParentNode(top, v, &guts.IV, 0))
		}
		stack = append(stack, v)
	}
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		tail = guts.ParentNode(top, guts.ChainingValue(tail), &guts.IV, 0)
	}
	return tail
}

func root(n guts.Node) Digest {
	n.Flags |= guts.FlagRoot
	block := guts.WordsToBytes(guts.CompressNode(n))
	return Digest(block[:32])
}
