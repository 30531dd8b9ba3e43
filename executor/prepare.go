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
	n.to(waiting)
	var ready bool
	l.awaitAll(n, n.declaredNodes(), n.leaves, func() { ready = len(l.notDone(n.declaredNodes())) == 0 })
	l.drive()
	if l.broken != nil || !ready {
		l.cancel()
		return nil, l.unprepared(n)
	}
	return l.prepared(n)
}

func (o Options) of(word string) Options {
	o.Targets = []string{word}
	return o
}

// unprepared says why a step cannot be run by hand.
func (l *loop) unprepared(n *node) error {
	switch {
	case l.broken != nil:
		return l.broken
	case l.cut:
		return context.Canceled
	}
	for _, d := range l.notDone(n.declaredNodes()) {
		if d.isPlugin() && d.failure != nil { // it is no node that the user knows: nobody was told
			return d.failure
		}
	}
	return &Failure{Message: fmt.Sprintf("target %q: what it needs could not be built", n.name), Exit: -1}
}

// prepared takes what a step has while it runs.
func (l *loop) prepared(n *node) (*Prepared, error) {
	a := &attempt{l: l, n: n, grant: l.sched.give(n), unlock: func() {}, stopWaiting: func() {}}
	p := &Prepared{Node: n.name, Release: func() {
		_ = l.dropResume(n) // a link that stays is replaced by the next build
		for _, dir := range []string{a.scratch, a.values} {
			if dir != "" {
				_ = l.e.ws.Recycle(dir) // what stays is swept by a later build
			}
		}
		a.unlock()
		l.cancel()
	}}
	t, err := a.prepareByHand(p)
	if err != nil {
		p.Release()
		return nil, err
	}
	if t != nil {
		p.Command, p.Func = t.Command, t.Function
	}
	if p.Func != nil {
		p.Call = func(by Runner) (Payload, error) { return a.byHand(t, by) }
	}
	return p, nil
}

// prepareByHand takes locks and scratch, and makes the task. A function has no outputs in the workspace: what it returns is
// written by a build.
func (a *attempt) prepareByHand(p *Prepared) (*Task, error) {
	l, n, ws := a.l, a.n, a.l.e.ws
	if _, err := l.fetchInline([]*node{n}); err != nil {
		return nil, err
	}
	n.act = &action{}
	var err error
	if n.call {
		n.act.components, err = l.action(n) // it says whether there is such a function
	} else {
		outs := l.outputsOf(n)
		for _, o := range outs {
			p.Folders = append(p.Folders, filepath.Dir(l.e.abs(o.Path)))
		}
		var unlock func()
		if unlock, err = ws.Lock(l.ctx, paths(l.inputOutputs(n)), paths(outs)); err == nil {
			a.unlock = unlock
			_, err = ws.Restore(l.ctx, l.inputOutputs(n)...)
		}
	}
	if err != nil {
		return nil, err
	}
	if a.scratch, err = ws.Scratch(); err != nil {
		return nil, err
	}
	n.key = hashing.Sum([]byte(a.scratch)) // its resume folder is its own: no build goes on from what was tried by hand
	return l.task(a)
}

// byHand has a function run, and builds what it asks for meanwhile. Nobody waits for it but its user: there is no time limit
// and no other attempt, and the failure of what it asks for keeps nothing from being built.
func (a *attempt) byHand(t *Task, by Runner) (Payload, error) {
	l := a.l
	t.Timeout, t.Memory = 0, 0
	l.o.KeepGoing = true
	a.n.to(running)
	l.running[a.n] = a
	a.call = by.Start(t, hand{a})
	l.drive()
	switch {
	case l.broken != nil:
		return Payload{}, l.broken
	case a.outcome.Failure != nil:
		return Payload{}, a.outcome.Failure
	}
	err := l.e.complete(l.ctx, &a.outcome.Result)
	return a.outcome.Result, err
}

// hand is told of a call that somebody runs by hand. What the call asks for is met as ever; what comes of it is kept nowhere.
type hand struct{ *attempt }

// Done ends the call, and what it asked for and did not wait for.
func (h hand) Done(o Outcome) {
	h.l.inbox.post(func() {
		h.outcome = o
		h.quit()
		h.l.drop(h.n)
		h.l.interrupt()
	})
}

// complete gives a value that a function returned what the store would say of it: digest, size, and what is in a folder.
func (e *Engine) complete(ctx context.Context, p *Payload) error {
	switch {
	case p.Value.Media == trace.MediaList:
		values := make([]trace.Value, len(p.Items))
		for i := range p.Items {
			if err := e.complete(ctx, &p.Items[i]); err != nil {
				return err
			}
			values[i] = p.Items[i].Value
		}
		p.Value, _ = trace.ListOf(values)
	case p.Value.Media == trace.MediaTree:
		read, err := hashing.ReadTree(ctx, p.Path, hashing.TreeOptions{Memo: e.memo})
		if err != nil {
			return err
		}
		p.Inline = read.Tree.Encode()
		p.Value.Digest, p.Value.Size = hashing.Sum(p.Inline), read.Tree.Size()
	case p.Path != "":
		r, err := e.memo.File(p.Path)
		p.Value.Digest, p.Value.Size = r.Digest, r.Stat.Size
		return err
	case p.Value.Media != trace.MediaNone:
		p.Value.Digest, p.Value.Size = hashing.Sum(p.Inline), int64(len(p.Inline))
	}
	return nil
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
