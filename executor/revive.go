package executor

import (
	"slices"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// A cache may lose blobs at any time. Whoever finds that a value which it needs is not there has the nodes with lost values
// made again, each at most once in a build, and goes on then.

// mostRevivals is how often one node may have lost inputs made again: a cache that loses faster than it is filled does not
// keep a build going for ever.
const mostRevivals = 8

// revive has those among the inputs of n made again whose values are lost, unless another process did so meanwhile. then
// goes on with n; whole is false where that was tried too often.
func (l *loop) revive(n *node, inputs []*node, then func(whole bool)) {
	n.revivals++
	var standing, again []*node // seem to be there, and are being made again or just were
	for _, d := range flat(inputs) {
		switch {
		case !d.isStep() && !d.isPlugin():
		case d.lost:
			again = append(again, d)
		case d.state == done:
			standing = append(standing, d)
		}
	}
	if n.revivals > mostRevivals || l.survey {
		l.soon(func() { then(false) })
		return
	}
	values := make([]trace.Value, len(standing))
	for i, d := range standing {
		values[i] = d.value
	}
	l.async(func() func() {
		there, err := l.present(values)
		return func() {
			if err != nil {
				l.fault(err)
			}
			l.remake(n, standing, there, again, func() { then(true) })
		}
	})
}

// reviveInputs is revive for a node that cannot go on without its inputs.
func (l *loop) reviveInputs(n *node, inputs []*node, then func()) {
	l.revive(n, inputs, func(whole bool) {
		switch {
		case !whole:
			l.fail(n, &Failure{Message: "the cache has lost a value that it needs", Exit: -1}, nil)
		case len(l.notDone(n.deps)) > 0:
			l.drop(n)
		default:
			then()
		}
	})
}

// flat are nodes with the elements of lists in the place of the lists.
func flat(inputs []*node) (all []*node) {
	for _, d := range inputs {
		if d.isList() {
			all = append(all, flat(d.deps)...)
		} else {
			all = append(all, d)
		}
	}
	return all
}

// remake has those nodes executed again whose values are not there, and waits for them and for others.
func (l *loop) remake(n *node, whole []*node, there []bool, others []*node, then func()) {
	var lost []*node
	for i, d := range whole {
		switch {
		case there[i] && d.state.ended(): // else it was found to be lost before it was there again
		case d.state == done && !d.lost:
			l.forget(d)
			lost = append(lost, d)
		default: // somebody else has it made again
			others = append(others, d)
		}
	}
	for _, d := range lost {
		l.declare(d) // one that a baseline vouched for never had to be
		l.awaitInputs(d)
	}
	l.awaitAll(n, append(lost, others...), nil, then)
}

// forget takes back what was said of a node whose value is lost.
func (l *loop) forget(d *node) {
	l.counted(d, -1)
	d.lost = true
	d.storeInline(nil)
	l.forgetProcesses() // the command of a plugin may hold it
	d.chain = []graph.Reason{{Kind: graph.OutputMissing, Node: d.name, Subject: d.value.Digest.String(), After: "lost from the cache"}}
	d.to(waiting)
}

// present tells, in order, which values the cache can show. It runs on a worker.
func (l *loop) present(values []trace.Value) ([]bool, error) {
	there := make([]bool, len(values))
	for i, v := range values {
		blobs, err := l.blobsOf(v)
		if isMissing(err) {
			continue
		}
		if err != nil {
			return there, err
		}
		sizes, err := l.e.store.Sizes(l.ctx, blobs...)
		if err != nil {
			return there, err
		}
		there[i] = !slices.Contains(sizes, -1)
	}
	return there, nil
}

// blobsOf lists the blobs that a value consists of.
func (l *loop) blobsOf(v trace.Value) ([]hashing.Digest, error) {
	var parts []trace.Value
	switch {
	case v.Size == 0 && v.Media != trace.MediaTree && v.Media != trace.MediaList && v.Media != trace.MediaParts:
		return nil, nil
	case v.Media == trace.MediaTree:
		tree, err := l.e.tree(l.ctx, v.Digest)
		if err != nil {
			return nil, err
		}
		for _, e := range tree {
			if e.IsFile() {
				parts = append(parts, entryValue(e))
			}
		}
	case v.Media == trace.MediaParts:
		named, err := l.e.partsOf(l.ctx, v)
		if err != nil {
			return nil, err
		}
		for _, p := range named {
			parts = append(parts, p.Value)
		}
	case v.Media == trace.MediaList:
		blob, err := l.e.content(l.ctx, trace.Value{Media: v.Media, Digest: v.Digest, Size: 1})
		if err != nil {
			return nil, err
		}
		if parts, err = trace.Items(blob); err != nil {
			return nil, err
		}
	}
	blobs := []hashing.Digest{v.Digest}
	for _, p := range parts {
		more, err := l.blobsOf(p)
		if err != nil {
			return nil, err
		}
		blobs = append(blobs, more...)
	}
	return blobs, nil
}

// reviveTargets has the targets made again whose values are wanted and lost.
func (l *loop) reviveTargets(targets []target) {
	for _, t := range targets {
		if t.n.state == done && len(t.n.outs()) == 0 {
			l.revive(t.n, []*node{t.n}, func(bool) {})
		}
	}
	l.drive()
}
