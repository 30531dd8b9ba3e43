package executor

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/hashing"
)

// Prepare brings what a step needs up to date, and returns how the step would be started; Release gives the locks and the
// scratch folder back. Nothing of it is recorded.
func (e *Engine) Prepare(ctx context.Context, word string, o Options) (*Prepared, error) {
	l, targets, err := e.begin(ctx, o.of(word), false, nil)
	if err != nil {
		return nil, err
	}
	n := targets[0].n
	if len(targets) != 1 || !n.isStep() {
		l.cancel()
		return nil, &TargetError{Target: word, Why: "it is no single step"}
	}
	l.declare(n)
	if n.call {
		l.plugin(n.decl().Step.Call.Plugin).target = true
	}
	var ready bool
	l.awaitAll(n, n.declaredNodes(), n.leaves, func() { ready = len(l.notDone(n.declaredNodes())) == 0 })
	l.drive()
	if l.broken != nil || !ready {
		l.cancel()
		if l.broken != nil {
			return nil, l.broken
		}
		return nil, fmt.Errorf("target %q: what it needs could not be built", word)
	}
	return l.prepared(n)
}

func (o Options) of(word string) Options {
	o.Targets = []string{word}
	return o
}

// prepared takes locks and scratch for a step to be run by hand.
func (l *loop) prepared(n *node) (*Prepared, error) {
	ws := l.e.ws
	if _, err := l.fetchInline([]*node{n}); err != nil {
		return nil, err
	}
	outs := l.outputsOf(n)
	unlock, err := ws.Lock(l.ctx, paths(l.inputOutputs(n)), paths(outs))
	if err != nil {
		return nil, err
	}
	a := &attempt{l: l, n: n, grant: &grant{}}
	p := &Prepared{Node: n.name, Release: func() {
		_ = l.dropResume(n) // a link that stays is replaced by the next build
		for _, dir := range []string{a.scratch, a.values} {
			if dir != "" {
				_ = ws.Recycle(dir) // what stays is swept by a later build
			}
		}
		unlock()
		l.cancel()
	}}
	for _, o := range outs {
		p.Folders = append(p.Folders, filepath.Dir(l.e.abs(o.Path)))
	}
	if _, err = ws.Restore(l.ctx, l.inputOutputs(n)...); err == nil {
		a.scratch, err = ws.Scratch()
		n.key = hashing.Sum([]byte(a.scratch)) // its resume folder is its own: no build goes on from what was tried by hand
	}
	var t *Task
	if err == nil {
		t, err = l.task(a)
	}
	if err != nil {
		p.Release()
		return nil, err
	}
	if t != nil {
		p.Command, p.Func = t.Command, t.Function
	}
	return p, nil
}

// Payload gives access to a value's content: bytes where they are few, else a file or folder.
func (e *Engine) Payload(ctx context.Context, v trace.Value) (Payload, error) {
	if err := e.open(ctx); err != nil {
		return Payload{}, err
	}
	p := Payload{Value: v}
	switch {
	case v.Media == trace.MediaNone:
		return p, nil
	case v.Media == trace.MediaList: // its size is the number of its elements
		items, err := e.items(ctx, v)
		for _, item := range items {
			p.Items = append(p.Items, Payload{Value: item})
		}
		return p, err
	case v.Media == trace.MediaTree || v.Media == trace.MediaParts || v.Size <= inlineLimit:
		var err error
		p.Inline, err = e.content(ctx, v)
		return p, err
	}
	var err error
	p.Path, err = e.store.Open(ctx, v.Digest)
	return p, err
}
