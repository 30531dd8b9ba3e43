package executor

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/calyx-build/calyx/executor/depfile"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// watches reports whether a step's reads are found out by watching it.
func (e *Engine) watches(s *graph.Step) bool {
	return s.Call == nil && !s.NoTrace && (len(s.Cmd) > 0 || s.Shell != nil) && e.cannotWatch() == nil
}

var errNoWatch = errors.New("nothing is there to watch them")

// cannotWatch is why commands cannot be watched; nil: they can.
func (e *Engine) cannotWatch() error {
	if e.cfg.Watch == nil {
		return errNoWatch
	}
	return e.cfg.Watch()
}

// observer is how a step's reads are found out, as it counts: a result that was made without looking must not serve who looks.
func (e *Engine) observer(s *graph.Step) string {
	text := "declared"
	if e.watches(s) {
		text = "traced"
	}
	if s.Depfile != "" {
		text += ", depfile " + s.Depfile
	}
	return text
}

// goesUnwatched notes a step whose reads nobody sees though they should be seen.
func (l *loop) goesUnwatched(n *node) {
	s := n.decl().Step
	if l.e.cfg.Watch != nil && s.Call == nil && !s.NoTrace && !l.e.watches(s) {
		l.unwatched = append(l.unwatched, n.name)
	}
}

// tellUnwatched says once which steps went unwatched.
func (l *loop) tellUnwatched() {
	if len(l.unwatched) == 0 {
		return
	}
	slices.Sort(l.unwatched)
	l.tell(Note{Warn: true, Text: fmt.Sprintf("commands cannot be watched here (%v): only what they declare counts as input of %s", l.e.cannotWatch(), quoted(l.unwatched))})
}

// accesses are what the command was seen to do, and what its depfile says.
func (a *attempt) accesses() ([]Access, error) {
	named := a.n.decl().Step.Depfile
	if named == "" {
		return a.outcome.Accesses, nil
	}
	at := a.l.e.abs(named)
	now, err := hashing.StatFollow(at)
	switch {
	case isAbsent(err):
		return nil, fmt.Errorf("the command did not write its depfile %q", named)
	case err != nil:
		return nil, err
	case now == a.depfile:
		return nil, fmt.Errorf("the depfile %q is an old one: the command did not write it", named)
	}
	data, err := os.ReadFile(at)
	if err != nil {
		return nil, err
	}
	paths, err := depfile.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("read the depfile %q: %w", named, err)
	}
	seen := a.outcome.Accesses
	made := map[string]bool{}
	for i := range seen {
		made[seen[i].Path] = seen[i].Changed
	}
	read := slices.DeleteFunc(a.namedIn(paths), func(x Access) bool { return made[x.Path] })
	return append(slices.Clone(seen), read...), nil
}

// namedIn makes accesses of the paths in a depfile.
func (a *attempt) namedIn(paths []string) []Access {
	named := make([]string, len(paths))
	for i, p := range paths {
		named[i] = a.l.e.abs(p)
	}
	all := a.l.e.unlinked(named)
	for i := range all {
		all[i].named = true
	}
	return all
}

// unlinked makes accesses of files that were read, by names that may have links on the way.
func (e *Engine) unlinked(named []string) []Access {
	all := make([]Access, len(named))
	folders := map[string]string{}
	for i, at := range named {
		folder, known := folders[path.Dir(at)]
		if !known {
			folder = path.Dir(at)
			if dir, err := filepath.EvalSymlinks(folder); err == nil {
				folder = dir
			}
			folders[path.Dir(at)] = folder
		}
		at = path.Join(folder, path.Base(at))
		before, _ := hashing.Lstat(at) // the zero Stat where there is nothing
		all[i] = Access{Path: at, Saw: SawContent, Before: before}
	}
	return all
}

// lacking names the steps whose outputs the command touched without depending on them.
func (l *loop) lacking(n *node, all []owned) (steps, paths []string) {
	reach := l.reach(n)
	for _, o := range all {
		if d := l.numbered(o.owner); !reach[d] {
			steps = append(steps, d.name)
			paths = append(paths, o.path)
		}
	}
	slices.Sort(steps)
	return slices.Compact(steps), paths
}

