package enginetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// naive evaluates a pipeline from scratch.
type naive struct {
	p      *pipeline
	files  map[string]string // the sources, by path
	params map[string]int
	known  map[string]*outcome
	within []*outcome // under way, the innermost last
}

// outcome is what became of a step: its outputs by path or, without any, its value in JSON.
type outcome struct {
	outs  map[string]string
	value string
	err   error
	// tainted tells that it goes on behind a failure, its own or one behind what it used: such a result is kept nowhere.
	tainted bool
}

func newNaive(p *pipeline, files map[string]string, params map[string]int) *naive {
	return &naive{p: p, files: files, params: params, known: map[string]*outcome{}}
}

// step evaluates a step, once.
func (n *naive) step(s *step) *outcome {
	o, ok := n.known[s.name]
	if !ok {
		o = &outcome{outs: map[string]string{}}
		n.known[s.name] = o
		n.within = append(n.within, o)
		n.compute(s, o)
		n.within = n.within[:len(n.within)-1]
	}
	if len(n.within) > 0 && (o.tainted || o.err != nil) {
		n.within[len(n.within)-1].tainted = true
	}
	return o
}

func (n *naive) compute(s *step, o *outcome) {
	args, err := n.inputs(s)
	if err != nil {
		o.err = err
		return
	}
	if s.isFunction() {
		n.function(s, o, args)
		return
	}
	contents, err := mix(fmt.Sprint(s.salt), s.modulo, s.fails, slices.Concat(args...), len(s.outs))
	o.err = err
	for i, c := range contents {
		o.outs[s.outs[i]] = c
	}
}

func (n *naive) function(s *step, o *outcome, args [][]string) {
	flat := make([]string, len(args))
	for i, a := range args {
		flat[i] = strings.Join(a, "\n")
	}
	o.value, o.err = s.program().run(code(n.p.program), flat, n.answer)
	if len(s.outs) > 0 {
		o.outs[s.outs[0]] = o.value
	}
}

// inputs evaluates all declared inputs, also behind one that fails: a build does the same.
func (n *naive) inputs(s *step) ([][]string, error) {
	var all [][]string
	var failed error
	for _, i := range s.inputs {
		words, err := n.input(i)
		failed = errors.Join(failed, err)
		all = append(all, words)
	}
	return all, failed
}

func (n *naive) input(i input) ([]string, error) {
	switch {
	case strings.HasPrefix(i.literal, looksInto):
		if text, ok := n.files[i.literal[len(looksInto):]]; ok {
			return []string{"is " + text}, nil
		}
		return []string{"absent"}, nil
	case strings.HasPrefix(i.literal, looksOver):
		return []string{n.names(i.literal[len(looksOver):])}, nil
	case i.literal != "":
		if text, ok := n.files[i.literal]; ok {
			return []string{text}, nil
		}
		return []string{i.literal}, nil
	case i.node == "glob":
		var contents []string
		for _, p := range n.matches() {
			contents = append(contents, n.files[p])
		}
		return contents, nil
	}
	if v, ok := n.params[i.node]; ok {
		return []string{fmt.Sprint(v)}, nil
	}
	s := n.p.find(i.node)
	if s == nil {
		text, ok := n.files["src/"+i.node]
		if !ok {
			return nil, fmt.Errorf("source %q is missing", i.node)
		}
		return []string{text}, nil
	}
	o := n.step(s)
	switch {
	case o.err != nil:
		return nil, o.err
	case i.output != "":
		return []string{o.outs[i.output]}, nil
	case len(s.outs) == 1:
		return []string{o.outs[s.outs[0]]}, nil
	}
	return []string{o.value}, nil
}

func (n *naive) matches() []string {
	var found []string
	for _, p := range slices.Sorted(maps.Keys(n.files)) {
		if ok, _ := path.Match(globPattern, p); ok {
			found = append(found, p)
		}
	}
	return found
}

// names lists a folder.
func (n *naive) names(dir string) string {
	var names []string
	for _, p := range slices.Sorted(maps.Keys(n.files)) {
		if path.Dir(p) == dir {
			names = append(names, path.Base(p))
		}
	}
	return fmt.Sprint(names)
}

// answer is the evaluator's asker.
func (n *naive) answer(asks []ask, _ bool) ([]string, error) {
	var failed error
	answers := make([]string, len(asks))
	for i, a := range asks {
		var err error
		answers[i], err = n.one(a)
		failed = errors.Join(failed, err)
	}
	return answers, failed
}

func (n *naive) one(a ask) (string, error) {
	switch a.Kind {
	case "param":
		return fmt.Sprint(n.params[a.Subject]), nil
	case "glob":
		text, err := json.Marshal(append([]string{}, n.matches()...))
		return string(text), err
	case "exists":
		_, ok := n.files[a.Subject]
		return fmt.Sprint(ok), nil
	case "file", unasked:
		return n.file(a.Subject)
	}
	o := n.step(n.p.find(a.Subject))
	if o.err != nil {
		return "", o.err
	}
	return viewOf(o.value, a.View)
}

func (n *naive) file(path string) (string, error) {
	if s := n.p.owner(path); s != nil {
		o := n.step(s)
		return o.outs[path], o.err
	}
	text, ok := n.files[path]
	if !ok {
		return "absent", nil
	}
	return "is " + text, nil
}

// viewOf takes a view of the dictionary that a function returned.
func viewOf(value, view string) (string, error) {
	var parsed map[string]json.Number
	if err := json.Unmarshal([]byte(value), &parsed); err != nil {
		return "", err
	}
	switch view {
	case "keys":
		return `["a","b"]`, nil
	case "length":
		return "2", nil
	case "":
		return value, nil
	}
	return string(parsed[strings.TrimPrefix(view, "item:")]), nil
}
