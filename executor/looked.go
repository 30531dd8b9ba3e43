package executor

import (
	"time"

	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/hashing"
)

// Looked is what a build's result stands on, as its snapshot has it: while it stays as it is, so does the result.
type Looked struct {
	Paths     []LookedPath
	Variables []string // of the user's environment
	Nodes     []string
	Expires   time.Time
}

// LookedPath is a path that a build looked at. Follow: what a link leads to.
type LookedPath struct {
	Path   string // absolute
	Absent bool
	Follow bool
	Stat   hashing.Stat
}

// Looked returns what the last build of these targets stands on. It is nil where that cannot be told by stats alone: there is no
// snapshot, it is of a build that failed, or a file was changed so shortly before it was read that a later change may not show.
func (e *Engine) Looked(o Options) *Looked {
	s, err := snapshot.Open(e.stillFile(o))
	if err != nil {
		return nil
	}
	defer func() { _ = s.Close() }()
	l := &Looked{Expires: s.Head().Expires}
	for i := range uint32(s.NumPaths()) {
		p := s.Path(i)
		if p.Record.Racy {
			return nil
		}
		// The snapshot's text is gone when it is closed.
		l.Paths = append(l.Paths, LookedPath{Path: string([]byte(e.abs(p.Name))), Absent: p.Kind == snapshot.Absent, Follow: p.Follow, Stat: p.Record.Stat})
	}
	for i, n := range s.Nodes() {
		if n.Dirty {
			return nil
		}
		l.Nodes = append(l.Nodes, string([]byte(n.Name)))
		if i == 0 {
			for _, leaf := range n.Leaves {
				if f := s.Leaf(leaf); f.Kind == stillVariable {
					l.Variables = append(l.Variables, string([]byte(f.Subject)))
				}
			}
		}
	}
	return l
}
