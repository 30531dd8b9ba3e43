package executor

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
)

// target is what one of the user's words asks for: a node, perhaps a part of its value.
type target struct {
	text    string
	n       *node
	output  string
	element *int
}

// TargetError says that a target names nothing, and what may be meant or why.
type TargetError struct{ Target, Near, Why string }

func (e *TargetError) Error() string {
	if e.Why != "" {
		return fmt.Sprintf("find target %q: %s", e.Target, e.Why)
	}
	if e.Near != "" {
		return fmt.Sprintf("there is no target %q (did you mean %q?)", e.Target, e.Near)
	}
	return fmt.Sprintf("there is no target %q", e.Target)
}

// OpenError says that a target is a function some of whose parameters have no value.
type OpenError struct {
	Function string
	Open     []string
}

func (e *OpenError) Error() string {
	return fmt.Sprintf("find target %q: it needs arguments, %s(%s=…)", e.Function, e.Function, strings.Join(e.Open, "=…, "))
}

// open are the parameters of a declared function that have no value in this node.
func (n *node) open() []string {
	if !n.isStep() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(n.decl().Step.Open), func(name string) bool {
		return slices.ContainsFunc(n.args, func(a argument) bool { return a.Key == name })
	})
}

// mustBeClosed reports a target that cannot be built, unless somebody only wants to know about it.
func (l *loop) mustBeClosed(n *node) error {
	if open := n.open(); len(open) > 0 && !l.o.Open {
		return &OpenError{Function: n.decl().Name, Open: open}
	}
	return nil
}

