package executor

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/still"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// The kinds of the parts of an action key. What a part's difference means is in explain.go; whether its subject counts
// in subjectCounts.
const (
	partVersion  = "version"  // of this encoding
	partPlatform = "platform" // operating system, architecture, platform = {…}
	partCommand  = "command"  // the command's form; references are numbers in it
	partOutputs  = "outputs"
	partInput    = "input" // a node, by the view that it is seen through
	partProgram  = "program"
	partFunction = "function"
	partFile     = "file" // a literal word, or deps
	partEnv      = "env"
	partArgument = "argument"
	partObserver = "observer" // how reads are observed
)

// subjectCounts tells for which parts the subject is part of the key: where the step itself says the name. A node's
// name or where a program was found is not.
func subjectCounts(kind string) bool {
	switch kind {
	case partFile, partEnv, partArgument, partOutputs:
		return true
	}
	return false
}

// longest is the length in bytes up to which a part's text is kept as it is; a longer one counts by its digest.
const longest = 256

// longestParameter is how much of a stored parameter is remembered, in bytes: enough to show what somebody changed in it.
const longestParameter = 4 << 10

func part(kind, subject, text string) trace.Component {
	if len(text) > longest {
		return trace.Component{Kind: kind, Subject: subject, Text: hashing.Sum([]byte(text)).String(), Show: text[:longest] + "…"}
	}
	return trace.Component{Kind: kind, Subject: subject, Text: text}
}

// keyOf digests the parts, in order.
func keyOf(parts []trace.Component) hashing.Digest {
	list := make([]any, 0, 3*len(parts))
	for _, p := range parts {
		subject := ""
		if subjectCounts(p.Kind) {
			subject = p.Subject
		}
		list = append(list, p.Kind, subject, p.Text)
	}
	encoded, err := hashing.Canonical(list)
	if err != nil {
		panic("internal error: encode an action: " + err.Error())
	}
	return hashing.Sum(encoded)
}

// watchVersion tells what is seen of a watched command from what earlier calyxes saw, which neither looked for programs anew where PATH
// changed, nor at what lies among temporary files.
const watchVersion = " 2"

// action pins everything that the step declares. Its inputs are done.
func (l *loop) action(n *node) ([]trace.Component, error) {
	if n.isPlugin() {
		return l.pluginParts(n)
	}
	s := n.decl().Step
	observer := part(partObserver, "", l.e.observer(s))
	if l.e.watches(s) {
		observer.Text, observer.Show = observer.Text+watchVersion, observer.Text
	}
	parts := []trace.Component{part(partVersion, "", trace.KeyVersion), observer}
	if !s.Portable {
		parts = append(parts, part(partPlatform, "", runtime.GOOS+"/"+runtime.GOARCH))
	}
	for _, name := range sortedKeys(s.Platform) {
		parts = append(parts, part(partPlatform, "", name+"="+s.Platform[name]))
	}
	parts = append(parts, outputParts(n)...)
	k := keyer{l: l, n: n, parts: parts}
	if err := k.code(); err != nil {
		return nil, err
	}
	if err := k.env(s.Env, l.e.environ); err != nil {
		return nil, err
	}
	for i := range s.Deps {
		if s.Deps[i].Ref != nil {
			if err := k.dependency(*s.Deps[i].Ref); err != nil {
				return nil, err
			}
		}
	}
	k.files()
	return k.parts, nil
}

func outputParts(n *node) []trace.Component {
	s := n.decl().Step
	var parts []trace.Component
	for _, o := range n.outs() {
		kind := "file"
		if o.Dir {
			kind = "folder"
		}
		parts = append(parts, part(partOutputs, o.Path, o.Name+" "+kind))
	}
	if s.Stdout != "" {
		parts = append(parts, part(partOutputs, s.Stdout, "stdout"))
	}
	return parts
}

// keyer collects the parts of one action.
type keyer struct {
	l     *loop
	n     *node
	parts []trace.Component
	refs  []graph.Ref // seen so far; a reference counts once, as an input, and is a number elsewhere
}

