package executor

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/cores"
)

// A program sees hundreds of files that are not the workspace's: its libraries, its interpreter's modules. They are grouped by
// root, and what was seen below a root is a set that is kept once for all steps that saw the same: an edge leads to the set,
// and it is compared once in a build.

// outsideSet is what was seen below one root. It grows while a command's accesses are gone through.
type outsideSet map[string]Sight // by path below the root

// encode writes the set: for each path, in order, a letter for its sights, the path and a zero.
func (s outsideSet) encode() []byte {
	var b []byte
	for _, p := range sortedKeys(s) {
		b = append(b, '@'+byte(s[p]))
		b = append(append(b, p...), 0)
	}
	return b
}

// decodeOutside reads an encoded set.
func decodeOutside(b []byte) (outsideSet, error) {
	s := outsideSet{}
	for entry := range bytes.SplitSeq(bytes.TrimSuffix(b, []byte{0}), []byte{0}) {
		if len(entry) == 0 || entry[0] <= '@' || entry[0] >= '@'+byte(allSights)+1 {
			return nil, fmt.Errorf("read what was seen outside the workspace: %q is no entry", entry)
		}
		s[string(entry[1:])] = Sight(entry[0] - '@')
	}
	return s, nil
}

// request asks for what the set shows now.
func (s outsideSet) request(root string) (trace.Request, []byte) {
	encoded := s.encode()
	return trace.Request{Kind: trace.Outside, Subject: root, View: hashing.Sum(encoded).String()}, encoded
}

// seeOutside looks at everything in a set below its root.
func (e *Engine) seeOutside(l *loop, f *leaf) (hashing.Digest, error) {
	digest, err := hashing.ParseDigest(f.exclude)
	if err != nil {
		return digest, err
	}
	set, err := e.outsideSet(l.ctx, digest)
	if err != nil {
		return digest, err
	}
	root, paths := e.outsideRoot(f.subject), sortedKeys(set)
	e.readAhead(l.ctx, root, paths, set)
	parts := make([]outsidePart, max(1, min(cores.Count(), len(paths)/fewestOutside)))
	_ = cores.EachFrom(len(parts), len(parts), func(i int) error {
		for _, p := range paths[i*len(paths)/len(parts) : (i+1)*len(paths)/len(parts)] {
			parts[i].see(e, path.Join(root, p), set[p])
		}
		return nil
	})
	for _, part := range parts {
		f.list = append(f.list, part.digests...)
		f.looked = append(f.looked, part.leaf.looked...)
	}
	return hashing.Sum(f.list), nil
}

const digestSize = len(hashing.Digest{})

// outsideDifference finds the first path of a set that did not show before what it shows now.
func (e *Engine) outsideDifference(set outsideSet, before, now []byte) (at string, was, is hashing.Digest) {
	for _, p := range sortedKeys(set) {
		for range e.looksFor(set[p]) {
			if len(before) < digestSize || len(now) < digestSize {
				return "", was, is
			}
			was, is = hashing.Digest(before[:digestSize]), hashing.Digest(now[:digestSize])
			if was != is {
				return p, was, is
			}
			before, now = before[digestSize:], now[digestSize:]
		}
	}
	return "", was, is
}

// fewestOutside is how many paths are worth another goroutine.
const fewestOutside = 64

// outsidePart is what is seen of some paths of a set, one after the other.
type outsidePart struct {
	leaf    leaf
	digests []byte
}

func (part *outsidePart) see(e *Engine, at string, saw Sight) {
	for _, look := range e.looksFor(saw) {
		d, err := look(&part.leaf, at)
		if err != nil { // what may not be read looks the same to everybody here
			d = hashing.Sum([]byte("unreadable"))
		}
		part.digests = append(part.digests, d[:]...)
	}
}

// readAhead digests the files of a set that are not known yet, from all cores. What cannot be read is met again one by one.
func (e *Engine) readAhead(ctx context.Context, root string, paths []string, set outsideSet) {
	var unknown []string
	for _, p := range paths {
		at := path.Join(root, p)
		if _, known := e.memo.Known(at); known || set[p]&SawContent == 0 {
			continue
		}
		if st, err := hashing.StatFollow(at); err == nil && st.IsRegular() {
			unknown = append(unknown, at)
		}
	}
	if len(unknown) > 1 {
		_, _ = e.memo.Files(ctx, unknown)
	}
}

// keptSets are the encoded sets that this process has seen to be in the store. It is safe for concurrent use.
type keptSets struct{ known sync.Map }

// keepSets stores what was seen outside the workspace, where that is not known yet.
func (e *Engine) keepSets(ctx context.Context, sets [][]byte) error {
	fresh := slices.DeleteFunc(slices.Clone(sets), func(set []byte) bool {
		_, known := e.sets.known.Load(hashing.Sum(set))
		return known
	})
	if len(fresh) == 0 {
		return nil
	}
	if _, err := e.store.Apply(ctx, cas.Txn{Blobs: fresh}); err != nil {
		return err
	}
	for _, set := range fresh {
		e.sets.known.Store(hashing.Sum(set), set)
	}
	return nil
}

