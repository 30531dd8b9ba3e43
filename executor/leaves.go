package executor

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/calyx-build/calyx/cas/folder"
	"github.com/calyx-build/calyx/cas/trace"
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
)

// looked is a path that a leaf's observation looked at.
type looked struct {
	path   string // as the system takes it
	kind   lookedKind
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
			rel := l.e.rel(p.path)
			if !l.moved[rel] {
				l.tell(Note{Warn: true, Text: fmt.Sprintf("%q changed while the build ran", rel)})
			}
			l.moved[rel] = true
		}
	}
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
	case leafOutside:
		f.digest, f.err = e.seeOutside(l, f)
	case leafEnv:
		text, ok := e.environ.lookup(f.subject)
		f.absent = !ok
		f.digest = hashing.Sum([]byte(present(text, ok)))
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

// observeFile digests a file. A folder that a word names does not count: "." would otherwise be everything.
func (e *Engine) observeFile(f *leaf) {
	at := e.abs(f.subject)
	st, err := hashing.StatFollow(at)
	switch {
	case isAbsent(err):
		f.absent, f.digest = true, absentDigest
		f.looked = []looked{{path: at, kind: lookedNothing}}
		return
	case err != nil:
		f.err = err
		return
	case st.IsDir() && f.kind == leafWord:
		f.absent, f.digest = true, absentDigest // as if it were not there: outputs come and go in it
		return
	}
	r, err := e.memo.FileWith(at, st)
	if err != nil {
		f.err = err
		return
	}
	f.value = fileValue(f.subject, r)
	f.digest = wholeDigest(f.value)
	f.looked = []looked{{path: at, record: r}}
}

// observeProgram digests the executable that a name leads to. The places in PATH before it, at which there is none, count
// by their absence.
func (e *Engine) observeProgram(f *leaf) {
	for _, at := range e.candidates(f.subject) {
		st, err := hashing.StatFollow(at)
		if err != nil || !st.IsRegular() {
			f.looked = append(f.looked, looked{path: at, kind: lookedNothing})
			continue
		}
		r, err := e.memo.FileWith(at, st)
		if !st.IsExec() {
			f.looked = append(f.looked, looked{path: at, record: r}) // no program, until it may be executed
			continue
		}
		if err != nil {
			f.err = err
			return
		}
		f.value = fileValue(f.subject, r)
		f.looked = append(f.looked, looked{path: at, record: r})
		return
	}
	f.absent = true
}

// candidates are the places at which a program may be, in order.
func (e *Engine) candidates(name string) []string {
	if strings.Contains(name, "/") {
		return []string{e.abs(name)}
	}
	var all []string
	list, _ := e.environ.lookup("PATH")
	for _, dir := range filepath.SplitList(list) {
		if filepath.IsAbs(dir) { // a relative one would be another place in every workspace
			all = append(all, filepath.Join(dir, name))
		}
	}
	return all
}

func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func fileValue(name string, r hashing.Record) trace.Value {
	return trace.Value{Media: media(name), Digest: r.Digest, Size: r.Stat.Size, Exec: r.Stat.IsExec()}
}

// observeStored digests a stored file, or a stored folder with the links in it followed.
func (e *Engine) observeStored(l *loop, f *leaf) {
	at := e.abs(strings.TrimSuffix(f.subject, "/"))
	st, err := hashing.StatFollow(at)
	if err != nil || !st.IsDir() {
		e.observeFile(f)
		return
	}
	read, err := hashing.ReadTree(l.ctx, at, hashing.TreeOptions{
		Follow: true, Memo: e.memo, Exclude: splitPatterns(f.exclude),
		Skip: func(rel string, isDir bool) bool { return l.ownedOrNoise(path.Join(f.subject, rel), isDir) },
	})
	if err != nil {
		f.err = err
		return
	}
	f.setTree(read.Tree)
	f.addDirs(read.Dirs, read.Missing)
	for _, file := range read.Files {
		f.looked = append(f.looked, looked{path: file.Path, record: file.Record})
	}
}

func (f *leaf) setTree(t hashing.Tree) {
	encoded := t.Encode()
	f.tree = t
	f.value = trace.Value{Media: trace.MediaTree, Digest: hashing.Sum(encoded), Size: t.Size()}
	f.digest = wholeDigest(f.value)
}

// observeGlob digests the files that a pattern matches.
func (e *Engine) observeGlob(l *loop, f *leaf) {
	read, err := hashing.Glob(l.ctx, e.cfg.Root, f.subject, hashing.GlobOptions{Exclude: splitPatterns(f.exclude), Skip: l.ownedOrNoise, Clock: e.clock})
	if err != nil {
		f.err = err
		return
	}
	tree := make(hashing.Tree, len(read.Paths))
	for i, p := range read.Paths {
		r, err := e.memo.File(e.abs(p))
		if err != nil {
			f.err = err
			return
		}
		kind := hashing.FileEntry
		if r.Stat.IsExec() {
			kind = hashing.ExecEntry
		}
		// A listing holds no absolute paths; pathOf makes them so again.
		tree[i] = hashing.Entry{Path: strings.TrimPrefix(p, "/"), Kind: kind, Digest: r.Digest, Size: r.Stat.Size}
		f.looked = append(f.looked, looked{path: e.abs(p), record: r})
	}
	f.addDirs(read.Dirs, read.Missing)
	f.setTree(tree)
}

