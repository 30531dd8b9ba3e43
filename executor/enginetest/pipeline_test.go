// Package enginetest holds the property test of the build loop: random pipelines live through random histories, and after
// each build every output is compared with what a naive evaluator computes from scratch, and every execution with those
// that took place before. The engine, the store and the workspace are the real ones. Commands are carried out by a stand-in,
// which interprets tiny programs in the process that builds; so are functions, or they are Python's, in the real host.
package enginetest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// pipeline is what a Calyxfile declares, as the naive evaluator sees it.
type pipeline struct {
	sources  []string       // stored files by their paths; each is the node of its base name
	optional []string       // files that no stored node names, and that may be missing
	params   map[string]int // by name, with the declared values
	steps    []*step        // dependencies before dependents
	watched  bool           // commands are watched, and read what they do not declare
	python   bool           // functions are Python's
	program  int            // the edition of the program behind commands and functions
}

// code is the part of a program's edition that functions consist of; the rest is a comment to them.
func code(edition int) int { return edition / 2 }

// step is a command that mixes its inputs, or (script not nil) a function that asks for more as it runs.
type step struct {
	name   string
	calls  string // the function, where each has its own: that of an earlier step, or name
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
func newPipeline(r *rand.Rand, most int, python bool) *pipeline {
	p := &pipeline{params: map[string]int{"p0": 1, "p1": 2}, watched: r.IntN(2) == 0, python: python}
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
	name := fmt.Sprintf("n%d", i)
	s := &step{name: name, calls: name, salt: r.IntN(3), modulo: []uint64{2, 3, 1 << 40}[r.IntN(3)], fails: -1}
	if r.IntN(6) == 0 {
		s.fails = r.IntN(4)
	}
	s.ages = r.IntN(8) == 0
	if twin := p.twin(r); twin != nil {
		twin.name = s.name
		return twin
	}
	function := r.IntN(2) == 0 || p.python && r.IntN(2) == 0
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

// features counts what a pipeline has.
func (p *pipeline) features() tally {
	t := tally{}
	var count func(ops []op)
	count = func(ops []op) {
		for _, o := range ops {
			if o.Asks == nil {
				t["a conditional"]++
			}
			t["a dynamic edge"] += len(o.Asks)
			count(o.Then)
			count(o.Else)
		}
	}
	for _, s := range p.steps {
		t["a static edge"] += len(s.inputs)
		count(s.script)
	}
	return t
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
		o.Catches = r.IntN(6) == 0
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
		return ask{Kind: []string{"file", unasked}[r.IntN(2)], Subject: p.sources[r.IntN(len(p.sources))]}
	}
	s := p.near(r)
	switch {
	case len(s.outs) > 0:
		return ask{Kind: "file", Subject: s.outs[r.IntN(len(s.outs))]}
	default:
		return ask{Kind: "node", Subject: s.name, View: []string{"", "item:a", "item:b", "keys", "length"}[r.IntN(5)]}
	}
}

// unasked is the kind of what a function reads without asking.
const unasked = "open"

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
