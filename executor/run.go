package executor

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/cores"
)

// Build brings the targets up to date. A failed step is no error: Summary.OK is false then. An error of the Calyxfile, a
// target that names nothing (TargetError) or a fault of the cache is one.
func (e *Engine) Build(ctx context.Context, o Options) (sum Summary, err error) {
	defer func() { e.full = e.full || isFull(err) }()
	var base *baseline
	e.left = hashing.Digest{}
	if o.mayBeStill() {
		sum, still, from := e.still(ctx, o, e.cfg.Now())
		if still {
			return sum, nil
		}
		if base = from; base != nil {
			defer base.close()
		}
	} else {
		e.recall(o)
	}
	l, targets, err := e.begin(ctx, o, false, base)
	if err != nil {
		return Summary{}, err
	}
	defer l.indices.close()
	defer l.cancel()
	l.tell(RunStarted{Run: l.sum.Run, Started: l.began, Targets: o.Targets, Instance: e.cfg.Instance, Jobs: l.sched.jobs})
	if l.base != nil && l.base.left != nil && !l.goBack() {
		l.base, l.nodes = nil, nodeTable{byName: map[string]*node{}} // everything is looked up
		if targets, err = l.chosen(); err != nil {
			return Summary{}, err
		}
	}
	for _, t := range targets {
		l.soon(func() { l.demand(t.n) })
	}
	l.drive()
	if o.Values {
		l.reviveTargets(targets)
	}
	l.conclude(targets)
	if l.broken != nil {
		return l.sum, l.broken
	}
	if !o.Values {
		targets = nil // they lead to all nodes
	}
	l.keepStill()
	if l.sum.OK && o.Values {
		for _, t := range targets {
			v, err := l.targetValue(t)
			if err != nil {
				return l.sum, err
			}
			l.sum.Values = append(l.sum.Values, v)
		}
	}
	return l.sum, nil
}

// begin makes a loop for the targets.
func (e *Engine) begin(ctx context.Context, o Options, survey bool, base *baseline) (*loop, []target, error) {
	if base != nil {
		base.remember(e)
	}
	if err := e.take(ctx, o); err != nil {
		return nil, nil, err
	}
	if base != nil && base.note.Offers != e.offersDigest() {
		base = nil // the graph is another one
	}
	l := e.newLoop(ctx, e.graph, o, survey)
	l.base = base
	collect(e.graph.Len() >= largeGraph && base == nil)
	l.pinOffers()
	if err := l.findStale(); err != nil {
		l.cancel()
		return nil, nil, err
	}
	targets, err := l.chosen()
	if err != nil {
		l.cancel()
		return nil, nil, err
	}
	if !survey {
		if l.generation, err = e.db.Generation(ctx); err != nil {
			l.cancel()
			return nil, nil, err
		}
		if err := e.takeUse(); err != nil {
			l.cancel()
			return nil, nil, err
		}
		if err := e.takeRunner(); err != nil {
			l.cancel()
			return nil, nil, err
		}
		e.notes = func(node, text string) {
			l.inbox.post(func() { l.tell(Note{Node: node, Text: text, Warn: true}) })
		}
	}
	return l, targets, nil
}

// findStale finds the outputs of steps that are gone which still are as calyx wrote them: they are no sources.
func (l *loop) findStale() (err error) {
	if len(l.e.gone) == 0 {
		return nil
	}
	defer l.e.look()()
	l.stale, err = l.e.ws.Standing(l.ctx, l.e.gone)
	return err
}

// chosen are the targets that have to be looked at.
func (l *loop) chosen() (targets []target, err error) {
	if l.base != nil {
		targets, err = l.base.targets(l)
	} else {
		targets, err = l.targets(l.o.Targets)
	}
	for _, t := range targets {
		t.n.target = true
	}
	return targets, err
}

// take evaluates the Calyxfile with the build's own values, and opens the store.
func (e *Engine) take(ctx context.Context, o Options) (err error) {
	evaluating, end := untilStop(ctx, o.Stop)
	defer end()
	g, err := e.load(evaluating)
	if err != nil {
		return err
	}
	if len(o.Set) > 0 {
		if e.set, err = e.coerceSet(g, o.Set); err != nil {
			return err
		}
		e.forgetGraph() // `value(node)` may say something else now
		if _, err = e.load(evaluating); err != nil {
			return err
		}
	}
	return e.open(ctx)
}

