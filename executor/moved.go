package executor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/calyx-build/calyx/hashing"
)

// movedLeaves names the source files behind n that are no longer as they were pinned, at a time after the step ended. It
// runs on a worker. A leaf that many steps share is compared once for all that ended before.
func (l *loop) movedLeaves(n *node, ended time.Time) []string {
	var moved []string
	for _, f := range n.leavesBehind() {
		moved = append(moved, l.movedPaths(f, ended)...)
	}
	slices.Sort(moved)
	return slices.Compact(moved)
}

// leavesBehind are those of n itself and of the stored nodes that it names.
func (n *node) leavesBehind() []*leaf {
	all := slices.Concat(n.leaves, n.observedLeaves)
	for _, d := range n.deps {
		if d.isStored() {
			all = append(all, d.leaves...)
		}
	}
	return all
}

func (l *loop) movedPaths(f *leaf, ended time.Time) []string {
	l.pins.Lock()
	fresh := f.verified > ended.UnixNano() || f.verified < 0
	l.pins.Unlock()
	if fresh {
		return nil
	}
	now := time.Now().UnixNano()
	var moved []string
	for i := range f.looked {
		if !f.looked[i].still(l.e.memo) {
			moved = append(moved, l.e.rel(f.looked[i].path))
		}
	}
	if len(moved) == 0 {
		l.pins.Lock()
		f.verified = max(f.verified, now)
		l.pins.Unlock()
	}
	return moved
}

// still reports whether a path is as it was when it was looked at. A file that was touched and has the same content is.
func (p *looked) still(memo *hashing.Memo) bool {
	if p.kind == lookedLink {
		r, err := hashing.ReadLink(p.path, memo.Now)
		return err == nil && r.Digest == p.record.Digest
	}
	stat := hashing.StatFollow
	if p.itself {
		stat = hashing.Lstat
	}
	st, err := stat(p.path)
	switch {
	case p.kind == lookedNothing:
		return err != nil || !st.IsRegular() && p.record.Stat == hashing.Stat{}
	case err != nil:
		return false
	case p.kind == lookedBeing:
		return st.IsDir() == p.record.Stat.IsDir() && st.IsRegular() == p.record.Stat.IsRegular()
	case p.kind == lookedStatus:
		return st.SameStatus(p.record.Stat)
	case p.kind == lookedDir:
		// Outputs and scratch files come and go in a folder of sources; what was listed in it is compared file by file, and a
		// new name shows in the next build.
		return st.IsDir() == p.record.Stat.IsDir()
	case st == p.record.Stat:
		return true
	case p.kind == lookedIndex:
		r, ok := trackedBy(p.path)
		return ok && r.Digest == p.record.Digest
	}
	r, err := memo.FileWith(p.path, st)
	return err == nil && r.Digest == p.record.Digest && st.IsExec() == p.record.Stat.IsExec()
}

// rel is a path as users know it.
func (e *Engine) rel(p string) string {
	if inside, ok := strings.CutPrefix(p, e.cfg.Root+"/"); ok {
		return inside
	}
	return p
}

func quoted(list []string) string {
	const most = 5
	parts := make([]string, 0, most)
	for i, s := range list {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(list)-most))
			break
		}
		parts = append(parts, fmt.Sprintf("%q", s))
	}
	return strings.Join(parts, ", ")
}
