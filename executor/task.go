package executor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/workspace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// task says how a node is executed. It runs on a worker. nil: there is nothing to start.
func (l *loop) task(a *attempt) (*Task, error) {
	n := a.n
	t := &Task{Node: n.name, Scratch: a.scratch}
	if n.isPlugin() {
		p, err := l.pluginProcess(n)
		t.Describe = p
		return t, err
	}
	s := n.decl().Step
	t.Timeout, t.Memory = s.Timeout, s.Mem
	t.Secrets = l.e.environ.values(s.Secrets)
	var err error
	switch {
	case s.Call != nil:
		t.Function, err = l.functionTask(a)
		t.Secrets = append(t.Secrets, t.Function.Plugin.Secrets...)
	case len(s.Cmd) > 0 || s.Shell != nil:
		t.Command, err = l.commandTask(a)
	default:
		return nil, nil
	}
	return t, err
}

// commandTask renders a command. Values without a path are written to files in the scratch folder.
func (l *loop) commandTask(a *attempt) (*Command, error) {
	n := a.n
	s := n.decl().Step
	var failed error
	placed := 0
	r := renderer{n: n, node: l.named, place: func(w word) string {
		placed++
		p, err := l.placeValue(a, placed, w)
		failed = errors.Join(failed, err)
		return p
	}}
	argv, err := r.command()
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	if len(argv) == 0 {
		return nil, errors.New("its command has no words")
	}
	c := &Command{Argv: argv, Dir: l.e.cfg.Root}
	if c.Path, err = l.programPath(argv[0]); err != nil {
		return nil, err
	}
	if c.Env, err = l.environmentOf(s.Env, s.Secrets, a.scratch, &r); err != nil {
		return nil, err
	}
	if g := a.grant; g.pool != nil && g.pool.Env != "" {
		c.Env = append(c.Env, fmt.Sprintf("%s=%d", g.pool.Env, g.token))
	}
	if s.Depfile != "" {
		a.depfile, _ = hashing.StatFollow(l.e.abs(s.Depfile)) // the zero Stat where there is none
	}
	if l.e.watches(s) {
		c.Watch = l.e.cfg.Root
		l.indices.hold(l.e.cfg.Root)
	}
	if s.Stdout != "" {
		c.Stdout = l.e.abs(s.Stdout)
	}
	return c, l.makeResume(n)
}

// programPath finds the executable that the first word of a command leads to.
func (l *loop) programPath(name string) (string, error) {
	for _, at := range l.e.candidates(name) {
		if st, err := os.Stat(at); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return at, nil
		}
	}
	if strings.Contains(name, "/") {
		return "", fmt.Errorf("start %q: there is no such program, or it may not be executed", name)
	}
	return "", fmt.Errorf("start %q: no program of that name is in PATH", name)
}

