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
			l.failStored(n, fmt.Errorf("%q is not there", f.subject))
			return
		}
		n.value = f.value
	} else {
		v, err := l.e.storedValue(n.name, *n.decl.Stored)
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
