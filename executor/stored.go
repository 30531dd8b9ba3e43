package executor

import (
	"fmt"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// storedLeaves are the files behind a stored node; a parameter or a variable has none.
func (l *loop) storedLeaves(decl *graph.Node) []*leaf {
	s := decl.Stored
	switch {
	case s.Path != "":
		return []*leaf{l.leaf(leafKey{kind: leafStored, subject: s.Path, exclude: joinPatterns(s.Exclude)})}
	case s.Glob != "":
		return []*leaf{l.leaf(leafKey{kind: leafGlob, subject: s.Glob, exclude: joinPatterns(s.Exclude)})}
	default:
		return nil
	}
}

// storedReady gives a stored node its value.
func (l *loop) storedReady(n *node) {
	if len(n.leaves) > 0 {
		f := n.leaves[0]
		switch {
		case f.err != nil:
			l.failStored(n, f.err)
			return
		case f.absent:
			l.absentStored(n)
			return
		}
		n.value = f.value
	} else {
		v, err := l.e.storedValue(n.name, *n.decl().Stored)
		if err == nil {
			n.inline, err = graph.JSON(v)
		}
		if err != nil {
			l.failStored(n, err)
			return
		}
		n.value = jsonValue(n.inline)
	}
	n.to(done)
	l.ended(n)
}

func jsonValue(text []byte) trace.Value {
	return trace.Value{Media: trace.MediaJSON, Digest: hashing.Sum(text), Size: int64(len(text))}
}

// absentStored ends a stored node whose file or folder is not there. That fails nobody yet: who only looks, sees that there is
// nothing (design: rule 3), and who needs it is blocked.
func (l *loop) absentStored(n *node) {
	n.failure = &Failure{Message: fmt.Sprintf("%q is not there", n.leaves[0].subject), Exit: -1}
	n.to(failed)
	if l.survey {
		n.chain = []graph.Reason{lostInput(n)}
	}
	l.ended(n)
}

// isAbsent reports whether n is a stored node whose file or folder is not there.
func (n *node) isAbsent() bool {
	return n.state == failed && n.isStored() && len(n.leaves) > 0 && n.leaves[0].absent
}

// answers reports whether n has a value, or at least an absence, that can be looked at.
func (n *node) answers() bool { return n.state == done || n.isAbsent() }

// lacked tells of the absent ones among nodes that somebody needs, each once.
func (l *loop) lacked(nodes ...*node) {
	for _, n := range nodes {
		if !n.isAbsent() || n.outcome == Failed || l.survey {
			continue
		}
		n.outcome = Failed
		l.failedNodes(n)
		l.tell(NodeDone{Node: n.name, Stored: true, Outcome: Failed, Failure: n.failure})
	}
}

// failStored ends a stored node that has no value. It has no outcome to count, but whatever needs it is blocked.
func (l *loop) failStored(n *node, err error) {
	n.failure = &Failure{Message: err.Error(), Exit: -1}
	n.to(failed)
	if l.survey {
		n.chain = []graph.Reason{lostInput(n)}
	} else {
		l.failedNodes(n)
		l.tell(NodeDone{Node: n.name, Stored: true, Outcome: Failed, Failure: n.failure})
	}
	l.ended(n)
}

// listReady gives the node of a matrix its value: the list of its steps' values.
func (l *loop) listReady(n *node) {
	values := make([]trace.Value, len(n.deps))
	for i, d := range n.deps {
		values[i] = d.value
		if l.survey && d.dirty != clean && n.dirty == clean {
			n.dirty = mayRun
			n.chain = append([]graph.Reason{{Kind: graph.DependencyChanged, Node: n.name, Subject: d.name}}, d.chain...)
		}
		n.unrecorded = n.unrecorded || d.unrecorded
	}
	n.value, _ = trace.ListOf(values)
	n.doneAt = l.now()
	n.to(done)
	l.pass(n)
	l.ended(n)
}

// leafTree is the listing behind a stored folder or pattern, so that a difference can name a file.
func (n *node) leafTree() hashing.Digest {
	if len(n.leaves) == 0 {
		return hashing.Digest{}
	}
	return n.leaves[0].treeDigest()
}