// observeMatches lists the files that a pattern matches, whatever is in them.
func (e *Engine) observeMatches(l *loop, f *leaf) {
	read, err := hashing.Glob(l.ctx, e.cfg.Root, f.subject, hashing.GlobOptions{Skip: l.ownedOrNoise, Clock: e.clock})
	if err != nil {
		f.err = err
		return
	}
	f.addDirs(read.Dirs, read.Missing)
	f.inline = pathsJSON(read.Paths)
	f.digest = hashing.Sum(f.inline)
}

func (f *leaf) addDirs(dirs []hashing.DirRead, missing []string) {
	for _, d := range dirs {
		f.looked = append(f.looked, looked{path: d.Path, kind: lookedDir, record: d.Record})
	}
	for _, m := range missing {
		f.looked = append(f.looked, looked{path: m, kind: lookedNothing})
	}
}

func pathsJSON(paths []string) []byte {
	list := make([]any, len(paths))
	for i, p := range paths {
		list[i] = p
	}
	return mustJSON(list)
}

// observeListing lists a folder: the names in it and whether each is a folder.
func (e *Engine) observeListing(l *loop, f *leaf) {
	at := e.abs(f.subject)
	st, err := hashing.StatFollow(at)
	if isAbsent(err) || err == nil && !st.IsDir() {
		f.absent, f.digest = true, absentDigest
		f.looked = []looked{{path: at, kind: lookedNothing}}
		return
	}
	names, err := os.ReadDir(at)
	if err != nil {
		f.err = err
		return
	}
	var list []any
	for _, name := range names {
		if l.ownedOrNoise(path.Join(f.subject, name.Name()), name.IsDir()) {
			continue
		}
		text := name.Name()
		if name.IsDir() {
			text += "/"
		}
		list = append(list, text)
	}
	f.inline = mustJSON(list)
	f.digest = hashing.Sum(f.inline)
	f.looked = []looked{{path: at, kind: lookedDir, record: hashing.Record{Stat: st}}}
}

// observeExists tells whether a path is there, and as what.
func (e *Engine) observeExists(f *leaf) {
	at := e.abs(f.subject)
	st, err := hashing.StatFollow(at)
	what, kind := "file", lookedBeing
	switch {
	case isAbsent(err):
		what, kind = "", lookedNothing
	case err != nil:
		f.err = err
		return
	case st.IsDir():
		what = "folder"
	}
	f.digest = existsDigest(what)
	f.inline = mustJSON(what)
	f.looked = []looked{{path: at, kind: kind, record: hashing.Record{Stat: st}}}
}

// text is what counts of a leaf in an action key.
func (f *leaf) text() string {
	switch {
	case f.absent:
		return absentText
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

// leafWithTree finds a leaf that shows a listing.
func (l *loop) leafWithTree(d hashing.Digest) *leaf {
	for _, f := range l.leaves {
		if f.known && f.value.Media == trace.MediaTree && f.value.Digest == d {
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

// noise is what tools leave beside sources.
var noise = map[string]bool{".calyx": true, "__pycache__": true}

func isNoise(p string) bool {
	base := path.Base(p)
	return noise[base] || strings.HasPrefix(base, folder.TemporaryPrefix)
}

// ownedOrNoise reports whether a path of the workspace is no source: a step owns it, or a tool left it there.
func (l *loop) ownedOrNoise(p string, _ bool) bool {
	if isNoise(p) {
		return true
	}
	if _, owned := l.owners.Owner(p); owned {
		return true
	}
	for ; p != "." && p != "/"; p = path.Dir(p) {
		if l.stale[p] {
			return true
		}
	}
	return false
}

func joinPatterns(patterns []string) string { return strings.Join(patterns, "\x00") }

func splitPatterns(joined string) []string {
	if joined == "" {
		return nil
	}
	return strings.Split(joined, "\x00")
}

// stepLeaves are the files that count for a step: its programs, its literal words, and the files in deps.
func (l *loop) stepLeaves(s *graph.Step) []*leaf {
	var all []*leaf
	for _, name := range programs(s) {
		if _, owned := l.g.Owner(path.Clean(name)); !owned {
			all = append(all, l.leaf(leafKey{kind: leafProgram, subject: name}))
		}
	}
	for _, w := range s.Words {
		all = append(all, l.leaf(leafKey{kind: leafWord, subject: w}))
	}
	for _, d := range s.Deps {
		switch {
		case d.Ref != nil:
		case strings.ContainsAny(d.Path, "*?[{"):
			all = append(all, l.leaf(leafKey{kind: leafGlob, subject: d.Path}))
		default:
			all = append(all, l.leaf(leafKey{kind: leafStored, subject: d.Path}))
		}
	}
	return all
}

// programs are the programs that a step's command line begins with: its own, and the one that wraps it. A word that
// stands for a node is no program to look for: it counts as an input.
func programs(s *graph.Step) []string {
	var names []string
	if len(s.Wrap) > 0 {
		names = append(names, s.Wrap[0])
	}
	switch {
	case s.Shell != nil:
		names = append(names, "/bin/sh")
	case len(s.Cmd) > 0 && s.Cmd[0].Kind == graph.Constant:
		if name, ok := s.Cmd[0].Value.V.(string); ok {
			names = append(names, name)
		}
	}
	return names
}