func (e *Engine) outsideSet(ctx context.Context, digest hashing.Digest) (outsideSet, error) {
	if set, ok := e.sets.known.Load(digest); ok {
		return decodeOutside(set.([]byte))
	}
	encoded, err := e.content(ctx, trace.Value{Digest: digest, Size: 1})
	if err != nil {
		return nil, err
	}
	return decodeOutside(encoded)
}

// looksFor are the ways to look at a path again of which these things were seen. A file's content says more than its status, and so does
// what it is itself.
func (e *Engine) looksFor(s Sight) []func(*leaf, string) (hashing.Digest, error) {
	var all []func(*leaf, string) (hashing.Digest, error)
	for _, way := range []struct {
		sight Sight
		look  func(*leaf, string) (hashing.Digest, error)
	}{{SawContent, e.seeContent}, {SawStatus, e.seeStatus}, {SawLink | SawItself, e.seeLink}, {SawNames, e.seeNames}} {
		if s&way.sight != 0 && (way.sight != SawStatus || s&(SawContent|SawItself) == 0) {
			all = append(all, way.look)
		}
	}
	return all
}

// home stands for the user's home as a root: another user's, with the same files, fits as well.
const home = "~"

// outsideRoot is the path of a root.
func (e *Engine) outsideRoot(root string) string {
	if within(root, home) {
		return path.Join(e.roots.home, root[len(home):])
	}
	return e.abs(root)
}

// home is the user's home without links; empty: none is known.
func (e *Engine) home() string {
	named, _ := e.environ.lookup("HOME")
	at, err := filepath.EvalSymlinks(named)
	if err != nil || !filepath.IsAbs(at) || at == "/" {
		return ""
	}
	return at
}

// stores are folders in which every entry is a package of its own, never changed.
var stores = []string{"/nix/store/", "/gnu/store/"}

// rooter finds the roots of paths. It is safe for concurrent use.
type rooter struct {
	home  string
	mu    sync.Mutex
	known map[string]string // the environment that a folder belongs to, by the folder; empty: none
}

// root splits a path that is not the workspace's into its root and what follows.
func (r *rooter) root(p string) (root, below string) {
	for _, s := range stores {
		if rest, ok := strings.CutPrefix(p, s); ok {
			entry, below, _ := strings.Cut(rest, "/")
			return s + entry, below
		}
	}
	if env := r.environment(path.Dir(p)); env != "" {
		return r.spell(env), strings.TrimPrefix(p, env+"/")
	}
	if r.home != "" && within(p, r.home) {
		return home, strings.TrimPrefix(p[len(r.home):], "/")
	}
	first, below, ok := strings.Cut(strings.TrimPrefix(p, "/"), "/")
	if !ok { // a link such as /bin
		return "/", first
	}
	return "/" + first, below
}

// spell writes a folder in the home as the home of anybody.
func (r *rooter) spell(dir string) string {
	if r.home != "" && within(dir, r.home) {
		return home + dir[len(r.home):]
	}
	return dir
}

// environment is the virtual environment that a folder belongs to: the nearest one above that holds pyvenv.cfg.
func (r *rooter) environment(dir string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.environmentLocked(dir)
}

func (r *rooter) environmentLocked(dir string) string {
	if dir == "/" || dir == "." {
		return ""
	}
	if env, ok := r.known[dir]; ok {
		return env
	}
	env := dir
	if _, err := os.Lstat(dir + "/pyvenv.cfg"); err != nil {
		env = r.environmentLocked(path.Dir(dir))
	}
	r.known[dir] = env
	return env
}

// passing are places whose content is of the moment or of the machine: processes, devices, temporary files, sockets.
var passing = []string{"/proc", "/dev", "/sys", "/tmp", "/run", "/var/tmp", "/var/run"}

// temporary are those among them for temporary files.
var temporary = []string{"/tmp", "/var/tmp"}

func isTemporary(p string) bool {
	return slices.ContainsFunc(temporary, func(dir string) bool { return within(p, dir) })
}

// claims reports whether a path among the temporary files belongs to a home or a virtual environment there.
func (r *rooter) claims(p string) bool {
	if !isTemporary(p) {
		return false
	}
	return r.home != "" && isTemporary(path.Dir(r.home)) && within(p, r.home) || r.environment(path.Dir(p)) != ""
}

// ofTheMachine are files that say how this machine is set up and connected. What the loader's index leads to is seen by itself.
var ofTheMachine = []string{"/etc/ld.so.cache", "/etc/resolv.conf", "/etc/hosts", "/etc/hostname", "/etc/machine-id", "/etc/mtab"}

// passes reports whether a path outside the workspace never counts.
func passes(p string) bool {
	return slices.Contains(ofTheMachine, p) || slices.ContainsFunc(passing, func(dir string) bool { return within(p, dir) })
}

// within reports whether p is the folder dir or lies in it.
func within(p, dir string) bool {
	return strings.HasPrefix(p, dir) && (len(p) == len(dir) || p[len(dir)] == '/')
}
