// Package enginetest holds the property test of the build loop: random pipelines live through random histories, and after
// each build every output is compared with what a naive evaluator computes from scratch, and every execution with those
// that took place before. The engine, the store and the workspace are the real ones; only what carries tasks out is a
// stand-in, which interprets tiny programs in this process.
package enginetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// pipeline is what a Calyxfile declares, as the naive evaluator sees it.
type pipeline struct {
	sources  []string       // stored files by their paths; each is the node of its base name
	optional []string       // files that no stored node names, and that may be missing
	params   map[string]int // by name, with the declared values
	steps    []*step        // dependencies before dependents
	watched  bool           // commands are watched, and read what they do not declare
}

// step is a command that mixes its inputs, or (script not nil) a function that asks for more as it runs.
type step struct {
	name   string
	salt   int
	modulo uint64 // results are so few that early cutoff happens
	ages   bool   // its result is too old after lifetime
	fails  int    // the remainder by 4 of the sum of the inputs at which it fails; -1: never
	inputs []input
	outs   []string
	script []op
}

// input is a node, one output of it, or a literal word that names a file.
type input struct{ node, output, literal string }

func (s *step) isFunction() bool { return s.script != nil }

// globPattern is what the stored node "glob" matches.
const globPattern = "glob/*.txt"

func (p *pipeline) find(name string) *step {
	for _, s := range p.steps {
		if s.name == name {
			return s
		}
	}
	return nil
}

// owner is the step that owns a path.
func (p *pipeline) owner(path string) *step {
	for _, s := range p.steps {
		for _, o := range s.outs {
			if o == path {
				return s
			}
		}
	}
	return nil
}

// What a command reads without declaring it is a word with one of these before a path.
const (
	looksInto = "see:"  // reads the file
	looksOver = "list:" // lists the folder
)

// newPipeline makes a random one of at most most steps.
func newPipeline(r *rand.Rand, most int) *pipeline {
	p := &pipeline{params: map[string]int{"p0": 1, "p1": 2}, watched: r.IntN(2) == 0}
	for i := range 3 + r.IntN(3) {
		p.sources = append(p.sources, fmt.Sprintf("src/s%d", i))
	}
	for i := range 3 {
		p.optional = append(p.optional, fmt.Sprintf("opt/f%d", i))
	}
	for i := range 2 + r.IntN(most-1) {
		p.steps = append(p.steps, p.newStep(r, i))
	}
	return p
}

func (p *pipeline) newStep(r *rand.Rand, i int) *step {
	s := &step{name: fmt.Sprintf("n%d", i), salt: r.IntN(3), modulo: []uint64{2, 3, 1 << 40}[r.IntN(3)], fails: -1}
	if r.IntN(6) == 0 {
		s.fails = r.IntN(4)
	}
	s.ages = r.IntN(8) == 0
	if twin := p.twin(r); twin != nil {
		twin.name = s.name
		return twin
	}
	function := r.IntN(2) == 0
	for range r.IntN(3) {
		s.inputs = append(s.inputs, p.input(r, function))
	}
	if function {
		s.script = p.script(r, 3)
		if r.IntN(3) == 0 {
			s.outs = []string{fmt.Sprintf("out/n%d.bin", i)}
		}
		return s
	}
	for range r.IntN(3) {
		if p.watched {
			s.inputs = append(s.inputs, input{literal: p.unseen(r)})
		}
	}
	for j := range 1 + r.IntN(2) {
		s.outs = append(s.outs, fmt.Sprintf("out/n%d.%d", i, j))
	}
	return s
}

// unseen is something that a command reads and does not declare.
func (p *pipeline) unseen(r *rand.Rand) string {
	switch r.IntN(4) {
	case 0:
		return looksOver + "glob"
	case 1:
		return looksInto + p.sources[r.IntN(len(p.sources))]
	}
	return looksInto + p.optional[r.IntN(len(p.optional))]
}

// twin is now and then a step that is the same action as an earlier one.
func (p *pipeline) twin(r *rand.Rand) *step {
	if len(p.steps) == 0 || r.IntN(6) > 0 {
		return nil
	}
	twin := *p.steps[r.IntN(len(p.steps))]
	if !twin.isFunction() || len(twin.outs) > 0 {
		return nil
	}
	return &twin
}

// input picks something that is there already. The nearest steps are preferred, so that chains become long.
func (p *pipeline) input(r *rand.Rand, function bool) input {
	switch pick := r.IntN(12); {
	case pick == 0:
		return input{node: "glob"}
	case pick == 1:
		return input{node: []string{"p0", "p1"}[r.IntN(2)]}
	case pick == 2 && !function:
		return input{literal: p.optional[r.IntN(len(p.optional))]}
	case pick < 5 || len(p.steps) == 0:
		return input{node: base(p.sources[r.IntN(len(p.sources))])}
	}
	s := p.near(r)
	if len(s.outs) > 1 {
		return input{node: s.name, output: s.outs[r.IntN(len(s.outs))]}
	}
	return input{node: s.name}
}

