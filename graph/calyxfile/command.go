package calyxfile

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"

	"github.com/calyx-build/calyx/graph"
)

// command parses cmd: a list of words. found is called with each output in it.
func (e *evaluation) command(v starlark.Value, found func(*output) error) ([]graph.Expr, error) {
	list, ok := sequence(v)
	if !ok {
		return nil, fmt.Errorf("%w; sh takes a line for the shell", want("a list of words", v))
	}
	if list.Len() == 0 {
		return nil, errors.New("the list is empty")
	}
	words := make([]graph.Expr, list.Len())
	for i := range words {
		word, err := e.word(list.Index(i), found)
		if err != nil {
			return nil, fmt.Errorf("word %d: %w", i+1, err)
		}
		words[i] = word
	}
	return words, nil
}

// word parses what becomes one word of a command, or the value of a variable. found, which takes the outputs in it, is
// nil where there can be none.
func (e *evaluation) word(v starlark.Value, found func(*output) error) (graph.Expr, error) {
	switch v := v.(type) {
	case starlark.String:
		return e.wordText(string(v), found)
	case *handle:
		ref := v.ref()
		return graph.Expr{Kind: graph.Reference, Ref: ref}, inCommand(v.node, ref)
	case *output:
		return graph.Expr{Kind: graph.OutputPath, Text: v.Path}, takeOutput(v, found)
	}
	plain, err := scalar(v)
	if err != nil {
		return graph.Expr{}, want("a string, a number or a node", v)
	}
	text, ok := graph.Word(plain)
	if !ok {
		return graph.Expr{}, want("a string, a number or a node", v)
	}
	return constant(text), nil
}

// wordText parses a string into which nodes and outputs may have been formatted.
func (e *evaluation) wordText(s string, found func(*output) error) (graph.Expr, error) {
	if !e.marked(s) {
		return constant(s), nil
	}
	concat := graph.Expr{Kind: graph.Concat}
	err := e.split(s,
		func(text string) { concat.Items = append(concat.Items, constant(text)) },
		func(k *mark) error {
			concat.Items = append(concat.Items, k.expr)
			if k.out != nil {
				return takeOutput(k.out, found)
			}
			return inCommand(k.node, k.expr.Ref)
		})
	return concat, err
}

func takeOutput(o *output, found func(*output) error) error {
	if found == nil {
		return errors.New("an output cannot be named here")
	}
	return found(o)
}

// inCommand checks that a node has one value that a command can be given.
func inCommand(d *declared, ref graph.Ref) error {
	if d.Step == nil || d.bad || ref.Output != "" {
		return nil
	}
	switch outs := d.outputNames(); {
	case len(outs) > 1:
		return fmt.Errorf("%s has several outputs; name one of them, as in %s[%q]", d, d.Name, outs[0])
	case len(outs) == 0 && d.Step.Call == nil:
		return fmt.Errorf("%s has no output to name in a command; deps or after depend on it without naming it", d)
	}
	return nil
}
