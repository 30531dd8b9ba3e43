package executor

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/executor/workspace"
	"github.com/calyx-build/calyx/hashing"
)

// The kinds of leaves in a snapshot.
const (
	stillPaths    uint8 = iota + 1 // everything that the build looked at
	stillVariable                  // Subject: its name
	stillState                     // the values that were set
)

// stillNote is what a snapshot keeps for the engine.
type stillNote struct {
	Backend string `json:"backend"`
	Run     string `json:"run"`
	Fresh   int    `json:"fresh"`
}

// stillFile is where the snapshot of a build of these targets is kept.
func (e *Engine) stillFile(o Options) string {
	words := append([]string{e.cfg.Calyxfile, e.cfg.Instance}, o.Targets...)
	name := hashing.Sum([]byte(strings.Join(words, "\x00"))).Hex()[:16]
	return filepath.Join(e.cfg.Root, ".calyx", "snapshots", name)
}

// binding is everything that must be equal for a snapshot to say anything.
func (e *Engine) binding(o Options) hashing.Digest {
	search, _ := e.environ.lookup("PATH")
	words := append([]string{keyVersion, e.cfg.Version, e.cfg.Root, e.cfg.CacheDir, e.cfg.Calyxfile, e.cfg.Instance, search}, o.Targets...)
	return hashing.Sum([]byte(strings.Join(words, "\x00")))
}

// mayBeStill reports whether a snapshot can answer what the options ask for.
func (o Options) mayBeStill() bool {
	return len(o.Set) == 0 && !o.Force && !o.ForceAll && !o.Values && !o.Verbose
}

// still answers a build from the last one's snapshot, where nothing that it depended on has moved. Where something has,
// what the snapshot knows of files spares reading those that did not.
func (e *Engine) still(ctx context.Context, o Options, began time.Time) (Summary, bool) {
	file := e.stillFile(o)
	s, err := snapshot.Open(file)
	if err != nil {
		return Summary{}, false
	}
	defer func() { _ = s.Close() }()
	head := s.Head()
	var note stillNote
	if head.Binding != e.binding(o) || json.Unmarshal(head.Note, &note) != nil {
		return Summary{}, false
	}
	swept, err := s.Sweep(ctx, e.cfg.Root, e.memo)
	if err != nil {
		return Summary{}, false
	}
	expired := !head.Expires.IsZero() && !began.Before(head.Expires)
	if !swept.Still() || expired || !e.sameFacts(s, note) {
		e.remember(s, swept)
		return Summary{}, false
	}
	if len(swept.Refreshed) > 0 {
		_ = s.Refresh(file, swept.Refreshed) // else the same files are read again next time
	}
	sum := Summary{NothingMoved: true}
	sum.Run, sum.OK, sum.Fresh = newRunID(began), true, note.Fresh
	sum.Ended = time.Now()
	sum.Seconds = sum.Ended.Sub(began).Seconds()
	if o.Observer != nil {
		o.Observer.Event(RunStarted{Run: sum.Run, Started: began, Targets: o.Targets, Instance: e.cfg.Instance, Still: true})
		o.Observer.Event(sum.RunEnded)
	}
	return sum, true
}

// sameFacts compares the variables and the values that were set.
func (e *Engine) sameFacts(s *snapshot.Snapshot, note stillNote) bool {
	if e.loadState(note.Backend) != nil {
		return false
	}
	for _, leaf := range s.Leaves() {
		switch leaf.Kind {
		case stillVariable:
			if leaf.Digest != e.variable(leaf.Subject) {
				return false
			}
		case stillState:
			if leaf.Digest != e.stateDigest() {
				return false
			}
		}
	}
	return true
}

func (e *Engine) variable(name string) hashing.Digest {
	text, ok := e.environ.lookup(name)
	return hashing.Sum([]byte(present(text, ok)))
}

func (e *Engine) stateDigest() hashing.Digest {
	var all hashing.Map
	for _, name := range sortedKeys(e.state) {
		all = append(all, hashing.Pair{Key: name, Value: e.state[name]})
	}
	encoded, err := hashing.Canonical(all)
	if err != nil {
		return hashing.Digest{}
	}
	return hashing.Sum(encoded)
}