// code adds what runs: the command's form, its programs, or the function.
func (k *keyer) code() error {
	s := k.n.decl().Step
	if s.Call != nil {
		return k.function(s)
	}
	var form, show strings.Builder
	for _, w := range s.Wrap {
		fmt.Fprintf(&form, "wrap %q ", w)
		show.WriteString(w + " ")
	}
	for i := range s.Cmd {
		if err := k.form(&form, &show, &s.Cmd[i]); err != nil {
			return err
		}
		show.WriteByte(' ')
	}
	if s.Shell != nil {
		form.WriteString("sh ")
		if err := k.form(&form, &show, s.Shell); err != nil {
			return err
		}
	}
	c := part(partCommand, "", form.String())
	c.Show = shorten(strings.TrimSpace(show.String()), longest)
	k.parts = append(k.parts, c)
	for _, f := range k.n.leaves {
		if f.kind == leafProgram {
			k.parts = append(k.parts, trace.Component{Kind: partProgram, Subject: f.subject, Text: f.text()})
		}
	}
	return nil
}

// form writes an expression with references as numbers, and for people with their names.
func (k *keyer) form(form, show *strings.Builder, e *graph.Expr) error {
	switch e.Kind {
	case graph.Constant:
		text, err := hashing.Canonical(e.Value.V)
		if err != nil {
			return err
		}
		fmt.Fprintf(form, "%q ", text)
		if s, ok := e.Value.V.(string); ok {
			show.WriteString(s)
		} else if text, err := graph.JSON(e.Value.V); err == nil {
			show.Write(text)
		}
	case graph.Reference:
		at, err := k.reference(e.Ref)
		if err != nil {
			return err
		}
		fmt.Fprintf(form, "node %d ", at)
		show.WriteString("{" + e.Ref.Node + "}")
	case graph.OutputPath:
		fmt.Fprintf(form, "out %q ", e.Text)
		show.WriteString(e.Text)
	case graph.OutputList:
		form.WriteString("outs ")
		show.WriteString("{outs}")
	default:
		fmt.Fprintf(form, "[%d %d %q ", e.Kind, len(e.Items), e.Keys)
		for i := range e.Items {
			if err := k.form(form, show, &e.Items[i]); err != nil {
				return err
			}
		}
		form.WriteString("] ")
	}
	return nil
}

// reference numbers a reference, and adds it as an input where it is new.
func (k *keyer) reference(ref graph.Ref) (int, error) {
	if at := slices.Index(k.refs, ref); at >= 0 {
		return at, nil
	}
	return len(k.refs), k.input(ref)
}

// input adds the view that the action gets of a node.
func (k *keyer) input(ref graph.Ref) error {
	if slices.Contains(k.refs, ref) {
		return nil
	}
	k.refs = append(k.refs, ref)
	d := k.l.named(ref.Node)
	c, err := k.l.seen(d, ref.Output, !k.n.call)
	if err != nil {
		return fmt.Errorf("node %q: %w", ref.Node, err)
	}
	k.parts = append(k.parts, c)
	return nil
}

// dependency adds a node of deps. It need not have words that a command could be given: it may have several outputs or none.
func (k *keyer) dependency(ref graph.Ref) error {
	d := k.l.named(ref.Node)
	if d.dirty == clean && !k.n.call && !slices.Contains(k.refs, ref) {
		if _, err := (&renderer{n: d, node: k.l.named}).nodeWords(d, ref.Output); err != nil && !isMissing(err) {
			k.refs = append(k.refs, ref)
			k.parts = append(k.parts, wordless(d))
			return nil
		}
	}
	return k.input(ref)
}

// wordless is the part that stands for all of a node: its value, and where its outputs are.
func wordless(d *node) trace.Component {
	var text strings.Builder
	for _, item := range flat([]*node{d}) {
		for _, o := range item.outs() {
			text.WriteString(o.Path + "\x00")
		}
	}
	c := part(partInput, d.name, text.String()+d.value.Media+" "+d.value.Digest.String())
	c.Show = d.show(d.value)
	return c
}

