package snapshot

import (
	"fmt"
	"time"
	"unsafe"

	"github.com/calyx-build/calyx/hashing"
)

func broken(why string) error { return fmt.Errorf("%w: %s", ErrNone, why) }

// parse finds the parts of a file and checks them, so that nothing in it can lead outside of it later.
func parse(data []byte) (*Snapshot, error) {
	if len(data) < preambleSize+headSize {
		return nil, broken("it is too short")
	}
	p := (*preamble)(unsafe.Pointer(unsafe.SliceData(data)))
	h := (*head)(unsafe.Pointer(&data[preambleSize]))
	switch {
	case string(p.Magic[:]) != magic || h.Version != version:
		return nil, broken("it is of another version")
	case checksum(data) != p.Checksum:
		return nil, broken("it is damaged")
	}
	s := &Snapshot{data: data, head: Head{Binding: h.Binding, Expires: timeOf(h.Expires)}}
	for i, at := range h.Sections {
		if at.From > at.To || at.To > uint64(len(data)) || at.From%8 != 0 {
			return nil, broken("a section lies outside of it")
		}
		s.take(i, data[at.From:at.To:at.To])
	}
	return s, s.check()
}

func (s *Snapshot) take(section int, b []byte) {
	switch section {
	case noteSection:
		s.head.Note = b
	case textSection:
		s.text = b
	case folderSection:
		s.folders = rowsOf[folderRow](b)
	case pathSection:
		s.paths = rowsOf[pathRow](b)
	case statSection:
		s.stats = rowsOf[hashing.Stat](b)
	case digestSection:
		s.digests = rowsOf[hashing.Digest](b)
	case leafSection:
		s.leaves = rowsOf[leafRow](b)
	case nodeSection:
		s.nodes = rowsOf[nodeRow](b)
	case edgeSection:
		s.edges = rowsOf[uint32](b)
	}
}

func timeOf(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// check makes sure that every number in the rows is of something that is there.
func (s *Snapshot) check() error {
	if len(s.stats) != len(s.paths) || len(s.digests) != len(s.paths) {
		return broken("paths lack their records")
	}
	for i := range s.folders {
		if !s.folders[i].Name.within(len(s.text)) {
			return broken("a folder has no name")
		}
	}
	for i := range s.paths {
		if r := &s.paths[i]; !r.Name.within(len(s.text)) || int(r.Folder) >= len(s.folders) || r.Kind < File || r.Kind > Status {
			return broken("a path is of no kind, or in no folder")
		}
	}
	for i := range s.leaves {
		r := &s.leaves[i]
		if !r.Subject.within(len(s.text)) || !s.edgesBelow(r.Paths, len(s.paths)) {
			return broken("a leaf leads nowhere")
		}
	}
	for i := range s.nodes {
		r := &s.nodes[i]
		if !r.Name.within(len(s.text)) || !r.Data.within(len(s.text)) ||
			!s.edgesBelow(r.Leaves, len(s.leaves)) || !s.edgesBelow(r.Outputs, len(s.paths)) || !s.edgesBelow(r.Deps, i) {
			return broken("a node leads nowhere")
		}
	}
	return nil
}

func (s span) within(n int) bool { return s.From <= s.To && int(s.To) <= n }

func (s *Snapshot) edgesBelow(at span, n int) bool {
	if !at.within(len(s.edges)) {
		return false
	}
	for _, e := range s.edgesOf(at) {
		if int(e) >= n {
			return false
		}
	}
	return true
}