// remember seeds the memory of files with what did not move.
func (e *Engine) remember(s *snapshot.Snapshot, swept *snapshot.Sweep) {
	moved := make(map[uint32]bool, len(swept.Moved))
	for _, i := range swept.Moved {
		moved[i] = true
	}
	for i := range uint32(s.NumPaths()) {
		p := s.Path(i)
		if at := e.abs(p.Name); p.Kind == snapshot.File && !moved[i] {
			if _, known := e.memo.Known(at); !known {
				e.memo.Seed(strings.Clone(at), p.Record)
			}
		}
	}
}

// keepStill writes the snapshot of a build that ended well. Without one the next build does the whole work, so that it
// cannot be written is no error.
func (l *loop) keepStill() {
	file := l.e.stillFile(l.o)
	if len(l.o.Set) > 0 {
		return
	}
	k := keeping{l: l, edit: snapshot.New()}
	if !l.sum.OK || !k.all() {
		_ = os.Remove(file)
		return
	}
	note, err := json.Marshal(stillNote{Backend: l.e.backend(), Run: l.sum.Run, Fresh: l.sum.Fresh + l.sum.Cached + l.sum.Executed})
	if err != nil || os.MkdirAll(filepath.Dir(file), 0o777) != nil {
		return
	}
	k.edit.AddNode(snapshot.Node{Name: "build", Leaves: k.leaves})
	_ = k.edit.Write(file, snapshot.Head{Binding: l.e.binding(l.o), Expires: k.expires, Note: note})
}

func (e *Engine) backend() string {
	if e.graph != nil && e.graph.Workspace.State != "" {
		return e.graph.Workspace.State
	}
	return defaultBackend
}

// keeping collects what a snapshot holds.
type keeping struct {
	l       *loop
	edit    *snapshot.Edit
	paths   []uint32
	leaves  []uint32
	vars    map[string]bool
	expires time.Time
}

// all collects everything; false: the build cannot be told by a snapshot.
func (k *keeping) all() bool {
	k.vars = map[string]bool{}
	for _, f := range k.l.leaves {
		if f.known && !k.leaf(f) {
			return false
		}
	}
	for _, n := range k.l.nodes.all() {
		if n.state != idle && !k.node(n) {
			return false
		}
	}
	if !k.evaluation() {
		return false
	}
	k.leaves = append(k.leaves, k.edit.AddLeaf(snapshot.Leaf{Kind: stillPaths, Paths: k.paths}))
	k.leaves = append(k.leaves, k.edit.AddLeaf(snapshot.Leaf{Kind: stillState, Digest: k.l.e.stateDigest()}))
	for _, name := range sortedKeys(k.vars) {
		k.leaves = append(k.leaves, k.edit.AddLeaf(snapshot.Leaf{Kind: stillVariable, Subject: name, Digest: k.l.e.variable(name)}))
	}
	return true
}

func (k *keeping) path(at string, kind snapshot.Kind, follow bool, r hashing.Record) {
	k.paths = append(k.paths, k.edit.AddPath(snapshot.Path{Name: k.l.e.rel(at), Kind: kind, Follow: follow, Record: r}))
}

func (k *keeping) leaf(f *leaf) bool {
	if f.kind == leafEnv {
		k.vars[f.subject] = true
	}
	if f.err != nil || f.kind == leafWord && len(f.looked) == 0 {
		return f.err == nil && k.folderWord(f)
	}
	for _, p := range f.looked {
		switch p.kind {
		case lookedFile:
			k.path(p.path, snapshot.File, true, p.record)
		case lookedDir:
			k.path(p.path, snapshot.Dir, true, p.record)
		case lookedBeing:
			k.path(p.path, snapshot.Being, true, p.record)
		case lookedStatus:
			k.path(p.path, snapshot.Status, true, p.record)
		case lookedLink:
			k.path(p.path, snapshot.Link, false, p.record)
		case lookedNothing:
			k.path(p.path, snapshot.Absent, true, hashing.Record{})
		}
	}
	return true
}