// passOver drops the outputs that are but names in a folder which the command listed: what lists a folder asks of each name what it is, and a
// listing holds no outputs, which are there or not by what was built before. Where the command depends on their step, they count.
func (l *loop) passOver(n *node, all []owned) []owned {
	isName := func(o owned) bool { return o.listed && !o.changed && o.saw&^(SawStatus|SawItself) == 0 }
	if !slices.ContainsFunc(all, isName) {
		return all
	}
	reach := l.reach(n)
	return slices.DeleteFunc(all, func(o owned) bool { return isName(o) && !reach[l.numbered(o.owner)] })
}

// reach is everything that n depends on by declaration.
func (l *loop) reach(n *node) map[*node]bool {
	reach := map[*node]bool{}
	next := []*node{n}
	for len(next) > 0 {
		d := next[len(next)-1]
		next = next[:len(next)-1]
		l.declare(d)
		for _, dep := range d.deps {
			if !reach[dep] {
				reach[dep] = true
				next = append(next, dep)
			}
		}
	}
	return reach
}

// objection is why a command's accesses keep its result from being one; nil: nothing does.
func (l *loop) objection(n *node, s *sifted) *Failure {
	for _, o := range s.owned {
		if o.changed {
			return &Failure{Message: fmt.Sprintf("it changed %q, which is an output of %q", o.path, l.numbered(o.owner).name), Exit: -1}
		}
	}
	if steps, paths := l.lacking(n, s.owned); len(steps) > 0 {
		return &Failure{
			Message: fmt.Sprintf("it read what it does not depend on: %s of %s", quoted(paths), quoted(steps)), Exit: -1,
			Hint: fmt.Sprintf("its declaration lacks deps = [%s]", strings.Join(steps, ", ")),
		}
	}
	if len(s.spoilt) > 0 {
		return &Failure{Message: "it changed its own input " + quoted(s.spoilt), Exit: -1, Hint: "a file that a step writes is one of its outs"}
	}
	return nil
}

// observeAccesses brings what a command did into its trace, or fails the step for it.
func (a *attempt) observeAccesses(then func()) {
	l := a.l
	l.async(func() func() {
		all, err := a.accesses()
		var s *sifted
		if err == nil {
			s = a.sift(all)
			err = l.e.keepSets(l.ctx, s.sets)
		}
		return func() {
			if err != nil {
				a.failed(failureOf(err))
				return
			}
			a.observeSifted(s, then)
		}
	})
}

// remade are those steps behind outputs that are being made again, because the cache has lost what they made.
func (l *loop) remade(all []owned) (again []*node) {
	for _, o := range all {
		if d := l.numbered(o.owner); d.lost && !d.state.ended() && !slices.Contains(again, d) {
			again = append(again, d)
		}
	}
	return again
}

// startOver gives an execution up, and begins anew once some inputs are made again: to wait for them here would be to keep
// the locks that they need.
func (a *attempt) startOver(inputs []*node) {
	l, n := a.l, a.n
	a.close()
	l.reviveInputs(n, slices.Concat(n.deps, inputs), func() {
		n.to(lookingUp)
		l.looking.add(n)
	})
}

func (a *attempt) observeSifted(s *sifted, then func()) {
	l := a.l
	s.owned = l.passOver(a.n, s.owned)
	if f := l.objection(a.n, s); f != nil {
		a.failed(f)
		return
	}
	if len(s.strays) > 0 {
		l.tell(Note{Node: a.n.name, Warn: true, Text: "it changed what is no output of a step: " + quoted(s.strays)})
	}
	if again := l.remade(s.owned); len(again) > 0 {
		a.startOver(again)
		return
	}
	a.stood, a.made, a.foreign = append(a.stood, s.stood...), s.made, s.foreign
	for _, o := range s.owned {
		s.requests = append(s.requests, o.request(l.numbered(o.owner)))
	}
	a.readUnasked(s.requests...)
	a.observe(then)
}
