package executor

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
)

// word is one argument of a command. A value that has no path in the workspace is written to a file when the command
// starts; its word is then the file's path.
type word struct {
	value  trace.Value // Media is not empty: to be written to a file
	inline []byte      // the file's content, where it is in no blob
	name   string      // the file's name
}

// renderer turns the expressions of one step into words.
type renderer struct {
	n     *node
	node  func(name string) *node
	files []word // values to be written to files, where their path is not known yet
	place func(w word) string
}

// command renders the step's words. For a shell step it is the shell with its line.
func (r *renderer) command() ([]string, error) {
	s := r.n.decl().Step
	if s.Shell != nil {
		line, err := r.text(s.Shell, graph.Quote)
		if err != nil {
			return nil, err
		}
		return append(append([]string{}, s.Wrap...), "/bin/sh", "-eu", "-c", line, "sh"), nil
	}
	argv := append([]string{}, s.Wrap...)
	for i := range s.Cmd {
		words, err := r.words(&s.Cmd[i])
		if err != nil {
			return nil, err
		}
		argv = append(argv, words...)
	}
	return argv, nil
}

// words renders one element of a command line, which may be several words or none.
func (r *renderer) words(e *graph.Expr) ([]string, error) {
	switch e.Kind {
	case graph.Constant:
		return r.constant(e.Value.V)
	case graph.OutputPath:
		return []string{operand(e.Text)}, nil
	case graph.OutputList:
		return r.outputs(), nil
	case graph.Reference:
		return r.reference(e.Ref)
	case graph.Concat:
		text, err := r.text(e, nil)
		return []string{text}, err
	case graph.ListOf:
		var all []string
		for i := range e.Items {
			words, err := r.words(&e.Items[i])
			if err != nil {
				return nil, err
			}
			all = append(all, words...)
		}
		return all, nil
	default:
		return r.dictionary(e)
	}
}

// constant renders a plain value: a list of scalars is a word each, a dictionary or another list a file.
func (r *renderer) constant(v any) ([]string, error) {
	if text, ok := graph.Word(v); ok {
		return []string{text}, nil
	}
	text, err := graph.JSON(v)
	if err != nil {
		return nil, err
	}
	if words, ok, err := scalarWords(text); ok || err != nil {
		return words, err
	}
	return r.file(text), nil
}

// dictionary renders a dictionary that refers to nodes as a file; they must be plain values.
func (r *renderer) dictionary(e *graph.Expr) ([]string, error) {
	text, err := r.json(e)
	if err != nil {
		return nil, err
	}
	return r.file(text), nil
}

func (r *renderer) file(text []byte) []string {
	w := word{value: jsonValue(text), inline: text, name: fmt.Sprintf("value-%d.json", len(r.files))}
	r.files = append(r.files, w)
	if r.place != nil {
		return []string{r.place(w)}
	}
	return []string{"\x00" + w.value.Digest.String()}
}

// json writes an expression of plain values.
func (r *renderer) json(e *graph.Expr) ([]byte, error) {
	switch e.Kind {
	case graph.Constant:
		return graph.JSON(e.Value.V)
	case graph.Reference:
		d := r.node(e.Ref.Node)
		if text := d.loadInline(); text != nil {
			return text, nil
		}
		return nil, fmt.Errorf("node %q: only plain values can stand in a dictionary", d.name)
	case graph.Concat:
		text, err := r.text(e, nil)
		if err != nil {
			return nil, err
		}
		return graph.JSON(text)
	case graph.ListOf, graph.DictOf:
		return r.jsonItems(e)
	}
	return nil, errors.New("an output's path cannot stand in a dictionary")
}

func (r *renderer) jsonItems(e *graph.Expr) ([]byte, error) {
	ends := map[graph.ExprKind]string{graph.ListOf: "[]", graph.DictOf: "{}"}[e.Kind]
	text := []byte{ends[0]}
	for i := range e.Items {
		if i > 0 {
			text = append(text, ',')
		}
		if e.Kind == graph.DictOf {
			key, err := graph.JSON(e.Keys[i])
			if err != nil {
				return nil, err
			}
			text = append(append(text, key...), ':')
		}
		item, err := r.json(&e.Items[i])
		if err != nil {
			return nil, err
		}
		text = append(text, item...)
	}
	return append(text, ends[1]), nil
}

