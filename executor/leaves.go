package executor

import (
	"encoding/hex"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/still"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// leaf is something outside the graph that a build looks at: a file, a listing, a program, a variable. It is observed
// once in a build and then pinned: what a step used must still be so when its result is recorded.
type leaf struct {
	leafKey
	known  bool
	wanted []*wait

	digest hashing.Digest
	value  trace.Value // of stored files and folders, and of files that are read
	inline []byte      // a listing or a variable as a plugin is answered
	// list is what digest is that of, where f shows one thing after the other: the names in a folder, with what each is behind a slash; those
	// that match a pattern; the digests of what a set outside the workspace shows.
	list   []byte
	tree   hashing.Tree
	absent bool
	err    error
	looked []looked // the paths behind it
	// verified is when the paths were last compared with what was pinned, as the loop counts time.
	verified int64
}

type leafKey struct {
	kind             leafKind
	subject, exclude string
}

type leafKind uint8

const (
	leafStored   leafKind = iota + 1 // a file or folder of a stored node, or a folder in deps
	leafGlob                         // the files that match a pattern, with their contents
	leafMatches                      // the paths that match a pattern
	leafWord                         // a literal word: the file of that name, or its absence
	leafProgram                      // the executable that a name leads to
	leafFile                         // a file that a plugin reads
	leafListing                      // a folder that a plugin lists
	leafExists                       // a path that a plugin asks about
	leafEnv                          // a variable that a plugin reads
	leafInstance                     // the instance's name
	leafStatus                       // a path that a command asks about
	leafLink                         // a link on a command's way
	leafOutside                      // what a command saw below a root outside the workspace
	leafIndex                        // git's index, that a command reads
)

// looked is a path that a leaf's observation looked at.
type looked struct {
	path   string // as the system takes it
	kind   lookedKind
	itself bool           // a link there is not followed
	record hashing.Record // of a file; of a folder the Stat alone
}

type lookedKind uint8

const (
	lookedFile lookedKind = iota
	lookedDir
	lookedNothing
	lookedBeing // whether something is there, and as what
	lookedStatus
	lookedLink
	lookedIndex // the digest is that of what git tracks
)

const absentText = "absent"

// absentDigest is what is observed where a path is not there.
var absentDigest = hashing.Sum([]byte(absentText))

func (l *loop) leaf(k leafKey) *leaf {
	if f, ok := l.leaves[k]; ok {
		return f
	}
	f := &leaf{leafKey: k}
	l.leaves[k] = f
	return f
}

// want lets a wait wait for a leaf.
func (l *loop) want(f *leaf, w *wait) {
	if len(f.wanted) == 0 {
		l.watching.add(f)
	}
	f.wanted = append(f.wanted, w)
}

// observe looks at a batch of leaves. It runs on a worker.
func (l *loop) observe(batch []*leaf) func() {
	for _, f := range batch {
		l.e.observe(l, f)
	}
	return func() {
		for _, f := range batch {
			f.known = true
			f.verified = int64(l.e.clock())
			l.pin(f)
			wanted := f.wanted
			f.wanted = nil
			for _, w := range wanted {
				l.arrived(w)
			}
		}
	}
}

// pin compares the files behind a leaf with what other leaves of this build saw of them: a file that was two things is an
// input that moved.
func (l *loop) pin(f *leaf) {
	for i := range f.looked {
		p := &f.looked[i]
		if p.kind != lookedFile && p.kind != lookedNothing {
			continue
		}
		first, seen := l.pinned[p.path]
		switch {
		case !seen:
			l.pinned[p.path] = p
		case (first.kind != p.kind || first.record.Digest != p.record.Digest) && !l.survey:
			l.changed(l.e.rel(p.path))
		}
	}
}

// changed notes that a file is not what it was when the build first looked at it.
func (l *loop) changed(rel string) {
	if !l.moved[rel] {
		l.tell(Note{Warn: true, Text: fmt.Sprintf("%q changed while the build ran", rel)})
	}
	l.moved[rel] = true
}

// observe fills a leaf.
func (e *Engine) observe(l *loop, f *leaf) {
	switch f.kind {
	case leafStored:
		e.observeStored(l, f)
	case leafGlob:
		e.observeGlob(l, f)
	case leafMatches:
		e.observeMatches(l, f)
	case leafWord, leafFile:
		e.observeFile(f)
	case leafProgram:
		e.observeProgram(f)
	case leafListing:
		e.observeListing(l, f)
	case leafExists:
		e.observeExists(f)
	case leafStatus:
		f.digest, f.err = e.seeStatus(f, e.abs(f.subject))
		f.absent = f.digest == absentDigest
	case leafLink:
		f.digest, f.err = e.seeLink(f, e.abs(f.subject))
	case leafIndex:
		f.digest, f.err = e.seeContent(f, e.abs(f.subject))
		f.absent = f.digest == absentDigest
	case leafOutside:
		f.digest, f.err = e.seeOutside(l, f)
	case leafEnv:
		text, ok := e.environ.lookup(f.subject)
		f.absent = !ok
		f.digest = still.VariableDigest(text, ok)
		f.inline = mustJSON(text)
	case leafInstance:
		f.digest = hashing.Sum([]byte(e.cfg.Instance))
		f.inline = mustJSON(e.cfg.Instance)
	}
}

func mustJSON(v any) []byte {
	text, err := graph.JSON(v)
	if err != nil { // text that is not UTF-8
		return []byte("null")
	}
	return text
}

// abs is the path that the system takes for a path as Calyxfiles spell it.
func (e *Engine) abs(p string) string {
	if path.IsAbs(p) {
		return filepath.FromSlash(p)
	}
	return filepath.Join(e.cfg.Root, filepath.FromSlash(p))
}

// text is what counts of a leaf in an action key.
func (f *leaf) text() string {
	switch {
	case f.absent:
		return absentText
	case f.err != nil:
		return "unreadable"
	case f.kind == leafProgram:
		return f.value.Digest.String()
	case f.value.Media == trace.MediaTree:
		return "folder " + f.value.Digest.String()
	case f.value.Media != "":
		return f.value.Digest.String() + executable(f.value)
	}
	return hex.EncodeToString(f.digest[:8])
}

// treeDigest is the digest of the listing, where the leaf has one.
func (f *leaf) treeDigest() hashing.Digest {
	if f.value.Media == trace.MediaTree {
		return f.value.Digest
	}
	return hashing.Digest{}
}

// paths are the files that a pattern matched.
func (f *leaf) paths() []string {
	paths := make([]string, len(f.tree))
	for i, e := range f.tree {
		paths[i] = f.pathOf(e.Path)
	}
	return paths
}

// pathOf is the path of a file in the leaf's listing, as users know it.
func (f *leaf) pathOf(name string) string {
	if f.kind == leafGlob {
		return f.base() + strings.TrimPrefix(name, f.base())
	}
	return path.Join(f.subject, name)
}

// base is what the paths in the listing of a pattern lack: the first slash of absolute ones.
func (f *leaf) base() string {
	if f.kind == leafGlob && path.IsAbs(f.subject) {
		return "/"
	}
	return ""
}

// leafWithTree finds the leaf of a folder or pattern that shows a listing. Others may show an equal one.
func (l *loop) leafWithTree(subject string, d hashing.Digest) *leaf {
	for _, f := range l.leaves {
		if f.known && f.subject == subject && f.value.Media == trace.MediaTree && f.value.Digest == d {
			return f
		}
	}
	return nil
}

// firstDifference compares two listings in the order of their paths.
func firstDifference(before, now hashing.Tree) (kind graph.ReasonKind, name string, was, is hashing.Digest) {
	i, j := 0, 0
	for i < len(before) || j < len(now) {
		switch {
		case j == len(now) || i < len(before) && before[i].Path < now[j].Path:
			return graph.FileRemoved, before[i].Path, before[i].Digest, hashing.Digest{}
		case i == len(before) || now[j].Path < before[i].Path:
			return graph.FileAdded, now[j].Path, hashing.Digest{}, now[j].Digest
		case before[i] != now[j]:
			return graph.FileChanged, now[j].Path, before[i].Digest, now[j].Digest
		}
		i++
		j++
	}
	return "", "", hashing.Digest{}, hashing.Digest{}
}

func joinPatterns(patterns []string) string { return strings.Join(patterns, "\x00") }

func splitPatterns(joined string) []string {
	if joined == "" {
		return nil
	}
	return strings.Split(joined, "\x00")
}
