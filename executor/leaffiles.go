package executor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/hashing"
)

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
		f.digest = wholeDigest(f.value)
		f.looked = append(f.looked, looked{path: at, record: r})
		return
	}
	f.absent, f.digest = true, absentDigest
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
	st, err := hashing.Lstat(at)
	straight := f.subject // where a link leads
	if err == nil && st.IsLink() {
		straight = e.rel(hashing.LinkEnd(at))
		if f.err = l.notMade(f.subject, straight); f.err != nil {
			return
		}
		st, err = hashing.StatFollow(at)
	}
	if err != nil || !st.IsDir() {
		e.observeFile(f)
		return
	}
	read, err := hashing.ReadTree(l.ctx, at, hashing.TreeOptions{
		Follow: true, Memo: e.memo, Exclude: splitPatterns(f.exclude),
		Skip: func(rel string, isDir bool) bool {
			return l.ownedOrNoise(path.Join(f.subject, rel), isDir) || straight != f.subject && l.ownedOrNoise(path.Join(straight, rel), isDir)
		},
		Through: func(rel, end string) error { return l.notMade(path.Join(f.subject, rel), path.Join(straight, end)) },
	})
	if err != nil {
		f.err = err
		return
	}
	f.setTree(read.Tree)
	tellOutside(l, f.subject, read.Outside)
	f.addDirs(read.Dirs, read.Missing)
	for _, file := range read.Files {
		f.looked = append(f.looked, looked{path: file.Path, record: file.Record})
	}
}

// notMade is an error where a link leads to what a step owns: that is no source.
func (l *loop) notMade(link, end string) error {
	i, owned := l.owners.Owner(end)
	if !owned {
		return nil
	}
	return fmt.Errorf("%q leads to %q, which step %q makes, and so is no source; name the step, or exclude the link", link, end, l.owners.Name(i))
}

// tellOutside says which links lead out of a stored folder: what they show counts as if it stood there.
func tellOutside(l *loop, folder string, links []string) {
	if len(links) == 0 {
		return
	}
	inside := make([]string, len(links))
	for i, link := range links {
		inside[i] = l.e.rel(link)
	}
	text := fmt.Sprintf("what links out of %q show counts as if it stood there: %s", folder, quoted(inside))
	l.inbox.post(func() { l.tell(Note{Text: text}) })
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
	f.showNames(read.Paths, read.Paths)
}

// showNames shows names to a plugin, and counts others, in which there may be more than that.
func (f *leaf) showNames(shown, counted []string) {
	f.inline, f.list = namesJSON(shown), exactNames(counted)
	f.digest = hashing.Sum(f.list)
}

// exactNames are names as JSON also where they are no text, which JSON cannot hold.
func exactNames(names []string) []byte {
	exact := make([]string, len(names))
	for i, name := range names {
		exact[i] = name
		if !utf8.ValidString(name) {
			exact[i] = noText + strconv.Quote(name)
		}
	}
	return namesJSON(exact)
}

// noText begins what stands for a name that is no text: no name holds it.
const noText = "\x00"

func (f *leaf) addDirs(dirs []hashing.DirRead, missing []string) {
	for _, d := range dirs {
		f.looked = append(f.looked, looked{path: d.Path, kind: lookedDir, record: d.Record})
	}
	for _, m := range missing {
		f.looked = append(f.looked, looked{path: m, kind: lookedNothing})
	}
}

func namesJSON(names []string) []byte {
	list := make([]any, len(names))
	for i, name := range names {
		list[i] = name
	}
	return mustJSON(list)
}

// observeListing lists a folder: the names in it and what each is, a file, a folder, a link. The folders in which outputs lie are
// always there, since the build makes them: when a step runs, some are not made yet (see readUnmade).
func (e *Engine) observeListing(l *loop, f *leaf) {
	at := e.abs(f.subject)
	st, err := hashing.StatFollow(at)
	isThere := err == nil && st.IsDir()
	var names []os.DirEntry
	switch {
	case isThere:
		f.looked = []looked{{path: at, kind: lookedDir, record: hashing.Record{Stat: st}}}
		names, err = os.ReadDir(at)
	case err == nil: // no folder, and others may see what it is
		f.looked = []looked{{path: at, kind: lookedBeing, record: hashing.Record{Stat: st}}}
	case isAbsent(err):
		err = nil
		f.looked = []looked{{path: at, kind: lookedNothing}}
	}
	if err != nil {
		f.err = err
		return
	}
	if !isThere && !l.owners.Under(f.subject) {
		f.absent, f.digest = true, absentDigest
		return
	}
	var all []listed
	there := map[string]bool{}
	state := l.stateFile()
	for _, name := range names {
		if entry := path.Join(f.subject, name.Name()); l.ownedOrNoise(entry, name.IsDir()) || entry == state {
			continue
		}
		there[name.Name()] = true
		all = append(all, listed{name.Name(), name.Type()})
	}
	for _, folder := range l.owners.Folders(f.subject) {
		if !there[folder] {
			all = append(all, listed{folder, fs.ModeDir})
		}
	}
	slices.SortFunc(all, func(a, b listed) int { return strings.Compare(a.name, b.name) })
	shown, counted := make([]string, len(all)), make([]string, len(all))
	for i, entry := range all {
		shown[i], counted[i] = entry.name, entry.name
		if entry.kind.IsDir() {
			shown[i], counted[i] = entry.name+"/", entry.name+"/"
		} else if entry.kind != 0 { // what lists a folder is told this as well
			counted[i] += "/" + entry.kind.String()
		}
	}
	f.showNames(shown, counted)
}

// listed is an entry of a folder.
type listed struct {
	name string
	kind fs.FileMode
}

// observeExists tells whether a path is there, and as what. That it is a link, and to what, is no part of the answer; but who looks with
// lstat is told.
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
	own, err := hashing.Lstat(at)
	isLink := err == nil && own.IsLink()
	f.looked = []looked{{path: at, kind: kind, itself: !isLink, record: hashing.Record{Stat: st}}}
	if isLink {
		var link hashing.Digest
		link, f.err = e.seeLink(f, at)
		f.digest = hashing.Sum(slices.Concat(f.digest[:], link[:]))
	}
}
