package executor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/calyx-build/calyx/graph"
)

// overriddenIn are the parameters that have another value in this build than in the file that they come from, by file.
func (l *loop) overriddenIn() map[string][]string {
	if l.inFiles != nil {
		return l.inFiles
	}
	l.inFiles = map[string][]string{}
	for _, o := range l.overridden() {
		i, _ := l.g.Find(o.Node)
		file := l.g.Node(i).Stored.Params
		is, err := graph.JSON(o.Value)
		if file == "" || err != nil {
			continue
		}
		if was, err := graph.JSON(o.Source); err == nil && string(was) != string(is) {
			l.inFiles[file] = append(l.inFiles[file], fmt.Sprintf("%s is %s there, and set to %s", o.Node, was, is))
		}
	}
	return l.inFiles
}

// warnOverridden warns of a step that opened a file in which parameters stand that are overridden: the step saw the values of
// the file.
func (l *loop) warnOverridden(n *node) {
	if !n.isStep() || len(l.overriddenIn()) == 0 {
		return
	}
	leaves := slices.Concat(n.leaves, n.observedLeaves)
	for _, d := range n.deps {
		if d.isStored() {
			leaves = append(leaves, d.leaves...)
		}
	}
	warned := map[string]bool{}
	for _, f := range leaves {
		values := l.inFiles[f.subject]
		if f.kind != leafFile && f.kind != leafWord && f.kind != leafStored || len(values) == 0 || warned[f.subject] {
			continue
		}
		warned[f.subject] = true
		l.tell(Note{Node: n.name, Warn: true, Text: fmt.Sprintf("it opened %q, whose values are not those of this build: %s", f.subject, strings.Join(values, "; "))})
	}
}
