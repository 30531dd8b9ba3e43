package executor

import (
	"path"
	"strings"

	"github.com/calyx-build/calyx/cas/folder"
	"github.com/calyx-build/calyx/graph"
)

// noise is what tools leave beside sources: nothing that they make is made of it, and they write it whenever they run.
var noise = map[string]bool{".calyx": true, "__pycache__": true, ".pytest_cache": true, ".mypy_cache": true, ".ruff_cache": true}

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

// stateFile is the file of the stored values; empty: there is none. No listing has it: calyx makes it with the first `set`, and what was
// set counts parameter by parameter. Who opens it sees its content, which counts like any file's.
func (l *loop) stateFile() string {
	name, ok := strings.CutPrefix(l.e.backend(), "json:")
	if !ok {
		return ""
	}
	return l.e.rel(path.Clean(name))
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
