package executor

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// sifted is what a watched command's accesses come to.
type sifted struct {
	requests []trace.Request
	sets     [][]byte // of what was seen outside the workspace, as kept
	owned    []owned  // what other steps own and it touched
	strays   []string // what it changed in the workspace and does not own
	made     []string // those of them that were not there before
	stood    []stood  // at what it read
	foreign  map[string]foreignFile
	spoilt   []string // what it read and then changed
}

// owned is a path that a step owns.
type owned struct {
	path    string // relative to the workspace
	owner   int
	changed bool
	saw     Sight
	listed  bool // the folder that it lies in was listed
}

// sifter goes through the accesses of one command.
type sifter struct {
	*attempt
	out     *sifted
	outside map[string]outsideSet
	listed  map[string]bool // folders, by their paths
}

// sift tells inputs from what is the command's own. It runs on a worker.
func (a *attempt) sift(accesses []Access) *sifted {
	s := sifter{attempt: a, out: &sifted{foreign: map[string]foreignFile{}}, outside: map[string]outsideSet{}, listed: map[string]bool{}}
	a.l.e.forgetYoung(accesses)
	accesses = a.l.e.compiledFrom(accesses)
	for i := range accesses {
		if accesses[i].Saw&SawNames != 0 {
			s.listed[accesses[i].Path] = true
		}
	}
	for i := range accesses {
		s.take(&accesses[i])
	}
	s.programs(accesses)
	for _, root := range sortedKeys(s.outside) {
		r, set := s.outside[root].request(root)
		s.out.requests = append(s.out.requests, r)
		s.out.sets = append(s.out.sets, set)
	}
	return s.out
}

// programs asks for what was looked for in the folders of PATH, by name: another PATH, or a folder in it that was empty, may lead
// to something else. Where the step sets PATH itself, calyx does not know it.
func (s *sifter) programs(accesses []Access) {
	if slices.ContainsFunc(s.n.decl().Step.Env, func(v graph.EnvVar) bool { return v.Name == "PATH" && v.Value != nil }) {
		return
	}
	folders, names := s.l.searched(), map[string]bool{}
	for i := range accesses {
		a := &accesses[i]
		if !folders[path.Dir(a.Path)] || a.Changed || a.Saw&(SawContent|SawStatus|SawLink) == 0 {
			continue
		}
		if _, owned := s.l.g.Owner(s.l.e.rel(a.Path)); !owned { // what a step makes is an edge to the step
			names[path.Base(a.Path)] = true
		}
	}
	for _, name := range sortedKeys(names) {
		s.out.requests = append(s.out.requests, trace.Request{Kind: trace.Program, Subject: name})
	}
}

// programFolders are the folders of PATH, by all their names.
func (e *Engine) programFolders() map[string]bool {
	folders := map[string]bool{}
	for _, at := range e.candidates("x") {
		dir := path.Dir(at)
		folders[dir] = true
		if straight, err := filepath.EvalSymlinks(dir); err == nil {
			folders[straight] = true
		}
	}
	return folders
}

func (s *sifter) take(a *Access) {
	root := s.l.e.cfg.Root
	switch {
	case within(root, a.Path) && a.Path != root: // on the way to the workspace; only the names beside it tell anything
		if a.Saw&SawNames != 0 && !passes(a.Path) {
			s.foreign(&Access{Path: a.Path, Saw: SawNames}, "")
		}
	case within(a.Path, root):
		rel := strings.TrimPrefix(a.Path[len(root):], "/")
		if env := s.l.e.roots.environment(path.Dir(a.Path)); within(env, root) && env != root && !hidden(rel) {
			s.foreign(a, env)
		} else {
			s.inside(a, rel)
		}
	case within(a.Path, s.l.e.cfg.CacheDir):
	case !passes(a.Path) || s.l.e.roots.claims(a.Path):
		s.foreign(a, "")
	case s.lasts(a):
		s.foreign(&Access{Path: a.Path, Saw: SawContent}, "")
	}
}

// lasts reports whether a file among the temporary ones is an input all the same: it was there before the command, and is as it
// was. What comes and goes there is nobody's input, and nor is that something is not there.
func (s *sifter) lasts(a *Access) bool {
	if a.Saw&SawContent == 0 || a.Changed || !isTemporary(a.Path) {
		return false
	}
	st, err := hashing.StatFollow(a.Path)
	return err == nil && st.IsRegular() && st.Ctime < s.began()
}

