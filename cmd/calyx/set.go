package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// assignment is one stored value on its way into the state: a text, which the declared type gives its meaning, or a value
// of its own type.
type assignment struct {
	name  string
	text  string
	typed bool
	value any // where typed
}

func newSet(a *app) *cobra.Command {
	var file, text string
	c := newCommand(&cobra.Command{
		Use:   "set NAME VALUE | NAME=VALUE… | NAME --file F | NAME --json TEXT",
		Short: "Change stored values",
		Long: `Change stored values of the instance. Nothing is computed: the next build or get does that. Either all the values are
set or, where one is refused, none.

A VALUE is read as the type that the parameter has. --file takes the value from a file (- is standard input); without a
name, the file is a JSON object of names and values. --json takes lists, dictionaries and null.`,
		Example: `calyx set lr 0.01
calyx set lr=0.01 seed=-1
calyx set prompt --file prompt.txt
calyx set layers --json '[64, 64]'`,
		ValidArgsFunction: a.completeNodes(isParameter, -1),
	})
	c.Flags().StringVar(&file, "file", "", "take the value, or an object of names and values, from the file `F`")
	c.Flags().StringVar(&text, "json", "", "the value as JSON `TEXT`")
	// Their twins would change what every set means.
	_ = c.Flags().SetAnnotation("file", noTwin, nil)
	_ = c.Flags().SetAnnotation("json", noTwin, nil)
	c.RunE = func(c *cobra.Command, args []string) error {
		in := setInput{args: unshield(args), read: a.readNamed}
		if c.Flags().Changed("file") {
			in.file = &file
		}
		if c.Flags().Changed("json") {
			in.json = &unshield([]string{text})[0]
		}
		list, err := in.assignments()
		if err != nil {
			return err
		}
		return a.within(c.Context(), func(ctx context.Context, s *session) error { return a.setValues(ctx, s, list) })
	}
	return c
}

// setInput is what the command line of set says.
type setInput struct {
	args       []string
	file, json *string
	read       func(path string) ([]byte, error)
}

func (in setInput) assignments() ([]assignment, error) {
	switch {
	case in.file != nil && in.json != nil:
		return nil, usage("", "calyx set: --file and --json exclude one another")
	case in.file != nil:
		return in.fromFile()
	case in.json != nil:
		return in.fromJSON()
	case len(in.args) == 2 && !strings.Contains(in.args[0], "="):
		return []assignment{{name: in.args[0], text: in.args[1]}}, nil
	}
	return in.fromWords()
}

// fromWords reads NAME=VALUE….
func (in setInput) fromWords() ([]assignment, error) {
	if len(in.args) == 0 {
		return nil, usage("calyx set NAME VALUE", "calyx set: nothing is named")
	}
	var list []assignment
	for _, word := range in.args {
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return nil, usage("calyx set NAME VALUE, or NAME=VALUE…", "calyx set: %q is no NAME=VALUE", word)
		}
		list = append(list, assignment{name: name, text: value})
	}
	return list, nil
}

// theOne returns the only name that is given.
func (in setInput) theOne(flag string) (string, error) {
	if len(in.args) != 1 || strings.Contains(in.args[0], "=") {
		return "", usage("calyx set NAME "+flag+" …", "calyx set: %s gives the value of one NAME", flag)
	}
	return in.args[0], nil
}

func (in setInput) fromJSON() ([]assignment, error) {
	name, err := in.theOne("--json")
	if err != nil {
		return nil, err
	}
	value, err := graph.ParseJSON([]byte(*in.json))
	if err != nil {
		return nil, usage("", "calyx set: --json %q: %w", *in.json, jsonCause(err))
	}
	return []assignment{{name: name, typed: true, value: value}}, nil
}

// fromFile reads the value of one name, or an object of names and values.
func (in setInput) fromFile() ([]assignment, error) {
	content, err := in.read(*in.file)
	if err != nil {
		return nil, usage("", "calyx set: --file %q: %w", *in.file, causeOf(err))
	}
	if len(in.args) == 0 {
		return objectOf(*in.file, content)
	}
	name, err := in.theOne("--file")
	if err != nil {
		return nil, err
	}
	return []assignment{{name: name, text: withoutLastLineEnd(string(content))}}, nil
}

func objectOf(file string, content []byte) ([]assignment, error) {
	value, err := graph.ParseJSON(content)
	if err != nil {
		return nil, usage("with a NAME, the file is the value itself", "calyx set: --file %q: %w", file, jsonCause(err))
	}
	object, ok := value.(hashing.Map)
	if !ok {
		return nil, usage("with a NAME, the file is the value itself", "calyx set: --file %q: it is no object of names and values", file)
	}
	var list []assignment
	for _, p := range object {
		list = append(list, assignment{name: p.Key, typed: true, value: p.Value})
	}
	return list, nil
}

// withoutLastLineEnd removes the line end that editors put at the end of every file.
func withoutLastLineEnd(text string) string {
	return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
}

func jsonCause(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON ends too early")
	}
	return fmt.Errorf("it is no JSON: %w", err)
}

// readNamed reads a file, or standard input where it is called "-".
func (a *app) readNamed(path string) ([]byte, error) {
	if path == "-" {
		var b bytes.Buffer
		_, err := b.ReadFrom(a.stdin)
		return b.Bytes(), err
	}
	return os.ReadFile(path)
}

// negativeNumber is an argument that looks like a flag and is a value.
var negativeNumber = regexp.MustCompile(`^-\.?[0-9]`)

// shield stands before a negative number while flags are read. No argument of a process holds a NUL.
const shield = "\x00"

// shieldNumbers keeps the negative numbers of `calyx set` from being taken for flags.
func shieldNumbers(root *cobra.Command, args []string) []string {
	c, _, err := root.Find(args)
	if err != nil || c.Name() != "set" {
		return args
	}
	shielded := make([]string, len(args))
	for i, arg := range args {
		if negativeNumber.MatchString(arg) {
			arg = shield + arg
		}
		shielded[i] = arg
	}
	return shielded
}

func unshield(args []string) []string {
	plain := make([]string, len(args))
	for i, arg := range args {
		plain[i] = strings.TrimPrefix(arg, shield)
	}
	return plain
}