// environmentOf is everything that a command finds in its environment (design: "A step's environment").
func (l *loop) environmentOf(vars []graph.EnvVar, secrets []string, tmp string, r *renderer) ([]string, error) {
	env := map[string]string{"LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "dumb", "TMPDIR": tmp, "PYTHONPYCACHEPREFIX": l.e.bytecode()}
	pass := func(name string) {
		if v, ok := l.e.environ.lookup(name); ok {
			env[name] = v
		}
	}
	for _, name := range []string{"PATH", "HOME", "USER"} {
		pass(name)
	}
	for _, v := range vars {
		if v.Value == nil {
			delete(env, v.Name) // a constant that is named comes from the user, or not at all
			pass(v.Name)
			continue
		}
		text, err := r.text(v.Value, nil)
		if err != nil {
			return nil, fmt.Errorf("variable %q: %w", v.Name, err)
		}
		env[v.Name] = text
	}
	for _, name := range secrets {
		pass(name)
	}
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list, nil
}

// placeValue puts a value where a command can open it: in a folder of its own, as a command may name a value twice, and the
// names of two nodes may give the same file name.
func (l *loop) placeValue(a *attempt, number int, w word) (string, error) {
	ws, err := l.e.workspace()
	if err != nil {
		return "", err
	}
	if a.values == "" {
		if a.values, err = ws.Scratch(); err != nil {
			return "", err
		}
	}
	dir := filepath.Join(a.values, strconv.Itoa(number))
	if err := os.Mkdir(dir, 0o777); err != nil {
		return "", err
	}
	at := filepath.Join(dir, w.name)
	switch {
	case w.inline != nil:
		return at, os.WriteFile(at, w.inline, 0o400)
	case w.value.Media == trace.MediaTree:
		return at, ws.Write(l.ctx, at, w.value)
	}
	blob, err := l.e.store.Open(l.ctx, w.value.Digest)
	if err != nil {
		return "", err
	}
	return at, os.Symlink(blob, at)
}

// functionTask makes a call of a plugin's function.
func (l *loop) functionTask(a *attempt) (*Function, error) {
	n := a.n
	f := &Function{Name: n.decl().Step.Call.Function, Instance: l.e.cfg.Instance, ProjectDir: l.e.cfg.Root, OutDir: filepath.Join(a.scratch, "out")}
	p, err := l.pluginProcess(l.plugin(n.decl().Step.Call.Plugin))
	if err != nil {
		return f, err
	}
	f.Plugin = *p
	for _, arg := range n.arguments() {
		v, err := l.argument(arg.Expr)
		if err != nil {
			return f, fmt.Errorf("argument %q: %w", arg.Name, err)
		}
		f.Args = append(f.Args, Argument{Name: arg.Name, Value: v})
	}
	return f, nil
}

// argument makes the payload of an expression.
func (l *loop) argument(e graph.Expr) (Payload, error) {
	switch e.Kind {
	case graph.Constant:
		if data, ok := e.Value.V.([]byte); ok { // which JSON has not
			return Payload{Value: trace.Value{Media: trace.MediaBinary, Digest: hashing.Sum(data), Size: int64(len(data))}, Inline: data}, nil
		}
		text, err := graph.JSON(e.Value.V)
		return Payload{Value: jsonValue(text), Inline: text}, err
	case graph.Reference:
		d := l.named(e.Ref.Node)
		if e.Ref.Output == "" && d.isStored() && d.decl().Stored.Glob != "" {
			return l.globPayload(d), nil
		}
		v, err := l.partOf(d, e.Ref.Output)
		if err != nil {
			return Payload{}, err
		}
		return l.payload(l.handed(d, v))
	case graph.ListOf:
		p := Payload{Value: trace.Value{Media: trace.MediaList}}
		for _, item := range e.Items {
			one, err := l.argument(item)
			if err != nil {
				return p, err
			}
			p.Items = append(p.Items, one)
		}
		return p, nil
	case graph.DictOf:
		r := renderer{node: l.named}
		text, err := r.json(&e)
		return Payload{Value: jsonValue(text), Inline: text}, err
	case graph.Concat:
		r := renderer{node: l.named}
		text, err := r.text(&e, nil)
		if err != nil {
			return Payload{}, err
		}
		encoded, err := graph.JSON(text)
		return Payload{Value: jsonValue(encoded), Inline: encoded}, err
	}
	return Payload{}, errors.New("an output's path is no argument of a function")
}

// globPayload hands over the files that a stored pattern matched, by their paths.
func (l *loop) globPayload(d *node) Payload {
	p := Payload{Value: trace.Value{Media: trace.MediaList}, Items: []Payload{}}
	for _, e := range d.leaves[0].tree {
		p.Items = append(p.Items, Payload{Value: entryValue(e), Path: l.e.abs(d.leaves[0].pathOf(e.Path)), Name: path.Base(e.Path)})
	}
	return p
}

// inlineLimit is the size in bytes up to which a value travels inside a message.
const inlineLimit = 64 << 10

// payload makes what is handed over of a view: bytes where they are few, else a read-only file; a file of the workspace
// also by its path.
func (l *loop) payload(v view) (Payload, error) {
	p := Payload{Value: v.value, Path: v.path, Inline: v.inline, Name: v.name}
	if v.value.Media == trace.MediaList && v.items == nil {
		var err error
		if v.items, err = l.e.items(l.ctx, v.value); err != nil {
			return p, err
		}
		p.Items = []Payload{} // also where there are none
	}
	for _, item := range v.items {
		one, err := l.payload(view{value: item})
		if err != nil {
			return p, err
		}
		p.Items = append(p.Items, one)
	}
	switch {
	case p.Items != nil, v.inline != nil, v.value.Media == trace.MediaNone && v.value.Digest.IsZero(), v.path != "":
		return p, nil
	case v.value.Media == trace.MediaTree:
		return l.treePayload(p)
	case v.value.Size > inlineLimit:
		var err error
		p.Path, err = l.e.store.Open(l.ctx, v.value.Digest)
		return p, err
	}
	var err error
	p.Inline, err = l.e.content(l.ctx, v.value)
	return p, err
}

// treePayload puts a folder that has no path in the workspace where a function can read it, once in a build.
func (l *loop) treePayload(p Payload) (Payload, error) {
	ws, err := l.e.workspace()
	if err != nil {
		return p, err
	}
	p.Path, err = ws.Shared(l.ctx, p.Value)
	return p, err
}

// workspacePath is where a value of a node stands in the workspace; empty: nowhere.
func (l *loop) workspacePath(n *node, v trace.Value) string {
	if n == nil {
		return ""
	}
	if n.isStored() && n.decl().Stored.Path != "" {
		return l.e.abs(strings.TrimSuffix(n.decl().Stored.Path, "/"))
	}
	if outs := n.outs(); len(outs) == 1 && v == n.value {
		return l.e.abs(outs[0].Path)
	}
	for _, o := range n.outs() {
		if part, err := l.outputValue(n, o.Name); err == nil && part == v {
			return l.e.abs(o.Path)
		}
	}
	return ""
}

// inlineOf is the JSON text of a node's value, where it is known and v is that value.
func (n *node) inlineOf(v trace.Value) []byte {
	if v == n.value {
		return n.loadInline()
	}
	return nil
}

// inputOutputs are the outputs of other steps that n reads in the workspace.
func (l *loop) inputOutputs(n *node) []workspace.Output {
	var all []workspace.Output
	add := func(d *node) { all = append(all, l.outputsOf(d)...) }
	for _, d := range n.deps {
		add(d)
		if d.isList() {
			for _, item := range d.deps {
				add(item)
			}
		}
	}
	return all
}

// outputsOf are the outputs of a node with the values that they should hold: none yet, where it has not been executed.
func (l *loop) outputsOf(n *node) []workspace.Output {
	var all []workspace.Output
	for _, o := range n.outs() {
		out := workspace.Output{Node: n.name, Instance: l.e.cfg.Instance, Path: o.Path, Dir: o.Dir}
		if n.value.Media != "" || n.state == done { // in this order: one that is made again has a value, and workers read it
			if v, err := l.outputValue(n, o.Name); err == nil {
				out.Value = v
			}
		}
		all = append(all, out)
	}
	return all
}

func paths(outs []workspace.Output) []string {
	list := make([]string, len(outs))
	for i, o := range outs {
		list[i] = o.Path
	}
	return list
}

func isMissing(err error) bool { return errors.Is(err, cas.ErrMissing) }

// content reads a value's bytes.
func (e *Engine) content(ctx context.Context, v trace.Value) ([]byte, error) {
	if v.Size == 0 && v.Media != trace.MediaTree {
		return []byte{}, nil
	}
	found, err := e.store.Get(ctx, v.Digest)
	if err != nil {
		return nil, err
	}
	if found[0] == nil {
		return nil, fmt.Errorf("the value %v: %w", v.Digest, cas.ErrMissing)
	}
	return found[0], nil
}
