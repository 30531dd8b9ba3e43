//go:build amd64 || arm64

package watch

import (
	"encoding/binary"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
)

// known are names as the program spelt them: absolute, or behind the folder that they begin at. It is written by the
// goroutine that serves, also within what is a system call to Go (see serveGlances), and so is laid out flat: to find or add a name
// allocates nothing and writes no pointer.
type known struct {
	text  []byte   // the names, one after the other
	all   []name   // in the order in which they were added
	slots []uint32 // by the names' hashes: 1 more than an index in all; 0: free. A power of two, at most half of them used
	added uint32   // how many of all there are: it is written last, so who reads it atomically may read them
}

// name is one way to spell a path, for one purpose.
type name struct {
	hash     uint32
	pid      uint32 // of the thread that came to it
	from, to uint32 // where it stands in the text
	what     what
	// before is of what stood there when it came, which was no link that would be followed. Where that was not asked, came is when it was, by the
	// clock of the file systems.
	before hashing.Stat
	came   int64
}

// what is seen of a path by one name, and whether a link in the last place is followed.
type what uint8

const (
	follows  what = 1 << (5 + iota)
	asFolder      // nothing is seen: where it leads is known, and that links on the way were seen
)

func seeing(sight executor.Sight, follow bool) what {
	w := what(sight)
	if follow {
		w |= follows
	}
	return w
}

func (w what) sight() executor.Sight { return executor.Sight(w & (follows - 1)) }

func newKnown() *known {
	return &known{text: make([]byte, 32<<10), all: make([]name, 256), slots: make([]uint32, 512)}
}

// used is how much of the text is.
//
//go:nosplit
func (k *known) used() uint32 {
	if n := k.added; n > 0 {
		return k.all[n-1].to
	}
	return 0
}

//go:nosplit
func (k *known) spelt(n *name) []byte { return k.text[n.from:n.to] }

// has reports whether a name is known.
//
//go:nosplit
func (k *known) has(spelt []byte, w what) bool {
	hash := hashOf(spelt)
	mask := uint32(len(k.slots) - 1)
	for i := hash & mask; k.slots[i] != 0; i = (i + 1) & mask {
		n := &k.all[k.slots[i]-1]
		if n.hash == hash && n.what == w && string(k.spelt(n)) == string(spelt) {
			return true
		}
	}
	return false
}

// add notes a name that is not known; false: there is no room (see grow).
//
//go:nosplit
func (k *known) add(spelt []byte, n *name) bool {
	count, from := k.added, k.used()
	if int(count) == len(k.all) || int(from)+len(spelt) > len(k.text) {
		return false
	}
	n.hash, n.from, n.to = hashOf(spelt), from, from+uint32(len(spelt))
	k.all[count] = *n
	copy(k.spelt(n), spelt)
	k.place(count)
	atomic.StoreUint32(&k.added, count+1)
	return true
}

//go:nosplit
func (k *known) place(index uint32) {
	mask := uint32(len(k.slots) - 1)
	i := k.all[index].hash & mask
	for k.slots[i] != 0 {
		i = (i + 1) & mask
	}
	k.slots[i] = index + 1
}

// grow makes room for one more name. Nobody else may look meanwhile.
func (k *known) grow() {
	count, used := k.added, k.used()
	if len(k.text)-int(used) < 4*unix.PathMax {
		k.text = append(make([]byte, 0, 2*len(k.text)), k.text...)[:2*len(k.text)]
	}
	if int(count) == len(k.all) {
		k.all = append(k.all, make([]name, count)...)
		k.slots = make([]uint32, 2*len(k.all))
		for i := range count {
			k.place(i)
		}
	}
}

// forget drops all names.
func (k *known) forget() {
	if k.added > 0 {
		clear(k.slots)
		k.added = 0
	}
}

// hashOf digests a name.
//
//go:nosplit
func hashOf(b []byte) uint32 {
	const odd = 0x9e3779b97f4a7c15 // the golden ratio: its bits have no pattern
	h := uint64(len(b))
	for ; len(b) >= 8; b = b[8:] {
		h = (h ^ binary.LittleEndian.Uint64(b)) * odd
		h ^= h >> 32
	}
	for _, c := range b {
		h = (h ^ uint64(c)) * odd
	}
	return uint32(h >> 32)
}