// text renders a Concat. quote, where it is given, is applied to every word that stands for a node or an output.
func (r *renderer) text(e *graph.Expr, quote func(string) string) (string, error) {
	var b strings.Builder
	items := e.Items
	if e.Kind != graph.Concat {
		items = []graph.Expr{*e}
	}
	for i := range items {
		words, err := r.words(&items[i])
		if err != nil {
			return "", err
		}
		if quote != nil && items[i].Kind != graph.Constant {
			for j := range words {
				words[j] = quote(words[j])
			}
		}
		b.WriteString(strings.Join(words, " "))
	}
	return b.String(), nil
}

// operand writes a path of the workspace so that no program takes it for an option.
func operand(path string) string {
	if strings.HasPrefix(path, "-") {
		return "./" + path
	}
	return path
}

func operands(paths []string) []string {
	all := make([]string, len(paths))
	for i, p := range paths {
		all[i] = operand(p)
	}
	return all
}

func (r *renderer) outputs() []string {
	var paths []string
	for _, o := range r.n.decl().Step.Outs {
		paths = append(paths, operand(o.Path))
	}
	return paths
}

// reference renders what a command gets for a node (design: "What a command gets for a node").
func (r *renderer) reference(ref graph.Ref) ([]string, error) {
	d := r.node(ref.Node)
	words, err := r.nodeWords(d, ref.Output)
	if err != nil {
		return nil, fmt.Errorf("node %q: %w", d.name, err)
	}
	return words, nil
}

func (r *renderer) nodeWords(d *node, output string) ([]string, error) {
	switch {
	case d.isList():
		var all []string
		for _, item := range d.deps {
			words, err := r.nodeWords(item, "")
			if err != nil {
				return nil, err
			}
			all = append(all, words...)
		}
		return all, nil
	case d.isStored() && d.decl().Stored.Glob != "":
		return operands(d.leaves[0].paths()), nil
	case d.isStored() && d.decl().Stored.Path != "":
		return []string{operand(d.decl().Stored.Path)}, nil
	case len(d.outs()) > 0:
		return outputWord(d, output)
	default:
		return r.valueWords(d)
	}
}

func outputWord(d *node, output string) ([]string, error) {
	outs := d.outs()
	if output == "" && len(outs) == 1 {
		return []string{operand(outs[0].Path)}, nil
	}
	for _, o := range outs {
		if o.Name == output || o.Path == output {
			return []string{operand(o.Path)}, nil
		}
	}
	return nil, errors.New("it has several outputs, and none is named")
}

// valueWords renders a value that has no path: scalars as text, all else as a file to be written.
func (r *renderer) valueWords(d *node) ([]string, error) {
	if text := d.loadInline(); d.value.Media == trace.MediaJSON && text != nil {
		words, ok, err := scalarWords(text)
		if err != nil || ok {
			return words, err
		}
	}
	if d.value.Media == trace.MediaNone {
		return nil, errors.New("it has no value to put into a command")
	}
	w := word{value: d.value, inline: d.loadInline(), name: fileName(d)}
	r.files = append(r.files, w)
	if r.place != nil {
		return []string{r.place(w)}, nil
	}
	return []string{"\x00" + d.value.Digest.String()}, nil
}

var extensions = map[string]string{
	trace.MediaJSON: ".json", trace.MediaNpy: ".npy", trace.MediaText: ".txt",
	"application/vnd.safetensors": ".safetensors", "application/vnd.apache.arrow.file": ".arrow", "application/vnd.apache.parquet": ".parquet",
}

func fileName(d *node) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(`/()"=, `, c) {
			return '_'
		}
		return c
	}, d.name) + extensions[d.value.Media]
}

// scalarWords renders a JSON scalar, or a list of scalars; ok is false for all else.
func scalarWords(text []byte) (words []string, ok bool, err error) {
	switch text[0] {
	case '{':
		return nil, false, nil
	case '[':
		var items []json.RawMessage
		if err := json.Unmarshal(text, &items); err != nil {
			return nil, false, err
		}
		for _, item := range items {
			if item[0] == '[' || item[0] == '{' {
				return nil, false, nil
			}
			one, _, err := scalarWords(item)
			if err != nil {
				return nil, false, err
			}
			words = append(words, one...)
		}
		return words, true, nil
	case '"':
		s, err := graph.UnquoteJSON(text)
		return []string{s}, true, err
	case 'n':
		return nil, true, errors.New("its value is None, which is no word of a command")
	default:
		return []string{string(text)}, true, nil
	}
}

// media guesses the media type of a file from its name.
func media(name string) string {
	ext := strings.ToLower(path.Ext(name))
	for m, e := range extensions {
		if e == ext {
			return m
		}
	}
	return trace.MediaBinary
}
