package executor

import (
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/hashing"
)

// What a task read without asking is digested when the task has ended. That it is what the task saw is known only where nothing
// happened to it in between. So it is compared with what stood there once it has been digested: nothing can slip in between.

// stood is what stood at a path when a task came to it.
type stood struct {
	path   string // absolute
	stat   func(path string) (hashing.Stat, error)
	part   func(hashing.Stat) hashing.Stat // what is known of its stat
	was    *hashing.Stat                   // nil: it is not known
	before int64                           // when it was changed last at the latest, by the file system's clock; 0: that is not known
	// presence is true where nothing counts but whether there was anything.
	presence bool
	tracked  *hashing.Digest // what git tracks by an index that stood there: nothing else counts; nil: it is none
}

// still reports whether that is what stands there.
func (s *stood) still() bool {
	if s.tracked != nil {
		now, ok := trackedBy(s.path)
		return ok && now.Digest == *s.tracked
	}
	now, err := s.stat(s.path)
	now = s.part(now)
	switch {
	case s.presence:
		return (now == hashing.Stat{}) == (*s.was == hashing.Stat{})
	case s.before > 0 && now.Ctime > s.before:
		return false
	case s.was == nil || now == *s.was:
		return true
	}
	return err == nil && now.IsDir() && s.was.IsDir() // names that come and go in it are seen by themselves
}

// holdsTheSame reports whether nothing but one more name (ln) was given to a file meanwhile, which changes its ctime: the task found it as it
// is in r, and it has the same content now, and several names.
func (s *stood) holdsTheSame(r *hashing.Record, memo *hashing.Memo) bool {
	isAsFound := s.was != nil && s.part(r.Stat) == *s.was || s.before > 0 && r.Stat.Ctime <= s.before
	now, err := s.stat(s.path)
	as := r.Stat
	as.Ctime = now.Ctime
	if err != nil || !isAsFound || now != as || !hasSeveralNames(s.path) {
		return false
	}
	again, err := memo.FileWith(s.path, now)
	return err == nil && again.Digest == r.Digest
}

func hasSeveralNames(at string) bool {
	info, err := os.Stat(at)
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink > 1
}

// ofAccess is what a watched command came to, or what its depfile names.
func (a *attempt) ofAccess(x *Access) stood {
	s := stood{path: x.Path, stat: hashing.Lstat, part: whole, was: &x.Before}
	if x.Before.Ctime == 0 { // it was given another name: its ctime changed, and nothing else
		s.part = withoutCtime
	}
	if x.named {
		s.before = a.began()
	}
	return s
}

func whole(st hashing.Stat) hashing.Stat { return st }

func withoutCtime(st hashing.Stat) hashing.Stat {
	st.Ctime = 0
	return st
}

// ofRead is what a function came to that read without asking.
func (a *attempt) ofRead(r trace.Request, was *hashing.Stat) stood {
	return stood{path: a.l.e.abs(r.Subject), stat: hashing.StatFollow, part: asSaid, was: was, presence: r.Kind != trace.File || *was == hashing.Stat{}}
}

// asSaid is the part of a stat that a plugin tells.
func asSaid(st hashing.Stat) hashing.Stat {
	return hashing.Stat{Ino: st.Ino, Size: st.Size, Mtime: st.Mtime, Ctime: st.Ctime}
}

// ofDescription are the files that a plugin had read by the time at which it described itself: it has read them since it was started.
func (a *attempt) ofDescription() {
	began := a.began()
	for _, r := range a.unasked {
		if r.Kind == trace.File {
			a.stood = append(a.stood, stood{path: a.l.e.abs(r.Subject), stat: hashing.StatFollow, part: whole, before: began})
		}
	}
}

// began is when the task began, by the clock of the workspace's file system.
func (a *attempt) began() int64 { return a.l.e.clock() - int64(time.Since(a.outcome.Started)) }

// came is what came or went after a task had looked whether it is there.
type came struct {
	n     *node
	paths []string
}

// mixed finds what came while the build ran, where one node had looked for it in vain and another one saw what it is: what they made
// belongs to no state.
func (l *loop) mixed() {
	for _, c := range l.cameAfter {
		for _, p := range c.paths {
			if l.isSeenBeside(c.n, l.e.abs(p)) {
				l.changed(p)
			}
		}
	}
}

// isSeenBeside reports whether another node than n saw what is at a path.
func (l *loop) isSeenBeside(n *node, at string) bool {
	return slices.ContainsFunc(l.nodes.all(), func(other *node) bool {
		return other != n && slices.ContainsFunc(slices.Concat(other.leaves, other.observedLeaves), func(f *leaf) bool {
			return slices.ContainsFunc(f.looked, func(p looked) bool { return p.path == at && p.kind != lookedNothing })
		})
	})
}

// movedReads names what is no longer as the task saw it: what was changed, and what came or went, which may have been the task's own
// doing. What a step owns is no source.
func (a *attempt) movedReads() (changed, came []string) {
	for i := range a.stood {
		s := &a.stood[i]
		rel := a.l.e.rel(s.path)
		switch _, owned := a.l.g.Owner(rel); {
		case owned || s.still() || a.holdsTheSame(s):
		case s.presence:
			came = append(came, rel)
		default:
			changed = append(changed, rel)
		}
	}
	return changed, came
}

// holdsTheSame reports whether the content of a file is known from before the task came to it, and still the same.
func (a *attempt) holdsTheSame(s *stood) bool {
	return !s.presence && s.tracked == nil && slices.ContainsFunc(a.n.leavesBehind(), func(f *leaf) bool {
		return slices.ContainsFunc(f.looked, func(p looked) bool {
			return p.path == s.path && p.kind == lookedFile && s.holdsTheSame(&p.record, a.l.e.memo)
		})
	})
}