// targets finds what the user's words ask for; without words, the Calyxfile's default, else every step.
func (l *loop) targets(words []string) ([]target, error) {
	if len(words) == 0 {
		return l.defaults(), nil
	}
	var all []target
	for _, w := range words {
		found, err := l.target(w)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func (l *loop) defaults() []target {
	var all []target
	for _, r := range l.g.Default {
		all = append(all, target{text: r.Node, n: l.named(r.Node), output: r.Output})
	}
	if len(all) > 0 {
		return all
	}
	for i := range l.g.Len() {
		if n := l.numbered(i); n.isStep() && len(n.open()) == 0 {
			all = append(all, target{text: n.name, n: n})
		}
	}
	return all
}

func (l *loop) target(word string) ([]target, error) {
	if _, ok := l.g.Find(word); ok { // the steps of a matrix have spellings for names
		n := l.named(word)
		return []target{{text: word, n: n}}, l.mustBeClosed(n)
	}
	if found, ok := l.targetAt(word); ok { // paths may look like anything else: a@1, a:b, a[1], a*
		return []target{found}, nil
	}
	t, err := graph.ParseTarget(word)
	if err != nil {
		return nil, err
	}
	if t.Pattern {
		return l.matching(word, t)
	}
	one := target{text: word, output: t.Output, element: t.Element}
	if _, ok := l.g.Find(t.Name); !ok {
		return l.outputTarget(word, t)
	}
	if one.n, err = l.withArgsOrPlain(t); err != nil {
		return nil, err
	}
	if one.n.isList() && one.element != nil {
		return l.elementTarget(word, one.n, *one.element)
	}
	if err := l.mustBeClosed(one.n); err != nil {
		return nil, err
	}
	if names := one.n.outputNames(); t.Output != "" && names != nil && !slices.Contains(names, t.Output) && !one.n.hasWithin(t.Output) {
		nearest := graph.Nearest(t.Output, names)
		if nearest == "" {
			return nil, &TargetError{Target: word, Why: "it has no output of that name, but " + quoted(one.n.outputPaths())}
		}
		near := graph.Target{Name: t.Name, Args: t.Args, Output: nearest}
		return nil, &TargetError{Target: word, Near: near.String()}
	}
	return []target{one}, nil
}

// elementTarget is a step of a matrix by its number: NAME[3].
func (l *loop) elementTarget(word string, n *node, at int) ([]target, error) {
	steps := n.decl().List
	if at < 0 || at >= len(steps) {
		return nil, &TargetError{Target: word, Why: fmt.Sprintf("there is no such element: it has %d, from [0] on", len(steps))}
	}
	return []target{{text: word, n: l.named(steps[at].Node)}}, nil
}

// outputNames are the names and paths of the outputs that n can be asked for, or nil where only its value tells.
func (n *node) outputNames() (names []string) {
	if n.isStored() || n.isCall() {
		return nil
	}
	outs := n.outs()
	if len(outs) == 1 && outs[0].Dir {
		return nil
	}
	for _, o := range outs {
		names = append(names, o.Name, o.Path)
	}
	return names
}

func (n *node) outputPaths() (paths []string) {
	for _, o := range n.outs() {
		paths = append(paths, o.Path)
	}
	return paths
}

// hasWithin reports whether a path leads into a folder that n makes; what is there only the folder tells.
func (n *node) hasWithin(at string) bool {
	return slices.ContainsFunc(n.outs(), func(o graph.Output) bool { return o.Dir && strings.HasPrefix(at, o.Path+"/") })
}

func (l *loop) withArgsOrPlain(t graph.Target) (*node, error) {
	base := l.named(t.Name)
	if len(t.Args) == 0 {
		return base, nil
	}
	if n, ok := l.g.Find(graph.Spell(t.Name, t.Args)); ok {
		return l.numbered(n), nil
	}
	return l.withArgs(base, t.Args)
}

// outputTarget finds the step that owns a path.
func (l *loop) outputTarget(word string, t graph.Target) ([]target, error) {
	if found, ok := l.targetAt(t.Name); ok {
		found.text = word
		return []target{found}, nil
	}
	at := l.pathWithin(t.Name)
	i, ok := l.g.Owner(at)
	if !ok {
		return nil, &TargetError{Target: word, Near: l.nearest(t.Name)}
	}
	found := target{text: word, n: l.numbered(i), output: at} // a file in a folder that the step makes
	if outs := found.n.outs(); len(outs) == 1 {
		found.output = strings.TrimPrefix(at, outs[0].Path+"/")
	}
	return []target{found}, nil
}

// targetAt is the output that stands at a path.
func (l *loop) targetAt(word string) (target, bool) {
	at := l.pathWithin(word)
	i, ok := l.g.Owner(at)
	if !ok {
		return target{}, false
	}
	n := l.numbered(i)
	for _, o := range n.outs() {
		if o.Path == at {
			return target{text: word, n: n, output: o.Name}, true
		}
	}
	return target{}, false
}

// pathWithin is a path as outputs have it: clean, and from the workspace.
func (l *loop) pathWithin(word string) string {
	at := filepath.ToSlash(filepath.Clean(word))
	if filepath.IsAbs(at) {
		at = strings.TrimPrefix(at, l.e.cfg.Root+"/")
	}
	return at
}

// nearest is the name or output path that a mistyped one comes nearest to.
func (l *loop) nearest(word string) string {
	names := l.g.Names()
	l.g.Outputs(func(p string, _ int) bool {
		names = append(names, p)
		return true
	})
	return graph.Nearest(word, names)
}

// matching are the nodes whose names a pattern matches or, where it matches no name, the outputs whose paths it does.
func (l *loop) matching(word string, t graph.Target) ([]target, error) {
	if !doublestar.ValidatePattern(t.Name) {
		return nil, &TargetError{Target: word, Why: "it is no pattern, and there is no such node or output"}
	}
	var all []target
	named := false
	for i := range l.g.Len() {
		if graph.MatchesName(t.Name, l.g.Name(i)) {
			named = true
			if n := l.numbered(i); n.isStep() && len(n.open()) == 0 || n.isList() {
				all = append(all, target{text: n.name, n: n})
			}
		}
	}
	if !named {
		all = l.outputsMatching(l.pathWithin(t.Name))
	}
	if len(all) == 0 && t.Name != "*" { // all of nothing is nothing
		return nil, &TargetError{Target: word, Near: l.nearPattern(t.Name)}
	}
	return all, nil
}

func (l *loop) outputsMatching(pattern string) (all []target) {
	l.g.Outputs(func(p string, _ int) bool {
		if doublestar.MatchUnvalidated(pattern, p) {
			if t, ok := l.targetAt(p); ok {
				all = append(all, t)
			}
		}
		return true
	})
	return all
}

// nearPattern is what a pattern that matches nothing may mean: a shell took the quotes out of name["OUTPUT"], or what stands
// before the wildcards is mistyped.
func (l *loop) nearPattern(pattern string) string {
	name, part, ok := strings.Cut(strings.TrimSuffix(pattern, "]"), "[")
	if i, found := l.g.Find(name); ok && found {
		if near := graph.Nearest(part, l.numbered(i).outputNames()); near != "" {
			return name + ":" + near
		}
		return name
	}
	return l.nearest(strings.TrimRight(pattern, "*?"))
}

// elements says how many elements the value has in which there is none of the number that was asked for.
func (l *loop) elements(t target, v trace.Value) string {
	seen, err := l.valueView(l.ctx, t.n, v, "length")
	var n int
	if err != nil || json.Unmarshal(seen.inline, &n) != nil || v.Media != trace.MediaList && v.Media != trace.MediaJSON && l.listItems(t.n) == nil {
		return "its value is no list"
	}
	return fmt.Sprintf("there is no such element: it has %d, from [0] on", n)
}

// targetValue is the value that a target asks for. Its node is done.
func (l *loop) targetValue(t target) (TargetValue, error) {
	v := TargetValue{Target: t.text, Node: t.n.name, Value: t.n.value, Path: l.workspacePath(t.n, t.n.value)}
	var err error
	if t.output != "" {
		v.Value, err = l.outputValue(t.n, t.output)
		if errors.Is(err, ErrNoPart) {
			return v, &TargetError{Target: t.text, Why: err.Error()}
		}
		if err != nil {
			return v, fmt.Errorf("target %q: %w", t.text, err)
		}
		v.Path = l.workspacePath(t.n, v.Value)
		if t.n.isStored() && len(t.n.leaves) > 0 {
			v.Path = l.e.abs(t.n.leaves[0].pathOf(t.output))
		}
	}
	if t.element != nil {
		seen, err := l.valueView(l.ctx, t.n, v.Value, fmt.Sprintf("item:%d", *t.element))
		if err != nil || seen.absent {
			return v, &TargetError{Target: t.text, Why: l.elements(t, v.Value)}
		}
		v.Value, v.Inline, v.Path = seen.value, seen.inline, ""
	}
	if v.Inline == nil && v.Value.Media == trace.MediaJSON {
		v.Inline = t.n.inlineOf(v.Value)
	}
	if items := l.listItems(t.n); items != nil && t.element == nil {
		v.Items = items
	}
	if t.n.isStored() && len(t.n.leaves) > 0 && t.output == "" {
		v.Tree, v.Base = t.n.leaves[0].tree, t.n.leaves[0].base()
	}
	return v, nil
}
