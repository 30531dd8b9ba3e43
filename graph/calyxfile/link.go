package calyxfile

import (
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/calyx-build/calyx/graph"
)

// linker joins the declarations once all of them are known: names become references, words and deps that name outputs
// of other steps become dependencies, and the whole is checked.
type linker struct {
	*evaluation
	owners map[string]claim
	paths  []string // of all outputs, sorted; made when the first pattern or folder needs it
	line   shellLine
	words  wordScanner
}

// link returns the declarations; they are good only if nothing was reported.
func (e *evaluation) link() *graph.Declarations {
	l := &linker{evaluation: e}
	l.applySettings()
	l.claimPaths()
	for _, d := range e.nodes {
		if d.Step != nil && !e.full() {
			l.linkStep(d)
		}
	}
	for _, p := range e.plugins {
		l.linkPlugin(p)
	}
	for _, u := range e.used {
		l.linkUse(u)
	}
	l.linkDefaults()
	if !e.failed() {
		l.findCycles()
	}
	return l.declarations()
}

func (l *linker) declarations() *graph.Declarations {
	d := &graph.Declarations{Workspace: l.settled(), Nodes: make([]*graph.Node, len(l.nodes))}
	for i, n := range l.nodes {
		d.Nodes[i] = n.Node
	}
	for _, p := range l.pools {
		d.Pools = append(d.Pools, *p)
	}
	for _, p := range l.plugins {
		d.Plugins = append(d.Plugins, p.Plugin)
	}
	for _, ref := range l.defaults {
		d.Default = append(d.Default, ref.ref)
	}
	return d
}

// settled returns the project's settings.
func (l *linker) settled() graph.Workspace {
	if l.settings == nil {
		return graph.Workspace{State: defaultState}
	}
	return l.settings.Workspace
}

// applySettings gives every step and plugin the workspace's defaults.
func (l *linker) applySettings() {
	s := l.settings
	if s == nil {
		return
	}
	for _, d := range l.nodes {
		if d.Step == nil || d.Step.Cmd == nil && !d.spec.isShell {
			continue
		}
		d.Step.Env = withDefaults(d.Step.Env, s.env)
		d.Step.Secrets = union(d.Step.Secrets, s.secrets)
		if !d.spec.hasWrap {
			d.Step.Wrap = s.wrap
		}
	}
	for _, p := range l.plugins {
		p.Env = withDefaults(p.Env, s.env)
		p.Secrets = union(p.Secrets, s.secrets)
	}
}

