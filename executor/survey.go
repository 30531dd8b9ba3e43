package executor

import (
	"context"
	"maps"
	"slices"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/workspace"
	"github.com/calyx-build/calyx/graph"
)

// unknownText stands, in a survey, for an input that will be executed or might.
const unknownText = "?"

// Survey tells what a build of the targets would do, without doing it, and what the workspace knows of each node. It is
// the same walk as a build's, except that nothing is executed, restored or written.
func (e *Engine) Survey(ctx context.Context, o Options) (*Survey, error) {
	l, targets, err := e.begin(ctx, o, true, nil)
	if err != nil {
		return nil, err
	}
	defer l.cancel()
	defer e.look()()
	for _, t := range targets {
		l.soon(func() { l.demand(t.n) })
	}
	l.drive()
	if l.broken == nil {
		l.surveyBeyond()
	}
	if l.broken != nil {
		return nil, l.broken
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := l.readBlocked(); err != nil {
		return nil, err
	}
	return l.surveyed(targets), nil
}

// surveyBeyond goes on behind the first difference of steps that will run, or might: what they asked for there when they ran last is
// part of the graph as it was observed. Whether a build asks for it again is open, so nothing of it is sure to run.
func (l *loop) surveyBeyond() {
	followed := map[*node]bool{}
	for l.broken == nil {
		more := l.beyond(followed)
		if len(more) == 0 {
			return
		}
		sure := map[*node]bool{}
		for _, n := range l.nodes.all() {
			sure[n] = n.state != idle
		}
		for _, d := range more {
			l.soon(func() { l.demand(d) })
		}
		l.drive()
		for _, n := range l.nodes.all() {
			if !sure[n] && n.dirty == willRun {
				n.dirty = mayRun
			}
		}
	}
}

// beyond are the nodes that nobody has asked for yet and that dirty ones asked for when they ran last, by name. Each of those is followed once.
func (l *loop) beyond(followed map[*node]bool) []*node {
	more := map[string]*node{}
	for _, n := range l.nodes.all() {
		if n.dirty == clean || n.record == nil || followed[n] {
			continue
		}
		followed[n] = true
		for _, d := range l.recordedNodes(n) {
			if d.state == idle {
				more[d.name] = d
			}
		}
	}
	sorted := make([]*node, 0, len(more))
	for _, name := range slices.Sorted(maps.Keys(more)) {
		sorted = append(sorted, more[name])
	}
	return sorted
}

// recordedNodes are the nodes that n was seen to ask for when its record was made, as far as they still are.
func (l *loop) recordedNodes(n *node) (all []*node) {
	seen := map[*node]bool{}
	for _, stage := range n.record.Stages {
		for _, r := range stage.Requests() {
			if d, _, err := l.subject(r); err == nil && d != nil && !seen[d] {
				seen[d] = true
				all = append(all, d)
			}
		}
	}
	return all
}

// look lets this process look at the workspace, where it does not use it yet. The function that it returns ends that.
func (e *Engine) look() func() {
	if e.ws != nil {
		return func() {}
	}
	e.ws = workspace.ReadOnly(e.cfg.Root, e.store, e.memo)
	return func() { e.ws = nil }
}

// surveyDirty ends a node some of whose inputs will run or might: what else differs makes it certain that it runs too.
func (l *loop) surveyDirty(n *node) {
	dirty := n.dirtyInput()
	if n.record == nil {
		l.surveyEnd(n, willRun, []graph.Reason{{Kind: graph.NeverBuilt, Node: n.name}})
		return
	}
	patchUnknown(n.act.components, n.record.Components)
	if r, ok := l.partsReason(n, n.record.Components, n.act.components); ok && n.act.err == nil {
		chain := []graph.Reason{r}
		if r.Kind == graph.CodeChanged && n.call {
			chain = l.codeChain(n, r)
		}
		l.surveyEnd(n, willRun, chain)
		return
	}
	if n.record.Failure != "" {
		l.surveyEnd(n, willRun, []graph.Reason{{Kind: graph.FailedBefore, Node: n.name, Before: n.record.Failure}})
		return
	}
	own := graph.Reason{Kind: graph.DependencyChanged, Node: n.name, Subject: dirty.name}
	if dirty.isPlugin() {
		own.Kind = graph.CodeChanged
	}
	l.surveyEnd(n, mayRun, append([]graph.Reason{own}, dirty.chain...))
}

// patchUnknown takes the parts that are not known yet to be as they were.
func patchUnknown(now, before []trace.Component) {
	for i := range now {
		if now[i].Text != unknownText {
			continue
		}
		at := slices.IndexFunc(before, func(c trace.Component) bool { return c.Kind == now[i].Kind && c.Subject == now[i].Subject })
		if at >= 0 {
			now[i] = before[at]
		}
	}
}

func (n *node) dirtyInput() *node {
	for _, d := range n.deps {
		if d.dirty != clean {
			return d
		}
	}
	return nil
}

func (l *loop) surveyEnd(n *node, d dirtiness, chain []graph.Reason) {
	n.dirty = d
	n.chain = chain
	n.value = trace.Value{}
	n.to(done)
	l.ended(n)
}

// readBlocked reads the records of the steps that were not looked up, because an input of theirs has no value.
func (l *loop) readBlocked() error {
	var steps []*node
	var names []string
	for _, n := range l.nodes.byName {
		if n.state == blocked && n.record == nil {
			steps, names = append(steps, n), append(names, n.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	records, err := l.e.db.Records(l.ctx, l.e.scope, names)
	for i := range records {
		steps[i].record = records[i]
	}
	return err
}

// blockedChain leads from a node to the input that has no value.
func blockedChain(n *node, bad []*node) []graph.Reason {
	d := bad[slices.IndexFunc(bad, func(d *node) bool { return d.state == failed || d.state == blocked })]
	if d.isStored() {
		root := d.chain[0]
		root.Node = n.name
		return []graph.Reason{root}
	}
	return append([]graph.Reason{{Kind: graph.DependencyChanged, Node: n.name, Subject: d.name}}, d.chain...)
}

// lostInput says what is wrong with a stored node that has no value.
func lostInput(d *node) graph.Reason {
	s := d.decl().Stored
	r := graph.Reason{Kind: graph.FileChanged, Node: d.name, Subject: s.Path + s.Glob, After: d.failure.Message}
	switch {
	case s.Env != "":
		r.Kind, r.Subject = graph.EnvChanged, s.Env
	case len(d.leaves) == 0:
		r.Kind, r.Subject = graph.StoredChanged, d.name
	case d.leaves[0].absent:
		r.Kind, r.After = graph.FileRemoved, ""
	}
	return r
}

// surveyUnsure ends a node one of whose observed inputs will run or might.
func (l *loop) surveyUnsure(n *node, dirty *node) {
	own := graph.Reason{Kind: graph.DependencyChanged, Node: n.name, Subject: dirty.name}
	l.surveyEnd(n, mayRun, append([]graph.Reason{own}, dirty.chain...))
}

// surveyReused ends a node whose recorded result stands; its outputs may not, or it is not the result that it had last.
func (l *loop) surveyReused(n *node) {
	if n.act.outputs == outputsUnknown && len(n.outs()) > 0 {
		n.act.entry = &trace.Entry{Done: &n.act.result}
		l.checkOutputs([]*node{n})
	}
	if wrong := n.act.outputs == outputsMissing || n.act.outputs == outputsEdited; wrong || !l.repeats(n) {
		n.chain = l.reuseChain(n)
	}
	n.outcome = Fresh
	n.to(done)
	l.ended(n)
}

// surveyed makes the answer of what the walk found.
func (l *loop) surveyed(targets []target) *Survey {
	s := &Survey{Overridden: l.overridden()}
	index := map[*node]int{}
	var visit func(n *node) int
	visit = func(n *node) int {
		if i, ok := index[n]; ok {
			return i
		}
		index[n] = -1
		var edges []int
		for _, d := range l.seenDependencies(n) {
			if at := visit(d); at >= 0 { // what was recorded of two nodes at different times may be a cycle
				edges = append(edges, at)
			}
		}
		index[n] = len(s.Nodes)
		s.Nodes = append(s.Nodes, l.forecast(n))
		s.Edges = append(s.Edges, edges)
		return index[n]
	}
	for _, t := range targets {
		s.Targets = append(s.Targets, visit(t.n))
	}
	for _, n := range s.Nodes {
		if n.Last != nil && n.Last.Run > s.Run {
			s.Run = n.Last.Run
		}
	}
	return s
}

// dependenciesOf are what a node was seen to depend on, or, where it never ran, declares.
func (l *loop) dependenciesOf(n *node) []*node {
	all := append(append([]*node{}, n.deps...), n.after...)
	observed := n.observed
	if n.record != nil && (observed == nil || n.dirty != clean) {
		observed = l.recordedNodes(n)
	}
	for _, d := range observed {
		if !slices.Contains(all, d) && d.state.ended() {
			all = append(all, d)
		}
	}
	return all
}

// seenDependencies are the dependencies that people know: in the place of a plugin, what its program is made of.
func (l *loop) seenDependencies(n *node) []*node {
	var all, programs []*node
	for _, d := range l.dependenciesOf(n) {
		if d.isPlugin() {
			programs = append(programs, l.dependenciesOf(d)...)
		} else {
			all = append(all, d)
		}
	}
	for _, p := range programs {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// functionOf is the description of the function that a step calls, if there is one that holds.
func (l *loop) functionOf(n *node) *FunctionDescription {
	if !n.call {
		return nil
	}
	p := l.plugin(n.decl().Step.Call.Plugin)
	if p.state != done || p.dirty != clean {
		return nil
	}
	f, err := l.function(p, n.decl().Step.Call.Function)
	if err != nil {
		return nil
	}
	return &f.FunctionDescription
}

func (l *loop) forecast(n *node) Forecast {
	f := Forecast{
		Node: n.name, Stored: n.isStored(), List: n.isList(), Doc: n.decl().Doc, Chain: n.chain, Last: n.record,
		Certain: n.dirty != mayRun, Usual: l.recorded(n), State: StateFresh, Prediction: WillReuse, Step: n.decl().Step, Value: n.value,
		Function: l.functionOf(n),
	}
	if n.isStored() {
		f.Inline = n.inlineOf(n.value)
	}
	if f.Usual == 0 && n.record != nil && n.record.Failure == "" {
		f.Usual = n.record.Result.Seconds
	}
	switch {
	case n.failure != nil:
		f.State, f.Problem, f.Prediction = StateFailed, n.failure.Message, WillBlock
	case n.state == blocked:
		f.State, f.Problem, f.Prediction = StateDirty, "blocked by "+quoted(n.blockedBy), WillBlock
	case n.isStored() || n.isList() && n.dirty == clean:
		f.Prediction = ""
	case n.dirty == clean && len(n.chain) == 0:
	case n.dirty == clean && n.record == nil:
		f.State = StateNeverBuilt
	case n.dirty == clean: // reused, and its outputs are restored
		f.State = StateDirty
	default:
		f.Prediction = WillRun
		if n.dirty == mayRun {
			f.Prediction = MayRun
		}
		f.State = dirtyState(n)
	}
	if f.Prediction == WillReuse && f.State != StateFailed {
		f.Reused = n.reusedTrace()
	}
	return f
}

// reusedTrace is the trace whose result a step that a survey found clean would be given.
func (n *node) reusedTrace() *trace.Trace {
	switch {
	case !n.isStep() || n.state != done || n.dirty != clean:
		return nil
	case n.record != nil && len(n.chain) == 0:
		return &n.record.Trace
	case n.act == nil:
		return nil
	}
	return &trace.Trace{Action: n.key, Stages: n.act.stages, Result: n.act.result}
}

func dirtyState(n *node) NodeState {
	switch {
	case n.isList() && n.chain[len(n.chain)-1].Kind != graph.NeverBuilt:
		return StateDirty
	case n.record == nil:
		return StateNeverBuilt
	case n.record.Failure != "":
		return StateFailed
	}
	return StateDirty
}

// overridden lists the stored values that are set, whatever their sources say, in the order of the Calyxfile.
func (l *loop) overridden() []Override {
	var at []int
	for _, values := range []map[string]any{l.e.set, l.e.state} {
		for name := range values {
			if i, ok := l.g.Find(name); ok {
				at = append(at, i)
			}
		}
	}
	slices.Sort(at)
	var all []Override
	for _, i := range slices.Compact(at) {
		if decl := l.g.Node(i); decl.Stored != nil {
			all = append(all, l.e.overrideOf(l.g.Name(i), *decl.Stored))
		}
	}
	return all
}

func (e *Engine) overrideOf(name string, decl graph.Stored) Override {
	from := "state"
	if _, set := e.set[name]; set {
		from = "set"
	}
	v, err := e.storedValue(name, decl)
	if err != nil {
		v, _ = e.override(name)
	}
	source, err := e.sourceValue(name, decl)
	if err != nil {
		source = nil
	}
	return Override{Node: name, Value: v, From: from, Source: source}
}

// StaleOutputs lists the paths that calyx wrote for steps that are gone. It looks at every path that calyx wrote.
func (e *Engine) StaleOutputs(ctx context.Context) ([]string, error) {
	g, err := e.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.open(ctx); err != nil {
		return nil, err
	}
	defer e.look()()
	var stale []string
	err = e.ws.Recorded(ctx, func(o workspace.Output) bool {
		if _, owned := g.Owner(o.Path); !owned && e.ws.There(o) {
			stale = append(stale, o.Path)
		}
		return true
	})
	return stale, err
}
