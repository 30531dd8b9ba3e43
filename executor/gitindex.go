package executor

import (
	"io"
	"os"
	"strings"
	"sync"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/gitindex"
	"github.com/calyx-build/calyx/hashing"
)

// Of git's index counts what it tracks. What git notes in it of how the files look is a memory of its own, which `git status` and
// `git describe --dirty` bring up to date where a file was touched: a command that runs them changes none of its inputs.

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

// heldIndices are git's indices in the workspace as they stood before commands: those of its repository and of repositories beside each other
// in it, of their submodules and of their linked worktrees. Git replaces an index: the file that is open stays as it was. It is safe for concurrent use.
type heldIndices struct {
	once sync.Once
	mu   sync.Mutex
	last map[string]*heldIndex
}

// heldIndex is one of them.
type heldIndex struct {
	file *os.File // nil: there is none
	stat hashing.Stat
	// tracked is what those before it tracked, by their stats.
	tracked map[hashing.Stat]hashing.Digest
}

// repositoriesIn are the folders in which git keeps the repository of the workspace and those of its folders.
func repositoriesIn(root string) []string {
	all := []string{root + "/.git"}
	entries, _ := os.ReadDir(root)
	for _, e := range entries {
		at := root + "/" + e.Name() + "/.git"
		if !e.IsDir() {
			continue
		}
		if st, err := hashing.Lstat(at); err == nil && st.IsDir() {
			all = append(all, at)
		}
	}
	return all
}

// indicesOf are those of a repository, by the folder that git keeps it in.
func indicesOf(repository string) []string {
	all := []string{repository + "/index"}
	for _, kind := range []string{"/modules", "/worktrees"} {
		all = append(all, indicesBelow(repository+kind)...)
	}
	return all
}

// indicesBelow are those of repositories that lie somewhere below a folder: the name of a submodule may have slashes.
func indicesBelow(folder string) (all []string) {
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		at := folder + "/" + e.Name()
		if _, err := os.Lstat(at + "/HEAD"); err == nil {
			all = append(all, indicesOf(at)...)
		} else if e.IsDir() {
			all = append(all, indicesBelow(at)...)
		}
	}
	return all
}

// hold opens the indices that are not held as they are. A command is about to be started.
func (h *heldIndices) hold(root string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.once.Do(func() {
		h.last = map[string]*heldIndex{}
		for _, repository := range repositoriesIn(root) {
			for _, at := range indicesOf(repository) {
				h.last[at] = &heldIndex{tracked: map[hashing.Stat]hashing.Digest{}}
			}
		}
	})
	for at, index := range h.last {
		if now, _ := hashing.StatFollow(at); now != index.stat { // the zero Stat where there is none
			index.replace(at)
		}
	}
}

func (index *heldIndex) replace(at string) {
	if tracked, ok := index.read(); ok {
		index.tracked[index.stat] = tracked
	}
	index.close()
	file, err := os.Open(at)
	if err != nil {
		return
	}
	stat, err := hashing.Fstat(int(file.Fd()))
	if err != nil {
		_ = file.Close()
		return
	}
	index.file, index.stat = file, stat
}

// read digests what the index that is held tracks.
func (index *heldIndex) read() (d hashing.Digest, ok bool) {
	if index.file == nil {
		return d, false
	}
	text, err := io.ReadAll(io.NewSectionReader(index.file, 0, index.stat.Size))
	if err != nil {
		return d, false
	}
	entries, ok := gitindex.Entries(text)
	return hashing.Sum(entries), ok
}

func (index *heldIndex) close() {
	if index.file != nil {
		_ = index.file.Close()
	}
	index.file, index.stat = nil, hashing.Stat{}
}

func (h *heldIndices) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, index := range h.last {
		index.close()
	}
}

// asSeen digests what was tracked by the index that a command read; ok is false where that is not known.
func (h *heldIndices) asSeen(a *Access) (d hashing.Digest, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if index := h.last[a.Path]; index != nil && a.Before != (hashing.Stat{}) {
		if d, ok = index.tracked[a.Before]; ok {
			return d, true
		}
		if a.Before == index.stat {
			return index.read()
		}
	}
	now, ok := trackedBy(a.Path)
	return now.Digest, ok && now.Stat == a.Before
}

// gitIndex takes the index that a command read, and perhaps had written anew; it reports whether it could.
func (s *sifter) gitIndex(a *Access, rel string) bool {
	tracked, ok := s.l.indices.asSeen(a)
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
