package calyxfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/calyxfile"
	"github.com/calyx-build/calyx/hashing"
)

// FuzzEvaluate holds for any text: declarations that are whole, or Errors with places and messages in one piece.
func FuzzEvaluate(f *testing.F) {
	files, err := filepath.Glob("testdata/*.star")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, "testdata/reviews.calyxfile") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, chunk := range strings.Split(string(text), "---\n") {
			f.Add(chunk)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "000000") {
			t.Skip("loops for long")
		}
		d, err := fixture().evaluate(text)
		if err == nil {
			checkWhole(t, d)
			return
		}
		var found calyxfile.Errors
		if !errors.As(err, &found) || len(found) == 0 {
			t.Fatalf("%v is no Errors", err)
		}
		for _, e := range found {
			if e.Msg == "" || e.Pos.File == "" || strings.Contains(e.Msg, "internal error") {
				t.Errorf("%#v is no message for people", e)
			}
		}
	})
}

// checkWhole checks what Declarations promise.
func checkWhole(t *testing.T, d *graph.Declarations) {
	names := map[string]bool{}
	outputs := map[string]string{}
	for _, n := range d.Nodes {
		if names[n.Name] {
			t.Errorf("%q is there twice", n.Name)
		}
		names[n.Name] = true
		if n.Step == nil {
			continue
		}
		for _, o := range n.Step.Outs {
			if other, ok := outputs[o.Path]; ok {
				t.Errorf("%q is an output of %q and of %q", o.Path, other, n.Name)
			}
			outputs[o.Path] = n.Name
		}
	}
	for _, n := range d.Nodes {
		for _, r := range n.List {
			checkRef(t, names, r)
		}
		if n.Step != nil {
			n.Step.Refs(func(r graph.Ref) { checkRef(t, names, r) })
			checkLiterals(t, n.Step)
		}
	}
	for _, r := range d.Default {
		checkRef(t, names, r)
	}
}

func checkRef(t *testing.T, names map[string]bool, r graph.Ref) {
	if !names[r.Node] {
		t.Errorf("a reference leads to %q, which is not there", r.Node)
	}
}

// checkLiterals finds values that have no encoding, and words of commands with NUL bytes.
func checkLiterals(t *testing.T, s *graph.Step) {
	for _, a := range s.Args {
		if a.Expr.Kind != graph.Constant {
			continue
		}
		if _, err := hashing.Canonical(a.Expr.Value.V); err != nil {
			t.Errorf("argument %q: %v", a.Name, err)
		}
	}
	for _, x := range s.Cmd {
		if word, ok := x.Value.V.(string); ok && strings.Contains(word, "\x00") {
			t.Errorf("the word %q holds a NUL byte", word)
		}
	}
}

// FuzzFormats reads any text as JSON, YAML and TOML.
func FuzzFormats(f *testing.F) {
	for _, text := range []string{`{"a": [1, 2.5, null, "x"]}`, "a: &x [1]\nb: *x\n<<: {c: 0x1f}\n", "a = 1\n[b]\nc = 2024-01-02\n", "a: &a [*a]", "a: !!binary aGk="} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range []string{"json", "yaml", "toml"} {
			w := &world{files: map[string]string{"p." + format: text}}
			d, err := w.evaluate("params(\"p." + format + "\")")
			if err != nil {
				continue
			}
			for _, n := range d.Nodes {
				if _, err := hashing.Canonical(n.Stored.Default.V); err != nil {
					t.Errorf("%s: %s: %v", format, n.Name, err)
				}
			}
		}
	})
}
