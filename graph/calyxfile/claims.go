package calyxfile

import (
	"path"
	"strings"

	"github.com/calyx-build/calyx/graph"
)

// claim says whose a path is: an output or the resume folder of a step, the source of a stored node, or a file that the
// evaluation itself reads.
type claim struct {
	node   *declared // nil for a file of the evaluation
	kind   claimKind
	output string // the output's name
}

type claimKind uint8

const (
	claimOutput claimKind = iota
	claimResume
	claimSource
	claimProgram // the Calyxfile and what it loads
	claimState   // where stored values are kept
)

func (c claim) isOutput() bool { return c.kind == claimOutput && c.node != nil }

// ref refers to the output.
func (c claim) ref() graph.Ref {
	if len(c.node.Step.Outs) == 1 {
		return graph.Ref{Node: c.node.Name}
	}
	return graph.Ref{Node: c.node.Name, Output: c.output}
}

// claimPaths finds out whose every path is, and reports paths that two would write, or one would write and another
// declares as a source. An output below a stored folder is allowed: what a step owns is never seen in a source.
func (l *linker) claimPaths() {
	l.owners = make(map[string]claim, len(l.nodes))
	for name := range l.files {
		l.owners[name] = claim{kind: claimProgram}
	}
	_, state, _ := strings.Cut(l.settled().State, ":")
	l.owners[state] = claim{kind: claimState}
	for _, d := range l.nodes {
		if d.Stored != nil {
			l.claimSource(d)
		}
	}
	for _, d := range l.nodes {
		if d.Step == nil {
			continue
		}
		for _, o := range d.Step.Outs {
			l.claimWritten("outs", o.Path, claim{node: d, output: o.Name})
		}
		if d.Step.Resume != "" {
			l.claimWritten("resume", d.Step.Resume, claim{node: d, kind: claimResume})
		}
	}
	l.checkParents()
}

// claimSource enters a stored node's file. Several nodes may have the same one.
func (l *linker) claimSource(d *declared) {
	for _, p := range []string{d.Stored.Path, d.Stored.Params} {
		if _, taken := l.owners[p]; p != "" && !taken {
			l.owners[p] = claim{node: d, kind: claimSource}
		}
	}
}

// claimWritten enters a path that a step writes.
func (l *linker) claimWritten(arg, p string, c claim) {
	if p == "" || p == "." {
		return // it is reported already
	}
	if other, taken := l.owners[p]; taken {
		c.node.spec.fail(arg, "%q %s", p, other.taken())
		return
	}
	l.owners[p] = c
}

// taken says whose a path is that somebody else wants.
func (c claim) taken() string {
	switch c.kind {
	case claimOutput:
		return "is an output of " + c.node.String() + " at " + c.node.Pos.String() + " already"
	case claimResume:
		return "is the resume folder of " + c.node.String() + " at " + c.node.Pos.String()
	case claimSource:
		return "is the source of " + c.node.String() + " at " + c.node.Pos.String()
	case claimState:
		return "holds the stored values"
	}
	return "is read by the evaluation"
}

// checkParents reports outputs that lie in one another, and outputs that would hold a source.
func (l *linker) checkParents() {
	for p, c := range l.owners {
		for dir := path.Dir(p); dir != "." && dir != "/"; dir = path.Dir(dir) {
			outer, ok := l.owners[dir]
			if !ok || outer.node == nil || outer.node.Step == nil {
				continue
			}
			l.overlap(p, c, dir, outer)
		}
	}
}

// overlap reports that p, which is inner's, lies in dir, which outer's step writes.
func (l *linker) overlap(p string, inner claim, dir string, outer claim) {
	if inner.node != nil && inner.node.Step != nil {
		inner.node.spec.fail(inner.argument(), "%q lies in %q, which %s", p, dir, outer.taken())
		return
	}
	outer.node.spec.fail(outer.argument(), "%q holds %q, which %s", dir, p, inner.taken())
}

func (c claim) argument() string {
	if c.kind == claimResume {
		return "resume"
	}
	return "outs"
}