// folderWord keeps that a word names a folder.
func (k *keeping) folderWord(f *leaf) bool {
	p, err := snapshot.Look(k.l.e.cfg.Root, f.subject, snapshot.Being, true, k.l.e.memo)
	if err != nil {
		return false
	}
	k.paths = append(k.paths, k.edit.AddPath(p))
	return true
}

// node keeps what a node's value hangs on beside files, and its outputs.
func (k *keeping) node(n *node) bool {
	switch {
	case n.state != done || n.unrecorded:
		return false
	case n.isStored() && n.decl.Stored.Env != "":
		k.vars[n.decl.Stored.Env] = true
	case n.isPlugin():
		for _, v := range k.l.pluginDecl(n).Env {
			k.vars[v.Name] = true
		}
	case n.isStep():
		return k.step(n)
	}
	return true
}

func (k *keeping) step(n *node) bool {
	s := n.decl.Step
	if s.NoCache {
		return false
	}
	for _, v := range s.Env {
		k.vars[v.Name] = true
	}
	if s.TTL > 0 && n.record != nil {
		if end := n.record.Result.At.Add(s.TTL); k.expires.IsZero() || end.Before(k.expires) {
			k.expires = end
		}
	}
	return !slices.ContainsFunc(k.l.outputsOf(n), func(o workspace.Output) bool { return !k.output(o.Path, o.Value) })
}

// output keeps an output, if it is what it should be.
func (k *keeping) output(name string, v trace.Value) bool {
	e := k.l.e
	if v.Media != trace.MediaTree {
		p, err := snapshot.Look(e.cfg.Root, name, snapshot.File, false, e.memo)
		if err != nil || p.Record.Digest != v.Digest || p.Record.Stat.IsExec() != v.Exec {
			return false
		}
		k.paths = append(k.paths, k.edit.AddPath(p))
		return true
	}
	read, err := hashing.ReadTree(k.l.ctx, e.abs(name), hashing.TreeOptions{Memo: e.memo})
	if err != nil || read.Tree.Digest() != v.Digest {
		return false
	}
	for _, f := range read.Files {
		k.path(f.Path, snapshot.File, false, f.Record)
	}
	for _, d := range read.Dirs {
		k.path(d.Path, snapshot.Dir, false, d.Record)
	}
	for _, entry := range read.Tree {
		if entry.Kind == hashing.LinkEntry {
			p, err := snapshot.Look(e.cfg.Root, name+"/"+entry.Path, snapshot.Link, false, e.memo)
			if err != nil {
				return false
			}
			k.paths = append(k.paths, k.edit.AddPath(p))
		}
	}
	return true
}

// evaluation keeps what evaluating the Calyxfile read.
func (k *keeping) evaluation() bool {
	e := k.l.e
	for _, r := range e.reads {
		switch r.Kind {
		case "file":
			if !k.evaluationFile(r) {
				return false
			}
		case "glob":
			found, err := hashing.Glob(k.l.ctx, e.cfg.Root, r.Subject, hashing.GlobOptions{Exclude: r.Exclude, Skip: e.unowned, Clock: e.clock})
			if err != nil || listDigest(found.Paths) != r.Digest {
				return false
			}
			for _, d := range found.Dirs {
				k.path(d.Path, snapshot.Dir, true, d.Record)
			}
			for _, m := range found.Missing {
				k.path(m, snapshot.Absent, true, hashing.Record{})
			}
		case "env":
			k.vars[r.Subject] = true
		}
	}
	return true
}

func (k *keeping) evaluationFile(r read) bool {
	e := k.l.e
	kind := snapshot.File
	if r.Digest == absentDigest {
		kind = snapshot.Absent
	}
	p, err := snapshot.Look(e.cfg.Root, e.rel(e.abs(r.Subject)), kind, true, e.memo)
	if err != nil || kind == snapshot.File && p.Record.Digest != r.Digest {
		return false
	}
	k.paths = append(k.paths, k.edit.AddPath(p))
	return true
}
