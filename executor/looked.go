package executor

import (
	"time"

	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/hashing"
)

// Looked is what a build's result stands on: while it stays as it is, so does the result. What was set is left out.
type Looked struct {
	Paths     []LookedPath
	Variables []string // of the user's environment
	Nodes     []string
	Expires   time.Time // zero: never
}

// LookedPath is a path that a build looked at. Follow: what a link leads to.
type LookedPath struct {
	Path   string // absolute
	Absent bool
	Follow bool
	Stat   hashing.Stat
}

// looked returns what the build stands on. It is nil where that cannot be told by stats alone: some node has no result that may be
// used again, or a file was changed so shortly before it was read that a later change may not show.
func (k *keeping) looked() *Looked {
	s, err := k.edit.Snapshot(snapshot.Head{})
	if err != nil {
		return nil
	}
	l := &Looked{Expires: k.expires, Variables: sortedKeys(k.vars)}
	for i := range uint32(s.NumPaths()) {
		p := s.Path(i)
		if p.Record.Racy {
			return nil
		}
		l.Paths = append(l.Paths, LookedPath{Path: k.l.e.abs(p.Name), Absent: p.Kind == snapshot.Absent, Follow: p.Follow, Stat: p.Record.Stat})
	}
	for _, n := range s.Nodes() {
		if n.Dirty {
			return nil
		}
		l.Nodes = append(l.Nodes, n.Name)
	}
	return l
}