func (p *pipeline) near(r *rand.Rand) *step {
	n := len(p.steps)
	return p.steps[n-1-r.IntN(min(n, 1+r.IntN(n)))]
}

func (p *pipeline) script(r *rand.Rand, depth int) []op {
	ops := []op{}
	for range 1 + r.IntN(3) {
		if depth > 1 && r.IntN(4) == 0 {
			ops = append(ops, op{Then: p.script(r, depth-1), Else: p.script(r, depth-1)})
			continue
		}
		var o op
		for range 1 + r.IntN(2)*r.IntN(3) {
			o.Asks = append(o.Asks, p.ask(r))
		}
		o.Beside = r.IntN(2) == 0
		ops = append(ops, o)
	}
	return ops
}

func (p *pipeline) ask(r *rand.Rand) ask {
	switch pick := r.IntN(10); {
	case pick == 0:
		return ask{Kind: "param", Subject: []string{"p0", "p1"}[r.IntN(2)]}
	case pick == 1:
		return ask{Kind: "glob", Subject: globPattern}
	case pick == 2:
		return ask{Kind: "exists", Subject: p.optional[r.IntN(len(p.optional))]}
	case pick == 3:
		return ask{Kind: "file", Subject: p.optional[r.IntN(len(p.optional))]}
	case pick == 4 || len(p.steps) == 0:
		return ask{Kind: "file", Subject: p.sources[r.IntN(len(p.sources))]}
	}
	s := p.near(r)
	switch {
	case len(s.outs) > 0:
		return ask{Kind: "file", Subject: s.outs[r.IntN(len(s.outs))]}
	default:
		return ask{Kind: "node", Subject: s.name, View: []string{"", "item:a", "item:b", "keys", "length"}[r.IntN(5)]}
	}
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// calyxfile is the pipeline's text.
func (p *pipeline) calyxfile() string {
	var b strings.Builder
	b.WriteString("plug = plugin(\"plug\", cmd = [\"bin/prog\"])\n")
	fmt.Fprintf(&b, "glob_ = stored(\"glob\", glob = %q)\n", globPattern)
	for _, name := range []string{"p0", "p1"} {
		fmt.Fprintf(&b, "%s = stored(%q, value = %d)\n", name, name, p.params[name])
	}
	for _, path := range p.sources {
		fmt.Fprintf(&b, "%s = stored(%q, path = %q)\n", base(path), base(path), path)
	}
	for _, s := range p.steps {
		if s.isFunction() {
			s.writeFunction(&b)
		} else {
			s.writeCommand(&b)
		}
	}
	return b.String()
}

func (i input) text() string {
	switch {
	case i.literal != "":
		return fmt.Sprintf("%q", i.literal)
	case i.output != "":
		return fmt.Sprintf("%s[%q]", i.node, i.output)
	case i.node == "glob":
		return "glob_"
	}
	return i.node
}

func (s *step) writeCommand(b *strings.Builder) {
	fmt.Fprintf(b, "%s = step(%q, cmd = [\"bin/prog\", \"%d\", \"%d\", \"%d\"", s.name, s.name, s.salt, s.modulo, s.fails)
	for _, i := range s.inputs {
		b.WriteString(", " + i.text())
	}
	b.WriteString(`, "--"`)
	for _, o := range s.outs {
		fmt.Fprintf(b, ", out(%q)", o)
	}
	b.WriteString("]" + s.ttl() + ")\n")
}

// lifetime is the ttl of steps that have one.
const lifetime = time.Hour

func (s *step) ttl() string {
	if s.ages {
		return ", ttl = \"1h\""
	}
	return ""
}

func (s *step) writeFunction(b *strings.Builder) {
	fmt.Fprintf(b, "%s = step(%q, run = plug.act, args = dict(script = %q", s.name, s.name, s.source())
	for i, in := range s.inputs {
		fmt.Fprintf(b, ", x%d = %s", i, in.text())
	}
	b.WriteString(")")
	if len(s.outs) > 0 {
		fmt.Fprintf(b, ", outs = [%q]", s.outs[0])
	}
	b.WriteString(s.ttl() + ")\n")
}

// source is the text of a function's program, which is one of its arguments.
func (s *step) source() string {
	text, err := json.Marshal(program{Salt: s.salt, Modulo: s.modulo, Fails: s.fails, File: len(s.outs) > 0, Ops: s.script})
	if err != nil {
		panic(err)
	}
	return string(text)
}
