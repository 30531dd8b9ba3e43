package executor

import (
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// reasonOf maps the kind of a part of a key to the reason that a difference in it gives.
var reasonOf = map[string]graph.ReasonKind{
	partVersion: graph.DefinitionChanged, partPlatform: graph.DefinitionChanged, partCommand: graph.DefinitionChanged,
	partOutputs: graph.DefinitionChanged, partObserver: graph.DefinitionChanged, partProgram: graph.CodeChanged,
	partFunction: graph.CodeChanged, partFile: graph.FileChanged, partEnv: graph.EnvChanged, partArgument: graph.ArgumentChanged,
}

// explain says why nothing recorded fits n, from the same parts and observations that its key was made of: the chain from
// n to the root.
func (l *loop) explain(n *node) []graph.Reason { return l.chainFrom(n, l.ownReason(n)) }

// chainFrom is the chain that begins with the first link.
func (l *loop) chainFrom(n *node, own graph.Reason) []graph.Reason {
	if own.Kind == graph.CodeChanged && n.call {
		return l.codeChain(n, own)
	}
	chain := []graph.Reason{own}
	if own.Kind != graph.DependencyChanged {
		return chain
	}
	d, ok := l.nodes.find(own.Subject)
	if !ok { // spelt as it was asked for, such as with arguments that are the function's defaults
		var err error
		if d, err = l.spelled(own.Subject); err != nil {
			return chain
		}
		chain[0].Subject = d.name
	}
	return append(chain, l.rootOf(d)...)
}

// rootOf is why d is not what it was: the reason of its execution in this build, or the one recorded with it.
func (l *loop) rootOf(d *node) []graph.Reason {
	switch {
	case len(d.chain) > 0:
		return d.chain
	case d.record != nil:
		return fromRecords(d.record.Chain)
	}
	return fromRecords(d.earlier)
}

func fromRecords(recorded []trace.RecordedReason) []graph.Reason {
	chain := make([]graph.Reason, len(recorded))
	for i, c := range recorded {
		chain[i] = fromRecord(c)
	}
	return chain
}

func fromRecord(r trace.RecordedReason) graph.Reason {
	return graph.Reason{Kind: graph.ReasonKind(r.Kind), Node: r.Node, Subject: r.Subject, Before: r.Before, After: r.After, Diff: r.Diff}
}

func toRecord(r graph.Reason) trace.RecordedReason {
	return trace.RecordedReason{Kind: string(r.Kind), Node: r.Node, Subject: r.Subject, Before: r.Before, After: r.After, Diff: r.Diff}
}

func toRecords(chain []graph.Reason) (all []trace.RecordedReason) {
	for _, r := range chain {
		all = append(all, toRecord(r))
	}
	return all
}

// ownReason is the first link: what about n itself differs from its last execution or reuse here.
func (l *loop) ownReason(n *node) graph.Reason {
	r := n.record
	if r == nil {
		return graph.Reason{Kind: graph.NeverBuilt, Node: n.name}
	}
	if len(r.Components) == 0 && r.Failure != "" { // before there was a key: its function was missing
		return graph.Reason{Kind: graph.FailedBefore, Node: n.name, Before: r.Failure}
	}
	if reason, ok := l.partsReason(n, r.Components, n.act.components); ok {
		return reason
	}
	if r.Failure != "" {
		return graph.Reason{Kind: graph.FailedBefore, Node: n.name, Before: r.Failure}
	}
	if c := n.act.check; c != nil && c.differs != nil {
		return l.stageReason(n, c.differs)
	}
	return graph.Reason{Kind: graph.NeverBuilt, Node: n.name, Subject: "no result is in the cache any more"}
}

// partsReason compares the parts of two keys. What the step itself says comes before what it depends on: a changed
// command explains more than the inputs that came with it.
func (l *loop) partsReason(n *node, before, now []trace.Component) (graph.Reason, bool) {
	var found *graph.Reason
	for _, pair := range align(before, now) {
		if pair.before.Text == pair.now.Text && pair.before.Kind == pair.now.Kind {
			continue
		}
		r := l.partReason(n, pair)
		if found == nil || rank(r.Kind) < rank(found.Kind) || rank(r.Kind) == rank(found.Kind) && r.Subject == commandSubject {
			found = &r
		}
	}
	if found == nil {
		return graph.Reason{}, false
	}
	return *found, true
}

// rank orders reasons by how much they explain.
func rank(k graph.ReasonKind) int {
	switch k {
	case graph.DefinitionChanged:
		return 0
	case graph.CodeChanged:
		return 1
	case graph.ArgumentChanged:
		return 2
	case graph.DependencyChanged:
		return 4
	}
	return 3
}

// pair is one part of a key, before and now; the zero Component where it is not there.
type pair struct{ before, now trace.Component }

// align pairs parts of the same kind and subject, in order.
func align(before, now []trace.Component) []pair {
	pairs := make([]pair, 0, max(len(before), len(now)))
	taken := make([]bool, len(before))
	first := 0 // that is not taken: where nothing came or went, it is the one
	for _, c := range now {
		p := pair{now: c}
		for at := first; at < len(before); at++ {
			if b := &before[at]; !taken[at] && b.Kind == c.Kind && b.Subject == c.Subject {
				p.before, taken[at] = *b, true
				break
			}
		}
		for first < len(before) && taken[first] {
			first++
		}
		pairs = append(pairs, p)
	}
	for at, is := range taken {
		if !is {
			pairs = append(pairs, pair{before: before[at]})
		}
	}
	return pairs
}

func (l *loop) partReason(n *node, p pair) graph.Reason {
	c := p.now
	if c.Kind == "" {
		c = p.before
	}
	r := graph.Reason{Kind: reasonOf[c.Kind], Node: n.name, Subject: c.Subject}
	r.Before, r.After = apart(p.before, p.now)
	switch c.Kind {
	case partInput:
		return l.inputReason(n, c.Subject, p)
	case partFile:
		return l.fileReason(n, c.Subject, p)
	case partProgram, partEnv, partArgument:
	case partFunction:
		r.Subject = c.Subject
	case partCommand:
		r.Subject = commandSubject
		if shown(p.before) == shown(p.now) { // as cmd and sh of the same words
			r.Before, r.After = "", ""
		}
	case partObserver:
		r.Subject = "trace"
	default:
		r.Subject = strings.TrimSpace(c.Kind + " " + c.Subject)
	}
	return r
}

// commandSubject is what a changed command is called.
const commandSubject = "command"

func shown(c trace.Component) string {
	if c.Show != "" {
		return c.Show
	}
	return c.Text
}

// inputReason says what became of an input: a stored one is a root, another one a link. A definition that names another
// input is a changed definition.
func (l *loop) inputReason(n *node, subject string, p pair) graph.Reason {
	if p.before.Kind == "" || p.now.Kind == "" {
		return graph.Reason{Kind: graph.DefinitionChanged, Node: n.name, Subject: "input " + subject, Before: shown(p.before), After: shown(p.now)}
	}
	name, _, _ := strings.Cut(subject, ":")
	d, _ := l.nodes.find(name)
	r := graph.Reason{Kind: graph.DependencyChanged, Node: n.name, Subject: name}
	r.Before, r.After = apart(p.before, p.now)
	if d == nil || !d.isStored() {
		return r
	}
	s := d.decl().Stored
	switch {
	case s.Env != "":
		r.Kind, r.Subject = graph.EnvChanged, s.Env
	case s.Path != "" || s.Glob != "":
		return l.fileReason(n, s.Path+s.Glob, p)
	default:
		r.Kind = graph.StoredChanged
	}
	return r
}

// fileReason names the file that changed, was added or removed: of a folder or pattern, the first one that differs.
func (l *loop) fileReason(n *node, subject string, p pair) graph.Reason {
	r := graph.Reason{Kind: graph.FileChanged, Node: n.name, Subject: subject}
	r.Before, r.After = contents(p)
	if !p.before.Tree.IsZero() && !p.now.Tree.IsZero() {
		return l.treeReason(r, p)
	}
	switch {
	case strings.HasPrefix(p.before.Text, absentText) && !strings.HasPrefix(p.now.Text, absentText):
		r.Kind, r.Before = graph.FileAdded, ""
	case strings.HasPrefix(p.now.Text, absentText) && !strings.HasPrefix(p.before.Text, absentText):
		r.Kind, r.After = graph.FileRemoved, ""
	}
	return r
}

// contents are what a file was and is: two digests or, where it is the same but for that, whether it may be executed.
func contents(p pair) (before, after string) {
	before, ran := strings.CutSuffix(shown(p.before), executableText)
	after, runs := strings.CutSuffix(shown(p.now), executableText)
	if before == after && ran != runs {
		return executableWords[ran], executableWords[runs]
	}
	return before, after
}

// treeReason compares two listings. The old one is in the store, kept there with the trace; where it is lost, the folder
// is named.
func (l *loop) treeReason(r graph.Reason, p pair) graph.Reason {
	before, err := l.e.tree(l.ctx, p.before.Tree)
	if err != nil {
		return r
	}
	f := l.leafWithTree(r.Subject, p.now.Tree)
	if f == nil {
		return r
	}
	kind, name, was, is := firstDifference(before, f.tree)
	if kind == "" {
		return r
	}
	r.Kind = kind
	r.Subject = f.pathOf(name)
	if r.Before, r.After = printed(was), printed(is); was == is {
		r.Before, r.After = runnable(before, name), runnable(f.tree, name)
	}
	return r
}

// runnable says whether a file of a listing may be executed.
func runnable(t hashing.Tree, name string) string {
	at := slices.IndexFunc(t, func(e hashing.Entry) bool { return e.Path == name })
	return executableWords[at >= 0 && t[at].Kind == hashing.ExecEntry]
}

var executableWords = map[bool]string{true: "executable", false: "not executable"}

func printed(d hashing.Digest) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// stageReason names the first observation that differs from the last trace.
func (l *loop) stageReason(n *node, d *difference) graph.Reason {
	for i, o := range d.before {
		if d.now != nil && i < len(d.now) && d.now[i] == o {
			continue
		}
		r := graph.Reason{Node: n.name, Subject: o.Subject, Before: printed(o.Digest)}
		if d.now != nil && i < len(d.now) {
			r.After = printed(d.now[i].Digest)
		}
		r.Kind = l.observationKind(o)
		r.Before, r.After = there(r, o.Kind)
		switch was, is := seenOf(n.record.Seen, o), l.storedSeen([]trace.Stage{d.now}); {
		case o.Kind == trace.Node && (r.Kind == graph.FileAdded || r.Kind == graph.FileRemoved):
			d, _ := l.nodes.find(o.Subject)
			r.Subject, r.Before, r.After = d.decl().Stored.Path, "", ""
		case o.Kind == trace.Listing || o.Kind == trace.Glob:
			l.nameDifference(&r, o)
		case o.Kind == trace.Outside:
			l.nameOutside(&r, o)
		case r.After != "" && was.Kind != "":
			r.Before, r.After = apart(was, seenOf(is, o))
		}
		return r
	}
	return graph.Reason{Kind: graph.DependencyChanged, Node: n.name}
}

// there is what r says of the content before and after: of a file that was not there nothing, and only who read it has
// seen any.
func there(r graph.Reason, how trace.RequestKind) (before, after string) {
	switch {
	case r.Kind != graph.FileAdded && r.Kind != graph.FileRemoved:
		return r.Before, r.After
	case how != trace.File:
		return "", ""
	case r.Kind == graph.FileAdded:
		return "", r.After
	}
	return r.Before, ""
}

// nameDifference names the first path that came or went where the names in a folder, or those that match a pattern, are not
// as they were. Those of then are in the store, kept there with the trace; where they are lost, the folder or pattern is
// named.
func (l *loop) nameDifference(r *graph.Reason, o trace.Observation) {
	f, ok := l.leaves[leafKey{kind: leafKinds[o.Kind], subject: o.Subject}]
	if !ok || f.list == nil || o.Digest == absentDigest {
		return
	}
	found, err := l.e.store.Get(l.ctx, o.Digest)
	var before, now []string
	if err != nil || json.Unmarshal(found[0], &before) != nil || json.Unmarshal(f.list, &now) != nil {
		return
	}
	subject := func(name string) string {
		if quoted, ok := strings.CutPrefix(name, noText); ok {
			name, _ = strconv.Unquote(quoted) // it was quoted
		}
		if o.Kind == trace.Listing {
			name, _, _ = strings.Cut(name, "/") // what it is
			name = path.Join(o.Subject, name)
		}
		return name
	}
	if name := firstWithout(now, before); name != "" {
		r.Kind, r.Subject, r.Before, r.After = graph.FileAdded, subject(name), "", ""
	} else if name := firstWithout(before, now); name != "" {
		r.Kind, r.Subject, r.Before, r.After = graph.FileRemoved, subject(name), "", ""
	}
}

// nameOutside names the first path in a set outside the workspace that is not as it was. What it was is in the store like the names above.
func (l *loop) nameOutside(r *graph.Reason, o trace.Observation) {
	f, ok := l.leaves[leafKey{kind: leafOutside, subject: o.Subject, exclude: o.View}]
	if !ok || f.list == nil {
		return
	}
	digest, _ := o.OutsideSet()
	set, err := l.e.outsideSet(l.ctx, digest)
	if err != nil {
		return
	}
	before, err := l.e.store.Get(l.ctx, o.Digest)
	if err != nil {
		return
	}
	at, was, is := l.e.outsideDifference(set, before[0], f.list)
	switch {
	case at == "":
		return
	case was == absentDigest:
		r.Kind = graph.FileAdded
	case is == absentDigest:
		r.Kind = graph.FileRemoved
	}
	r.Subject, r.Before, r.After = path.Join(o.Subject, at), "", ""
}

// firstWithout is the first of some names that is not among others; "" where all are.
func firstWithout(some, others []string) string {
	known := make(map[string]bool, len(others))
	for _, name := range others {
		known[name] = true
	}
	for _, name := range some {
		if !known[name] {
			return name
		}
	}
	return ""
}

// storedSeen are the stored values and the variables among what a task asked for.
func (l *loop) storedSeen(stages []trace.Stage) (seen []trace.Component) {
	known := map[string]bool{}
	for _, stage := range stages {
		for _, o := range stage {
			if f := l.leaves[leafKey{kind: leafEnv, subject: o.Subject}]; o.Kind == trace.Env && f != nil && f.known {
				seen = append(seen, trace.Component{Kind: partEnv, Subject: o.Subject, Text: f.variable()})
			}
			if o.Kind != trace.Param && o.Kind != trace.Node || known[o.Subject] {
				continue
			}
			if d, ok := l.nodes.find(o.Subject); ok && d.isStored() && d.loadInline() != nil {
				known[o.Subject] = true
				seen = append(seen, trace.Component{Kind: partInput, Subject: o.Subject, Text: d.show(d.value)})
			}
		}
	}
	return seen
}

// variable is how people are shown a variable that a plugin read.
func (f *leaf) variable() string {
	if f.absent {
		return "not set"
	}
	return shorten(string(f.inline), longest)
}

// seenOf is the one that an observation is about; the zero Component where there is none.
func seenOf(seen []trace.Component, o trace.Observation) trace.Component {
	for _, c := range seen {
		if c.Subject == o.Subject && (o.Kind == trace.Env) == (c.Kind == partEnv) && (o.Kind == trace.Env || o.Kind == trace.Param || o.Kind == trace.Node) {
			return c
		}
	}
	return trace.Component{}
}

// nodeKind says what became of a node that was observed.
func (l *loop) nodeKind(o trace.Observation) graph.ReasonKind {
	d, ok := l.nodes.find(o.Subject)
	switch {
	case !ok || !d.isStored():
		return graph.DependencyChanged
	case d.decl().Stored.Path+d.decl().Stored.Glob == "":
		return graph.StoredChanged
	case d.isAbsent():
		return graph.FileRemoved
	case o.Digest == absentDigest:
		return graph.FileAdded
	}
	return graph.DependencyChanged
}

func (l *loop) observationKind(o trace.Observation) graph.ReasonKind {
	switch o.Kind {
	case trace.Env:
		return graph.EnvChanged
	case trace.Param:
		return graph.StoredChanged
	case trace.Node:
		return l.nodeKind(o)
	case trace.File, trace.Exists, trace.Status, trace.Listing, trace.GitIndex:
		if f, ok := l.leaves[leafKey{kind: leafKinds[o.Kind], subject: o.Subject}]; ok && f.absent {
			return graph.FileRemoved
		}
		if o.Digest == absentDigest || o.Kind == trace.Exists && o.Digest == existsDigest("") {
			return graph.FileAdded
		}
		return graph.FileChanged
	case trace.Glob, trace.Link, trace.Outside:
		return graph.FileChanged
	case trace.Program:
		return graph.CodeChanged
	}
	return graph.DependencyChanged
}
