package executor

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/executor/still"
	"github.com/calyx-build/calyx/graph/state"
	"github.com/calyx-build/calyx/hashing"
)

// keepStill writes the snapshot of a build, with those nodes that have no result marked as dirty. Without one the next build
// does the whole work, so that it cannot be written is no error.
func (l *loop) keepStill() {
	if len(l.o.Set) > 0 {
		return
	}
	if l.large && l.base == nil {
		l.g.Unload()
		debug.FreeOSMemory() // it is given to the snapshot in the making
	}
	q := l.e.question(l.o)
	file := q.File()
	k := newKeeping(l)
	switch kept := l.broken == nil && k.all(); {
	case l.e.cfg.Program != nil:
		if kept && l.sum.OK {
			l.sum.Looked = k.looked()
		}
		return
	case !kept:
		_ = os.Remove(file)
		return
	}
	note, err := json.Marshal(still.Note{
		Backend: l.e.backend(), Run: l.sum.Run, Fresh: l.sum.Fresh + l.sum.Cached + l.sum.Executed, Dirty: k.dirty || !l.sum.OK,
		Offers: l.e.offersDigest(), Generation: k.generation(),
	})
	if err != nil || os.MkdirAll(filepath.Dir(file), 0o777) != nil {
		return
	}
	l.e.keepLeft(l.o)
	edit, head := k.edit, snapshot.Head{Binding: q.Binding(), Expires: k.expires, Note: note}
	if !l.o.Values {
		l.release()
	}
	_ = edit.Write(file, head)
}

// release lets go of what the build knew of nodes and leaves, which in a large graph takes more than writing down what is kept of them.
func (l *loop) release() {
	l.nodes, l.leaves, l.pinned, l.executing, l.sched, l.base = nodeTable{}, nil, nil, nil, scheduler{}, nil
	// What waited has been done, and stands in the space behind.
	l.work, l.looking, l.watching, l.reading, l.settling = nil, batcher[*node]{}, batcher[*leaf]{}, batcher[chainRead]{}, batcher[*node]{}
	l.inbox.take()
}

func (e *Engine) backend() string {
	if e.graph != nil && e.graph.Workspace.State != "" {
		return e.graph.Workspace.State
	}
	return state.Default
}

// keeping collects what a snapshot holds, over what the baseline holds, if there is one.
type keeping struct {
	l       *loop
	base    *baseline
	edit    *snapshot.Edit
	roots   []uint32 // the facts and the targets
	numbers map[*node]uint32
	leaves  map[*leaf]uint32
	vars    map[string]bool
	expires time.Time
	dirty   bool
}

func newKeeping(l *loop) *keeping {
	k := &keeping{l: l, base: l.base, numbers: map[*node]uint32{}, leaves: map[*leaf]uint32{}, vars: map[string]bool{}}
	if k.base == nil {
		k.edit = snapshot.New()
		return k
	}
	k.edit = snapshot.Begin(k.base.s, k.base.swept.Refreshed)
	k.expires = k.base.s.Head().Expires
	return k
}