// seen is the part that stands for a node as a command (by its words) or a function (by its value) sees it.
func (l *loop) seen(d *node, output string, command bool) (trace.Component, error) {
	c := trace.Component{Kind: partInput, Subject: d.name}
	if output != "" {
		c.Subject += ":" + output
	}
	if d.dirty != clean {
		c.Text = unknownText
		return c, nil
	}
	v, err := l.partOf(d, output)
	if err != nil {
		return c, err
	}
	if d.isStored() {
		c.Tree = d.leafTree()
	}
	if !command {
		c.Text = v.Media + " " + v.Digest.String() + executable(v)
		c.Show = d.show(v)
		return c, nil
	}
	r := renderer{n: d, node: l.named}
	words, err := r.nodeWords(d, output)
	if err != nil {
		return c, err
	}
	text := strings.Join(words, "\x00")
	if d.loadInline() == nil || len(r.files) > 0 {
		text += "\x00 " + v.Digest.String() + executable(v)
	}
	full := part(partInput, c.Subject, text)
	c.Text, c.Show = full.Text, d.show(v)
	return c, nil
}

// executableText marks, behind its digest, a file that may be executed.
const executableText = " x"

func executable(v trace.Value) string {
	if v.Exec {
		return executableText
	}
	return ""
}

// show is how people are shown a value: its text where that is short, else its digest.
func (n *node) show(v trace.Value) string {
	if text := n.loadInline(); text != nil {
		if n.isStored() {
			return shorten(string(text), longestParameter)
		}
		return shorten(string(text), longest)
	}
	if v.Digest.IsZero() {
		return "nothing"
	}
	return v.Digest.String()
}

func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// env adds the counted variables.
func (k *keyer) env(vars []graph.EnvVar, user environ) error {
	for _, v := range vars {
		if v.Value == nil {
			text, set := user.lookup(v.Name)
			c := part(partEnv, v.Name, still.VariableText(text, set))
			c.Show = shownVariable(text, set)
			k.parts = append(k.parts, c)
			continue
		}
		var form, show strings.Builder
		if err := k.form(&form, &show, v.Value); err != nil {
			return err
		}
		c := part(partEnv, v.Name, "given "+form.String())
		c.Show = shorten(show.String(), longest)
		k.parts = append(k.parts, c)
	}
	return nil
}

// shownVariable is how people are shown a variable that counts.
func shownVariable(text string, set bool) string {
	switch {
	case !set:
		return still.VariableText(text, set)
	case text == "":
		return `""`
	}
	return shorten(text, longest)
}

// files adds the files that literal words and deps name.
func (k *keyer) files() {
	for _, f := range k.n.leaves {
		if f.kind != leafProgram {
			k.parts = append(k.parts, trace.Component{Kind: partFile, Subject: f.subject, Text: f.text(), Tree: f.treeDigest()})
		}
	}
}

// function adds a plugin's function, the variables that its process has, and its arguments.
func (k *keyer) function(s *graph.Step) error {
	p := k.l.plugin(s.Call.Plugin)
	if p.dirty != clean {
		k.parts = append(k.parts, trace.Component{Kind: partFunction, Subject: s.Call.Function, Text: unknownText})
		return k.arguments()
	}
	f, err := k.l.function(p, s.Call.Function)
	if err != nil {
		return err
	}
	k.parts = append(k.parts, trace.Component{Kind: partFunction, Subject: s.Call.Function, Text: s.Call.Function + " " + f.code, Show: f.code, Tree: p.value.Digest})
	if err := k.env(k.l.pluginDecl(p).Env, k.l.e.environ); err != nil {
		return err
	}
	return k.arguments()
}

func (k *keyer) arguments() error {
	for _, a := range k.n.arguments() {
		var form, show strings.Builder
		if err := k.form(&form, &show, &a.Expr); err != nil {
			return err
		}
		c := part(partArgument, a.Name, form.String())
		c.Show = shorten(show.String(), longest)
		k.parts = append(k.parts, c)
	}
	return nil
}