// foreign takes what belongs to a root: one outside the workspace, or an environment within it.
func (s *sifter) foreign(a *Access, env string) {
	if a.Changed && !isGitIndex(a.Path) || a.Saw == 0 {
		return
	}
	root, below := s.l.e.rel(env), strings.TrimPrefix(a.Path, env+"/")
	if env == "" {
		root, below = s.l.e.roots.root(a.Path)
	}
	if s.outside[root] == nil {
		s.outside[root] = outsideSet{}
	}
	s.outside[root][below] |= a.Saw
	if a.Saw&SawContent != 0 && a.Before.IsRegular() && !isGitIndex(a.Path) {
		s.out.foreign[a.Path] = s.asFound(a)
	}
}

// hidden reports whether a path in the workspace is never seen: calyx's own, and what tools leave beside sources.
func hidden(rel string) bool {
	return slices.ContainsFunc(strings.Split(rel, "/"), isNoise)
}

// inside takes an access in the workspace.
func (s *sifter) inside(a *Access, rel string) {
	switch owner, isOwned := s.l.g.Owner(rel); {
	case hidden(rel), s.own(rel):
	case isOwned && owner == s.n.index:
	case isOwned:
		s.out.owned = append(s.out.owned, owned{rel, owner, a.Changed, a.Saw, s.listed[path.Dir(a.Path)]})
	case isGitIndex(a.Path) && s.gitIndex(a, rel):
	case a.Changed:
		s.changed(a, rel)
	default:
		s.source(a, rel)
	}
}

// own reports whether a path that is no output is the command's to write.
func (s *sifter) own(rel string) bool {
	step := s.n.decl().Step
	return step.Resume != "" && within(rel, step.Resume) || rel == step.Depfile && rel != ""
}

// changed takes a path that is no step's and that the command may have changed.
func (s *sifter) changed(a *Access, rel string) {
	now, err := hashing.Lstat(a.Path)
	was, is := a.Before != hashing.Stat{}, err == nil
	switch {
	case was && now == a.Before: // opened for writing, and left
		s.source(a, rel)
	case was && a.Before.IsRegular() && (a.Saw&SawContent != 0 || s.isSpoilt(a.Path)):
		s.out.spoilt = append(s.out.spoilt, rel)
	case was && is && now.IsDir() && a.Before.IsDir(): // a folder that something else was made in
	case was || is && !s.l.g.Under(rel):
		s.out.strays = append(s.out.strays, rel)
		if !was {
			s.out.made = append(s.out.made, rel)
		}
	case !is: // made and removed: that it was not there may have mattered
		s.source(a, rel)
	}
}

// isSpoilt reports whether the step declares a file, or its command line names it, and it is not what it was. That a program which copies
// or writes a file asks first whether it is there makes none an input.
func (s *sifter) isSpoilt(at string) bool {
	leaves := s.n.leaves
	for _, d := range s.n.deps {
		if d.isStored() {
			leaves = slices.Concat(leaves, d.leaves)
		}
	}
	return slices.ContainsFunc(leaves, func(f *leaf) bool {
		return slices.ContainsFunc(f.looked, func(p looked) bool { return p.path == at && p.kind == lookedFile && !p.still(s.l.e.memo) })
	})
}

// source takes a path that is nobody's output.
func (s *sifter) source(a *Access, rel string) {
	if rel == "" {
		rel = "."
	}
	now, err := hashing.Lstat(a.Path)
	isFolder := err == nil && now.IsDir()
	s.out.stood = append(s.out.stood, s.ofAccess(a))
	ask := func(kind trace.RequestKind) {
		s.out.requests = append(s.out.requests, trace.Request{Kind: kind, Subject: rel})
	}
	if a.Saw&SawNames != 0 {
		ask(trace.Listing)
	}
	if isFolder && (rel == "." || s.l.g.Under(rel)) { // there as long as outputs are
		return
	}
	isAsked := a.Saw&(SawLink|SawItself) != 0
	if isAsked {
		ask(trace.Link)
	}
	switch {
	case a.Saw&SawContent != 0 && !isFolder:
		ask(trace.File)
	case a.Saw&(SawContent|SawStatus) != 0 && !isAsked:
		ask(trace.Status)
	}
}

// request asks for what was seen of another step's output: of a file its content, of anything else the whole output.
func (o owned) request(n *node) trace.Request {
	if o.saw&SawContent == 0 || o.saw&SawNames != 0 {
		for _, out := range n.outs() {
			if within(o.path, out.Path) {
				return trace.Request{Kind: trace.File, Subject: out.Path}
			}
		}
	}
	return trace.Request{Kind: trace.File, Subject: o.path}
}
