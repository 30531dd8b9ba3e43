package calyxfile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/calyxfile"
)

// firstError evaluates a Calyxfile and returns the text of its first error.
func firstError(t *testing.T, text string) string {
	t.Helper()
	_, err := fixture().evaluate(text)
	var found calyxfile.Errors
	if !errors.As(err, &found) {
		t.Fatalf("%v is no Errors", err)
	}
	return found[0].Error()
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"size":      {strings.Repeat("x = 1 # fifty megabytes\n", 50<<20/24), `Calyxfile: read "Calyxfile": the file is larger than 32 MiB`},
		"brackets":  {strings.Repeat("(", 1_000_000), "Calyxfile: line 1: expressions are nested more than 5000 deep"},
		"operators": {"x = 1\ny = 1" + strings.Repeat("+1", 1_000_000), "Calyxfile: line 2: expressions are nested more than 5000 deep"},
		"unary":     {"x = " + strings.Repeat("not ", 1_000_000) + "1", "expressions are nested more than 5000 deep"},
		"minus":     {"x = " + strings.Repeat("-", 1_000_000) + "1", "expressions are nested more than 5000 deep"},
		"lambda":    {"x = " + strings.Repeat("lambda:", 1_000_000) + "1", "expressions are nested more than 5000 deep"},
		"calls":     {"x = f" + strings.Repeat("()", 1_000_000), "expressions are nested more than 5000 deep"},
		"elif":      {"if 1:\n  pass\n" + strings.Repeat("elif 1:\n  pass\n", 1_000_000), "1000000 branches of elif are more than 5000"},
		"memory": {"l = []\nfor i in range(10000000):\n    l.append(\"%d\" % i * 1000000)\n",
			"the evaluation was stopped: it took more than 1 GiB of memory"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := firstError(t, c.text); !strings.Contains(got, c.want) {
				t.Errorf("the error is %q, want %q", got, c.want)
			}
		})
	}
}

// TestLongIsNotDeep takes what is large but flat.
func TestLongIsNotDeep(t *testing.T) {
	d := fixture().must(t, "stored(\"a\", value = ["+strings.Repeat("(1 + 1) * 2, ", 100_000)+"])\n"+
		"# "+strings.Repeat("(", 10_000)+"\nx = \""+strings.Repeat("[", 10_000)+"\"\ny = '''"+strings.Repeat("(\n\\'", 10_000)+"'''\n")
	if n := len(d.Nodes[0].Stored.Default.V.([]any)); n != 100_000 {
		t.Errorf("%d elements", n)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	reason := errors.New("the user left")
	w := &cancelling{world: fixture(), cancel: func() { cancel(reason) }}
	w.files["Calyxfile"] = "print(\"go\")\nfor i in range(10000000):\n    for j in range(10000000): pass\n"
	d, err := calyxfile.Evaluate(ctx, calyxfile.Options{Path: "Calyxfile", Root: "/ws", Source: w})
	if d != nil || !errors.Is(err, reason) {
		t.Errorf("a cancelled evaluation returned %v, %v", d, err)
	}
}

// cancelling ends the context when the Calyxfile prints.
type cancelling struct {
	*world
	cancel func()
}

func (c *cancelling) Print(graph.Pos, string) { c.cancel() }

// TestManyErrors bounds the report.
func TestManyErrors(t *testing.T) {
	_, err := fixture().evaluate("for i in range(100000): step(\"n%d\" % i, otus = i)\n")
	var found calyxfile.Errors
	if !errors.As(err, &found) || len(found) != 101 {
		t.Fatalf("%d errors", len(found))
	}
	if last := found[100].Error(); last != "Calyxfile: there are too many errors; what follows was not looked at" {
		t.Errorf("the last is %q", last)
	}
}

// TestErrorsInModules shows files and chains.
func TestErrorsInModules(t *testing.T) {
	for text, want := range map[string]string{
		`load("syntax.star", "x")`:                                        "syntax.star:1:5: got '=', want primary expression",
		`load("many.star", "a")`:                                          "many.star:1:5: undefined: undefined_a\nmany.star:2:5: undefined: undefined_b",
		`load("self.star", "x")`:                                          "self.star:1:1: cannot load self.star: self.star is being loaded already: files load one another in a circle (called from Calyxfile:1:1)",
		"load(\"lib.star\", \"divide\")\n\nx = divide(0)":                 "lib.star:5:14: floored division by zero (called from Calyxfile:3:5)",
		`load("failing.star", "x")`:                                       "lib.star:5:14: floored division by zero (called from failing.star:2:5) (called from Calyxfile:1:1)",
		"load(\"lib.star\", \"make\")\nmake(\"a\", sh = \"x\", otus = 1)": "lib.star:2:12: step \"a\": unknown argument \"otus\" (did you mean \"outs\"?) (called from Calyxfile:2:1)",
	} {
		_, err := fixture().evaluate(text)
		if got := fmt.Sprint(err); got != want {
			t.Errorf("%s\ngave %s\nwant %s", text, got, want)
		}
	}
}

func TestNoCalyxfile(t *testing.T) {
	_, err := calyxfile.Evaluate(context.Background(), calyxfile.Options{Path: "Calyxfile", Root: "/ws", Source: &world{}})
	if got := fmt.Sprint(err); got != `Calyxfile: read "Calyxfile": file does not exist` {
		t.Errorf("the error is %q", got)
	}
}