// withDefaults adds the variables that own does not name.
func withDefaults(own, defaults []graph.EnvVar) []graph.EnvVar {
	all := slices.Clone(own)
	for _, v := range defaults {
		if !slices.ContainsFunc(own, func(o graph.EnvVar) bool { return o.Name == v.Name }) {
			all = append(all, v)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

func union(own, more []string) []string {
	all := slices.Clone(own)
	for _, name := range more {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

func (l *linker) linkStep(d *declared) {
	step := d.Step
	if d.spec.isShell {
		l.shell(d)
	}
	l.linkDeps(d)
	for _, word := range l.words.literalWords(step) {
		l.addWord(d, word)
	}
	for _, name := range step.After {
		l.mustExist(&d.spec.call, "after", name)
		l.mustBeNode(&d.spec.call, name)
	}
	step.Refs(func(r graph.Ref) { l.mustBeNode(&d.spec.call, r.Node) })
	if step.Pool != "" && l.poolNames[step.Pool] == nil {
		d.spec.fail("pool", "pool: unknown pool %q%s", step.Pool, l.poolHint(step.Pool))
	}
}

// poolHint says what to do about a pool that is not there.
func (l *linker) poolHint(name string) string {
	if near := nearest(name, keys(l.poolNames)); near != "" {
		return near
	}
	return fmt.Sprintf("; pool(%q, SIZE) declares it", name)
}

// linkPlugin makes words of a plugin's command that are outputs of a step references to them.
func (l *linker) linkPlugin(p *declaredPlugin) {
	for i, x := range p.Cmd {
		word, ok := x.Value.V.(string)
		if file, inside := l.workspace.word(word); ok && inside {
			if c := l.owners[file]; c.isOutput() {
				if l.used[p.Name] != nil {
					p.fail("cmd", "%q is made by %s, and use() has to start the plugin before anything is built", word, c.node)
				}
				p.Cmd[i] = graph.Expr{Kind: graph.Reference, Ref: c.ref()}
			}
		}
	}
}

// linkUse reports what a description rests on and a step makes: the plugin is asked before any step has run.
func (l *linker) linkUse(u *using) {
	if u.plugin.failed {
		return
	}
	for _, p := range u.rests {
		if owner, ok := l.ownerOf(p); ok {
			u.fail("", "%q, which plugin %q reads or looks for before it describes itself, is made by %s at %s; "+
				"declare the plugin's steps with step(run = plugin.function)", p, u.plugin.name, owner.node, owner.node.Pos)
		}
	}
}

func (l *linker) linkDefaults() {
	for _, r := range l.defaults {
		l.mustExist(r.call, "", r.ref.Node)
		l.mustBeNode(r.call, r.ref.Node)
	}
}

func (l *linker) mustExist(c *call, arg, name string) {
	if _, ok := l.byName[name]; !ok {
		c.fail(arg, "unknown node %q%s", name, nearest(name, l.names()))
	}
}

// mustBeNode reports a function that is no node before it gets arguments.
func (l *linker) mustBeNode(c *call, name string) {
	if d, ok := l.byName[name]; ok && d.Step != nil && len(d.Step.Open) > 0 {
		c.fail("", "%q needs arguments: %s(%s = …)", name, name, strings.Join(d.Step.Open, " = …, "))
	}
}

// names returns the names of all nodes.
func (l *linker) names() []string { return keys(l.byName) }

// addWord enters a literal word of a command: as a dependency if another step makes the file, else as a file that may be
// there. Outputs of the step itself are no inputs, and neither are its depfile and what it resumes from.
func (l *linker) addWord(d *declared, word string) {
	p, ok := l.workspace.word(word)
	if !ok || p == d.Step.Depfile || d.Step.Resume != "" && within(p, d.Step.Resume) {
		return
	}
	owner, ok := l.ownerOf(p)
	switch {
	case ok && owner.node == d:
	case ok:
		l.addRef(d, owner.ref())
	case !slices.Contains(d.Step.Words, p):
		d.Step.Words = append(d.Step.Words, p)
	}
}

// addRef adds a dependency that the step does not have yet.
func (l *linker) addRef(d *declared, ref graph.Ref) {
	for _, dep := range d.Step.Deps {
		if dep.Ref != nil && *dep.Ref == ref {
			return
		}
	}
	d.Step.Deps = append(d.Step.Deps, graph.Dep{Ref: &ref})
}

// linkDeps turns deps that other steps make into references to them. A folder or a pattern also stays what it is: files
// that nobody makes can be in it as well.
func (l *linker) linkDeps(d *declared) {
	declared := d.Step.Deps
	d.Step.Deps = nil
	for _, dep := range declared {
		switch {
		case dep.Ref != nil:
			l.addRef(d, *dep.Ref)
		case isPattern(dep.Path):
			d.Step.Deps = append(d.Step.Deps, dep)
			l.addMatches(d, dep.Path)
		default:
			l.addPath(d, dep)
		}
	}
}

func (l *linker) addPath(d *declared, dep graph.Dep) {
	p, isFolder := strings.CutSuffix(dep.Path, "/")
	if owner, ok := l.ownerOf(p); ok {
		if owner.node != d {
			l.addRef(d, owner.ref())
		}
		return
	}
	d.Step.Deps = append(d.Step.Deps, dep)
	if isFolder {
		l.addUnder(d, p, func(string) bool { return true })
	}
}

// addMatches adds the outputs that a pattern matches.
func (l *linker) addMatches(d *declared, pattern string) {
	base, _ := doublestar.SplitPattern(pattern)
	l.addUnder(d, base, func(p string) bool { return doublestar.MatchUnvalidated(pattern, p) })
}

// addUnder adds the outputs in a folder for which match is true.
func (l *linker) addUnder(d *declared, folder string, match func(string) bool) {
	if l.paths == nil {
		l.paths = l.outputPaths()
	}
	prefix := strings.TrimSuffix(folder, "/") + "/"
	if folder == "." {
		prefix = ""
	}
	for _, p := range l.paths[sort.SearchStrings(l.paths, prefix):] {
		if !strings.HasPrefix(p, prefix) {
			return
		}
		if owner := l.owners[p]; owner.node != d && match(p) {
			l.addRef(d, owner.ref())
		}
	}
}

func (l *linker) outputPaths() []string {
	paths := []string{}
	for p, c := range l.owners {
		if c.isOutput() {
			paths = append(paths, p)
		}
	}
	sort.Strings(paths)
	return paths
}

// ownerOf returns the step whose output p is, or in whose output folder it lies.
func (l *linker) ownerOf(p string) (claim, bool) {
	for {
		if c, ok := l.owners[p]; ok && c.isOutput() {
			return c, true
		}
		parent := path.Dir(p)
		if parent == p || parent == "." {
			return claim{}, false
		}
		p = parent
	}
}
