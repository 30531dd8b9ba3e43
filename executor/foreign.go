package executor

import (
	"slices"

	"github.com/calyx-build/calyx/hashing"
)

// Files outside the workspace are changed by whoever likes, and tools keep caches there that several steps use at once. So a change while
// a step runs fails nothing: the result is delivered, and not kept, since it would be recorded as that of the new content.

// foreignFile is a file outside the workspace as a command found it.
type foreignFile struct {
	stat  hashing.Stat
	known *hashing.Digest // of its content; nil: it is not known
}

func (a *attempt) asFound(x *Access) foreignFile {
	f := foreignFile{stat: x.Before}
	if r, ok := a.l.e.memo.Known(x.Path); ok && r.Stat == x.Before {
		f.known = &r.Digest
	}
	return f
}

// isWritten reports whether the file was replaced or written before it was digested. Tools set the time of what they use from their caches,
// which writes nothing: the system gives both times of a write the same value.
func (f *foreignFile) isWritten(digested *hashing.Record) bool {
	was, is := &f.stat, &digested.Stat
	switch {
	case f.known != nil:
		return digested.Digest != *f.known
	case is.Dev != was.Dev || is.Ino != was.Ino || is.Size != was.Size:
		return true
	}
	return is.Mtime != was.Mtime && is.Mtime == is.Ctime && is.Ctime > was.Ctime
}

// changedOutside names what the command read outside the workspace that was another thing when it was digested.
func (a *attempt) changedOutside() []string {
	if len(a.foreign) == 0 {
		return nil
	}
	var changed []string
	for _, f := range a.n.observedLeaves {
		if f.kind != leafOutside {
			continue
		}
		for i := range f.looked {
			p := &f.looked[i]
			was, read := a.foreign[p.path]
			if read && (p.kind == lookedNothing || p.kind == lookedFile && was.isWritten(&p.record)) {
				changed = append(changed, a.l.e.rel(p.path))
			}
		}
	}
	slices.Sort(changed)
	return slices.Compact(changed)
}
