package executor

import (
	"io"
	"os"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/gitindex"
	"github.com/calyx-build/calyx/hashing"
)

// Of git's index counts what it tracks. What git notes in it of how the files look is a memory of its own, which `git status` and
// `git describe --dirty` bring up to date where a file was touched: a command that runs them changes none of its inputs.

// gitIndex is where a workspace that is a repository has its index.
const gitIndex = ".git/index"

// isGitIndex reports whether a path is that of an index: of a repository, or of what lies in it (a submodule, a worktree).
func isGitIndex(at string) bool {
	return strings.HasSuffix(at, "/index") && strings.Contains(at, "/.git/")
}

// trackedBy digests what an index tracks; ok is false where there is none that is understood.
func trackedBy(at string) (r hashing.Record, ok bool) {
	st, err := hashing.StatFollow(at)
	if err != nil {
		return r, false
	}
	text, err := os.ReadFile(at)
	if err != nil {
		return r, false
	}
	entries, ok := gitindex.Entries(text)
	return hashing.Record{Stat: st, Digest: hashing.Sum(entries)}, ok
}

// heldIndex is git's index as it stood before a command. Git replaces it: the file that is open stays as it was.
type heldIndex struct {
	file *os.File // nil: there was none
	stat hashing.Stat
}

func holdIndex(at string) heldIndex {
	file, err := os.Open(at)
	if err != nil {
		return heldIndex{}
	}
	stat, err := hashing.Fstat(int(file.Fd()))
	if err != nil {
		_ = file.Close()
		return heldIndex{}
	}
	return heldIndex{file, stat}
}

func (h heldIndex) close() {
	if h.file != nil {
		_ = h.file.Close()
	}
}

// asSeen digests what was tracked by the index that a command read; ok is false where that is not known.
func (h heldIndex) asSeen(a *Access) (d hashing.Digest, ok bool) {
	if h.file == nil || a.Before != h.stat {
		now, ok := trackedBy(a.Path)
		return now.Digest, ok && now.Stat == a.Before
	}
	text, err := io.ReadAll(io.NewSectionReader(h.file, 0, h.stat.Size))
	if err != nil {
		return d, false
	}
	entries, ok := gitindex.Entries(text)
	return hashing.Sum(entries), ok
}

// gitIndex takes the index that a command read, and perhaps had written anew; it reports whether it could.
func (s *sifter) gitIndex(a *Access, rel string) bool {
	tracked, ok := s.index.asSeen(a)
	if !ok || a.Saw&SawContent == 0 {
		return false
	}
	is := stood{path: a.Path, tracked: &tracked}
	if a.Changed && !is.still() {
		return false
	}
	s.out.stood = append(s.out.stood, is)
	s.out.requests = append(s.out.requests, trace.Request{Kind: trace.GitIndex, Subject: rel})
	return true
}