// baseTargets are the targets that stay as they were.
func (k *keeping) baseTargets() (numbers []uint32) {
	if k.base == nil {
		return nil
	}
	for i, n := range k.base.s.Nodes() {
		if note, ok := readNote(n.Data); ok && note.target && !k.base.reached[i] {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

// all keeps everything; false where it cannot.
func (k *keeping) all() bool {
	if !k.facts() {
		return false
	}
	k.nodes()
	if !k.edit.SameShape() {
		k.edit.Keep(append(k.roots, k.baseTargets()...)...)
	}
	return true
}

// generation is the store's from before the first of the nodes was looked up.
func (k *keeping) generation() trace.Generation {
	if k.base != nil {
		return k.base.note.Generation
	}
	return k.l.generation
}

// facts keeps what concerns the whole build, as the first node.
func (k *keeping) facts() bool {
	k.variables()
	if k.base != nil {
		k.factsAgain()
		return k.offers()
	}
	paths, ok := k.evaluation()
	if !ok {
		return false
	}
	for _, p := range sortedKeys(k.l.stale) { // one that is edited becomes a source
		if seen, err := snapshot.Look(k.l.e.cfg.Root, p, snapshot.File, false, k.l.e.memo); err == nil {
			paths = append(paths, k.edit.AddPath(seen))
		}
	}
	facts := snapshot.Node{Name: still.Facts}
	facts.Leaves = append(facts.Leaves, k.edit.AddLeaf(snapshot.Leaf{Kind: still.Paths, Paths: paths}))
	facts.Leaves = append(facts.Leaves, k.edit.AddLeaf(snapshot.Leaf{Kind: still.State, Digest: k.l.e.stateDigest()}))
	k.addVariables(&facts)
	k.roots = append(k.roots, k.edit.AddNode(facts))
	return k.offers()
}

// factsAgain adds variables to those that the baseline knows: all else is as it was.
func (k *keeping) factsAgain() {
	facts := k.base.s.Node(0)
	for _, i := range facts.Leaves {
		if leaf := k.base.s.Leaf(i); leaf.Kind == still.Variable {
			delete(k.vars, leaf.Subject)
		}
	}
	facts.Leaves = append([]uint32{}, facts.Leaves...)
	k.addVariables(&facts)
	k.edit.SetNode(0, facts)
	k.roots = append(k.roots, 0)
}

func (k *keeping) addVariables(facts *snapshot.Node) {
	for _, name := range sortedKeys(k.vars) {
		facts.Leaves = append(facts.Leaves, k.edit.AddLeaf(snapshot.Leaf{Kind: still.Variable, Subject: name, Digest: still.VariableDigest(k.l.e.environ.lookup(name))}))
	}
}

// variables collects the variables that nodes hang on.
func (k *keeping) variables() {
	for _, r := range k.l.e.reads {
		switch r.Kind {
		case "env":
			k.vars[r.Subject] = true
		case "plugin":
			k.offerVariables(k.l.e.offered[r.Subject])
		}
	}
	for key, f := range k.l.leaves {
		if key.kind == leafEnv && f.known {
			k.vars[key.subject] = true
		}
	}
	for name := range k.l.stepVars {
		k.vars[name] = true
	}
	for _, n := range k.l.nodes.all() {
		switch {
		case n.isStored() && n.decl().Stored.Env != "":
			k.vars[n.decl().Stored.Env] = true
		case n.isPlugin():
			for _, v := range k.l.pluginDecl(n).Env {
				k.vars[v.Name] = true
			}
		}
	}
}

// nodes keeps the nodes that this build looked at.
func (k *keeping) nodes() {
	var seen []*node
	for _, n := range k.l.nodes.all() {
		if n.state == idle || n.vouched {
			continue
		}
		seen = append(seen, n)
		k.number(n)
		if n.target {
			k.roots = append(k.roots, k.number(n))
		}
	}
	for _, n := range seen {
		row, ok := k.row(n)
		if !ok {
			row.Dirty, row.Leaves, row.Outputs, row.Deps = true, nil, nil, nil
			k.dirty = true
		}
		k.edit.SetNode(k.number(n), row)
	}
}

// number is the number of a node in the snapshot in the making.
func (k *keeping) number(n *node) uint32 {
	if i, ok := k.numbers[n]; ok {
		return i
	}
	i, ok := uint32(0), false
	if k.base != nil {
		i, ok = k.base.number(n)
	}
	if !ok {
		i = k.edit.AddNode(snapshot.Node{Name: n.name})
	}
	k.numbers[n] = i
	return i
}

// row is what is kept of a node. ok is false where it has no result that the next build may go by.
func (k *keeping) row(n *node) (row snapshot.Node, ok bool) {
	note := nodeNote{index: n.index, target: n.target, step: n.isStep()}
	row.Name = n.name
	ok = n.answers() && !n.unrecorded
	if n.isStep() {
		note.check = valueCheck(n.key, n.value)
		ok = ok && k.step(n, &row)
	}
	row.Data = note.encode()
	if !ok {
		return row, false
	}
	for _, some := range [][]*leaf{n.leaves, n.observedLeaves} {
		for _, f := range some {
			i, ok := k.leaf(f)
			if !ok {
				return row, false
			}
			row.Leaves = append(row.Leaves, i)
		}
	}
	for _, some := range [][]*node{n.deps, n.after, n.observed} {
		for _, d := range some {
			row.Deps = append(row.Deps, k.number(d))
		}
	}
	return row, true
}

func (k *keeping) step(n *node, row *snapshot.Node) bool {
	if n.uncached {
		return false
	}
	if !n.expires.IsZero() && (k.expires.IsZero() || n.expires.Before(k.expires)) {
		k.expires = n.expires
	}
	for _, o := range k.l.outputsOf(n) {
		paths, ok := k.output(o.Path, o.Value)
		if !ok {
			return false
		}
		row.Outputs = append(row.Outputs, paths...)
	}
	return true
}

// leaf keeps a leaf, once.
func (k *keeping) leaf(f *leaf) (uint32, bool) {
	if i, ok := k.leaves[f]; ok {
		return i, true
	}
	var paths []uint32
	add := func(at string, kind snapshot.Kind, follow bool, r hashing.Record) {
		paths = append(paths, k.path(at, kind, follow, r))
	}
	if f.err != nil || !f.known {
		return 0, false
	}
	if f.kind == leafWord && len(f.looked) == 0 { // it names a folder
		p, err := snapshot.Look(k.l.e.cfg.Root, f.subject, snapshot.Being, true, k.l.e.memo)
		if err != nil {
			return 0, false
		}
		paths = append(paths, k.edit.AddPath(p))
	}
	for _, p := range f.looked {
		switch p.kind {
		case lookedFile:
			add(p.path, snapshot.File, true, p.record)
		case lookedDir:
			add(p.path, snapshot.Dir, true, p.record)
		case lookedBeing:
			add(p.path, snapshot.Being, !p.itself, p.record)
		case lookedStatus:
			add(p.path, snapshot.Status, !p.itself, p.record)
		case lookedIndex:
			r, err := k.l.e.memo.File(p.path)
			if err != nil {
				return 0, false
			}
			add(p.path, snapshot.File, true, r)
		case lookedLink:
			add(p.path, snapshot.Link, false, p.record)
		case lookedNothing:
			add(p.path, snapshot.Absent, !p.itself, hashing.Record{})
		}
	}
	i := k.edit.AddLeaf(snapshot.Leaf{Kind: still.Paths, Paths: paths})
	k.leaves[f] = i
	return i, true
}

func (k *keeping) path(at string, kind snapshot.Kind, follow bool, r hashing.Record) uint32 {
	return k.edit.AddPath(snapshot.Path{Name: k.l.e.rel(at), Kind: kind, Follow: follow, Record: r})
}

// output keeps an output, if it is what it should be.
func (k *keeping) output(name string, v trace.Value) (paths []uint32, ok bool) {
	e := k.l.e
	if v.Media != trace.MediaTree {
		p, err := e.lookWritten(snapshot.Path{Name: name, Kind: snapshot.File})
		if err != nil || p.Record.Digest != v.Digest || p.Record.Stat.IsExec() != v.Exec {
			return nil, false
		}
		return []uint32{k.edit.AddPath(p)}, true
	}
	read, err := hashing.ReadTree(k.l.ctx, e.abs(name), hashing.TreeOptions{Memo: e.memo})
	if err != nil || read.Tree.Digest() != v.Digest {
		return nil, false
	}
	for _, f := range read.Files {
		paths = append(paths, k.path(f.Path, snapshot.File, false, f.Record))
	}
	for _, d := range read.Dirs {
		paths = append(paths, k.path(d.Path, snapshot.Dir, false, d.Record))
	}
	for _, entry := range read.Tree {
		if entry.Kind == hashing.LinkEntry {
			p, err := snapshot.Look(e.cfg.Root, name+"/"+entry.Path, snapshot.Link, false, e.memo)
			if err != nil {
				return nil, false
			}
			paths = append(paths, k.edit.AddPath(p))
		}
	}
	return paths, true
}

// lookWritten looks at a path of an output again. A file that was written a moment ago is not read, since it would be as young
// as before: the next build reads it.
func (e *Engine) lookWritten(p snapshot.Path) (snapshot.Path, error) {
	if p.Kind == snapshot.File {
		at := e.abs(p.Name)
		st, err := hashing.Lstat(at)
		if r, known := e.memo.Known(at); err == nil && known && r.Stat == st && r.Racy && st.IsRacy(e.memo.Now()) {
			p.Record = r
			return p, nil
		}
	}
	return snapshot.Look(e.cfg.Root, p.Name, p.Kind, p.Follow, e.memo)
}

// evaluation keeps what evaluating the Calyxfile read.
func (k *keeping) evaluation() (paths []uint32, ok bool) {
	e := k.l.e
	for _, r := range e.reads {
		switch r.Kind {
		case "file":
			p, ok := e.evaluationFile(r)
			if !ok {
				return nil, false
			}
			paths = append(paths, k.edit.AddPath(p))
		case "glob":
			found, err := hashing.Glob(k.l.ctx, e.cfg.Root, r.Subject, hashing.GlobOptions{Exclude: r.Exclude, Skip: e.unowned, Clock: e.clock})
			if err != nil || listDigest(found.Paths) != r.Digest {
				return nil, false
			}
			for _, d := range found.Dirs {
				paths = append(paths, k.path(d.Path, snapshot.Dir, true, d.Record))
			}
			for _, m := range found.Missing {
				paths = append(paths, k.path(m, snapshot.Absent, true, hashing.Record{}))
			}
		}
	}
	return paths, true
}

// evaluationFile is a file that the evaluation read, if it still is as it was then.
func (e *Engine) evaluationFile(r read) (snapshot.Path, bool) {
	kind := snapshot.File
	if r.Digest == absentDigest {
		kind = snapshot.Absent
	}
	p, err := snapshot.Look(e.cfg.Root, e.rel(e.abs(r.Subject)), kind, true, e.memo)
	return p, err == nil && (kind != snapshot.File || p.Record.Digest == r.Digest)
}