// untilStop returns a context that ends as soon as somebody asks to stop: an evaluation has no step that could finish first.
func untilStop(ctx context.Context, stop <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// SetError says that a --set cannot be.
type SetError struct{ error }

// Unwrap returns the cause.
func (e *SetError) Unwrap() error { return e.error }

func (e *Engine) coerceSet(g *graph.Graph, given map[string]string) (map[string]any, error) {
	values := map[string]any{}
	for name, text := range given {
		decl, err := settable(g, name)
		if err != nil {
			return nil, &SetError{err}
		}
		v, err := e.cfg.Coerce(decl.Default.V, text)
		if err != nil {
			return nil, &SetError{fmt.Errorf("set %q: %w", name, err)}
		}
		values[name] = v
	}
	return values, nil
}

// settable returns the declaration of a parameter or variable that may be set.
func settable(g *graph.Graph, name string) (*graph.Stored, error) {
	i, ok := g.Find(name)
	if !ok {
		err := fmt.Errorf("there is no stored value %q", name)
		if near := graph.Nearest(name, g.Names()); near != "" {
			err = fmt.Errorf("%w (did you mean %q?)", err, near)
		}
		return nil, err
	}
	n := g.Node(i)
	switch {
	case n.Stored == nil:
		return nil, fmt.Errorf("%q is a step: its value is derived and cannot be set", name)
	case n.Stored.Path+n.Stored.Glob != "":
		return nil, fmt.Errorf("%q is a file or pattern: change the files instead", name)
	}
	return n.Stored, nil
}

func (e *Engine) newLoop(ctx context.Context, g *graph.Graph, o Options, survey bool) *loop {
	ctx, cancel := context.WithCancel(ctx)
	large := g.Len() >= largeGraph
	began := e.cfg.Now()
	l := &loop{
		e: e, ctx: ctx, cancel: cancel, o: o, g: g, owners: cmp.Or(e.project, g), survey: survey, searched: sync.OnceValue(e.programFolders),
		large: large && !survey, nodes: nodeTable{byName: map[string]*node{}}, leaves: map[leafKey]*leaf{},
		inbox: inbox{wake: make(chan struct{}, 1)}, running: map[*node]*attempt{}, executing: map[hashing.Digest]*node{}, moved: map[string]bool{}, stepVars: map[string]bool{}, pinned: map[string]*looked{},
		sched: newScheduler(o.slots(), TotalMemory(), g.Pools), began: began, halted: make(chan struct{}),
		commits: &committer{store: e.store, ctx: ctx, before: sync.OnceFunc(func() { e.forgetOthers(o) })}, described: map[*node]*Description{}, processes: map[*node]*PluginProcess{}, descriptions: map[hashing.Digest]*Description{},
	}
	l.uncut, l.endWaits = context.WithCancel(ctx)
	l.sum.Run = cmp.Or(o.Run, trace.NewRunID(began))
	return l
}

// slots is how many steps may run at once.
func (o Options) slots() int {
	if o.Jobs > 0 {
		return o.Jobs
	}
	return cores.Count()
}

// largeGraph is the number of nodes from which memory is saved at the cost of some processor time for each.
const largeGraph = 30_000

// percentSmall is how much garbage there may be where little is in use, in per cent of that.
const percentSmall = 400

// collect says how much garbage there may be before it is collected, in per cent of what is in use: little in a large graph,
// and much in others, where collecting it would take a tenth of the time. What the user chose (GOGC) stands.
func collect(large bool) {
	percent := percentSmall
	if large {
		percent = 10
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// conclude sums the build up.
func (l *loop) conclude(targets []target) {
	l.tellUnwatched()
	s := &l.sum
	s.OK = l.broken == nil && !l.cut
	if l.base != nil {
		s.Fresh += l.base.still()
		for _, name := range l.base.changed(l) {
			l.changed(name)
		}
	}
	l.mixed()
	for _, t := range targets {
		l.lacked(t.n)
		s.OK = s.OK && t.n.state == done
	}
	for p := range l.moved {
		s.Moved = append(s.Moved, p)
		s.OK = false
	}
	s.Interrupted = l.cut && l.broken == nil
	s.Ended = l.now()
	s.Seconds = s.Ended.Sub(l.began).Seconds()
	l.tell(s.RunEnded)
}

// mostHolding is how many leases holding names at most. The store knows by itself on whose behalf those are held, so that
// the nearest would do; more of them help where it has lost what it knew. Chains of calls are thousands deep.
const mostHolding = 64

// holding are the leases on whose behalf n is executed: those of the suspended calls that wait for it, the nearest first.
func (l *loop) holding(n *node) []hashing.Digest {
	var keys []hashing.Digest
	seen := map[*node]bool{n: true}
	for next := []*node{n}; len(next) > 0 && len(keys) < mostHolding; next = next[1:] {
		for _, w := range next[0].wanted {
			o := w.owner
			if w.off || seen[o] {
				continue
			}
			seen[o] = true
			next = append(next, o)
			if a := l.running[o]; o.state == suspended && a != nil && !a.ended {
				keys = append(keys, o.key)
			}
		}
	}
	return keys
}

// sortedKeys are the keys of a map, in order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
