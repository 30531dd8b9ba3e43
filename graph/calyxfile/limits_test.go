package calyxfile_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/calyxfile"
)

// firstError evaluates a Calyxfile and returns the text of its first error.
func firstError(t *testing.T, text string) string {
	t.Helper()
	runtime.GC() // what other tests left would count
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
		"range":     {"l = list(range(1 << 40))", "at most 5000000 are possible"},
		"zip":       {"l = zip(*[range(1000000)] * 1000)", "zip of 1000000000 elements: at most 5000000 are possible"},
		"steps":     {"for i in range(5000000):\n  for j in range(5000000):\n    pass\n", "Calyxfile:2:3: the evaluation does not come to an end: it was stopped after 20 million steps"},
		"append":    {"l = []\nfor i in range(5000000):\n    l.append(\"%d\" % i * 1000000)\n", "the evaluation was stopped: it took more than 80 MiB of memory"},
		"keys":      {"d = {}\nfor i in range(5000000):\n    d[i] = \"x\" * 10000\n", "the evaluation was stopped: it took more than 80 MiB of memory"},
		// The race detector takes so long for each of these copies that the time may be up first.
		"extend": {"l = [1]\nfor i in range(100):\n    l.extend(l)\n", "the evaluation was stopped: "},
		"shifts": {"x = 1\nfor i in range(1000):\n    x = x << 500\n", "Calyxfile:3:11: an integer of more than 65536 bits"},
		"large factors": {"x = 1\nfor i in range(100):\n    x = x << 500\nfor i in range(5000000): x * 7\n",
			"Calyxfile:4:28: the evaluation does not come to an end: it was stopped after operators had copied 1 GiB"},
		"message":      {"fail(\"x\" * 10000000)\n", "xxx…"},
		"lists":        {"l = [1]\nfor i in range(1000):\n    l = l + l\n", "Calyxfile:3:11: a list of more than 2000000 elements"},
		"in place":     {"l = [1]\nfor i in range(1000):\n    l += l\n", "Calyxfile:3:7: a list of more than 2000000 elements"},
		"tuples":       {"l = (1,)\nfor i in range(1000):\n    l += l\n", "Calyxfile:3:7: a list of more than 2000000 elements"},
		"strings":      {"s = \"x\"\nfor i in range(1000):\n    s = s + s\n", "Calyxfile:3:11: a string of more than 16 MiB"},
		"formatted":    {"s = \"x\"\nfor i in range(1000):\n    s = \"%s%s\" % (s, s)\n", "Calyxfile:3:16: a string of more than 16 MiB"},
		"repeated":     {"l = [0] * 1000000\nm = 1000 * l\n", "Calyxfile:2:10: a list of more than 2000000 elements"},
		"repeated far": {"l = \"ab\" * (1 << 100)\n", "a string of more than 16 MiB"},
		"times":        {"l = [0]\nl *= 20000000\n", "Calyxfile:2:3: a list of more than 2000000 elements"},
		"nested":       {"def f(n):\n    return [0] * n\nl = [1] * (2 * len(f(2000000 // 4) * 3) * 3)\n", "Calyxfile:3:9: a list of more than 2000000 elements"},
		"squares":      {"x = 3\nfor i in range(500):\n    x = x * x\n", "Calyxfile:3:11: an integer of more than 65536 bits"},
		"copies": {"s = \"x\" * (1 << 20)\nfor i in range(5000000):\n    t = s + str(i)\n",
			"Calyxfile:3:11: the evaluation does not come to an end: it was stopped after operators had copied 1 GiB"},
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			if got := firstError(t, c.text); !strings.Contains(got, c.want) {
				t.Errorf("the error is %q, want %q", got, c.want)
			}
			// An operation that was stopped goes on for a moment, and what it took is not the next one's.
			for runtime.NumGoroutine() > before {
				runtime.Gosched()
			}
			runtime.GC()
		})
	}
}

// TestOperators makes sure that what bounds the operators changes nothing that they do.
func TestOperators(t *testing.T) {
	d := fixture().must(t, `
l = [1]
k = l
l += [2]
t = (1,)
t += (2,)
n = 3
n *= 4
s = "a"
s *= 3
s += "b"
x = [0]
x[0] += 5
x[0] *= 2
def twice(n):
    n += n
    return n * 2
stored("all", value = [k, list(t), n, s, x[0], twice(1.5), 2 * "x" + "y" * 2, "%d-%s" % (1, "z"), [1] * 0, -1 * 3, (1 + 2) * (3 + 4 * 5)])
`)
	got := fmt.Sprint(d.Nodes[0].Stored.Default.V)
	if want := "[[1 2] [1 2] 12 aaab 10 6 xxyy 1-z [] -3 69]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for text, want := range map[string]string{
		"x = 1\ny = x + \"a\"":          "Calyxfile:2:7: unknown binary op: int + string",
		"y = {} * 2":                    "Calyxfile:1:8: unknown binary op: dict * int",
		"def f():\n    z += \"a\"\nf()": "Calyxfile:2:5: local variable z referenced before assignment",
	} {
		if got := firstError(t, text); got != want {
			t.Errorf("%s\ngave %s, want %s", text, got, want)
		}
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
	w.files["Calyxfile"] = "print(\"go\")\nfor i in range(5000000):\n    for j in range(5000000): pass\n"
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

// TestStuck gives up an operation that goes on after the evaluation was stopped.
func TestStuck(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	reason := errors.New("the user left")
	w := &blocking{world: fixture(), begun: func() { cancel(reason) }, end: make(chan struct{}), ended: make(chan struct{})}
	w.files["Calyxfile"] = "glob(\"**\")\n"
	d, err := calyxfile.Evaluate(ctx, calyxfile.Options{Path: "Calyxfile", Root: "/ws", Source: w})
	if d != nil || !errors.Is(err, reason) {
		t.Errorf("a stuck evaluation returned %v, %v", d, err)
	}
	close(w.end)
	<-w.ended
}

// blocking looks for files until the test lets it end.
type blocking struct {
	*world
	begun      func()
	end, ended chan struct{}
}

func (b *blocking) Glob(string, []string) ([]string, error) {
	b.begun()
	<-b.end
	close(b.ended)
	return nil, nil
}

// TestManyErrors bounds the report: of one place, and of all.
func TestManyErrors(t *testing.T) {
	const tooMany = "Calyxfile: there are too many errors; what follows was not looked at"
	loop := func(n int) string {
		return fmt.Sprintf("for i in range(%d):\n    step(\"n%%d\" %% i, sh = \"x\", otus = i)\n", n)
	}
	told := func(more int) string {
		var b strings.Builder
		for i := range 3 {
			fmt.Fprintf(&b, "Calyxfile:2:31: step \"n%d\": unknown argument \"otus\" (did you mean \"outs\"?)\n", i)
		}
		if more > 0 {
			fmt.Fprintf(&b, "Calyxfile:2:31: … and %d more at this place\n", more)
		}
		return b.String()
	}
	var places, toldPlaces strings.Builder
	for i := range 150 {
		places.WriteString("step()\n")
		if i < 100 {
			fmt.Fprintf(&toldPlaces, "Calyxfile:%d:1: step: it needs a name, a string\n", i+1)
		}
	}
	for text, want := range map[string]string{
		loop(3): told(0),
		loop(4): told(1),
		loop(1000) + "step(\"last\", sh = \"x\", timeuot = \"3s\")\n": told(997) +
			"Calyxfile:3:24: step \"last\": unknown argument \"timeuot\" (did you mean \"timeout\"?)\n",
		loop(100_000):   told(9997) + tooMany + "\n",
		places.String(): toldPlaces.String() + tooMany + "\n",
		// All that is wrong with one call is told.
		"d = dict(a = 1, b = 1, c = 1, e = 1)\n[step(\"n%d\" % i, sh = \"x\", **(d if i != 1 else {})) for i in range(5)]\n": "" +
			fourOf(0) + fourOf(2) + fourOf(3) + "Calyxfile:2:2: … and 4 more at this place\n",
		// A function in another file is as many places as it is called from.
		"load(\"lib.star\", \"make\")\n[make(\"a%d\" % i, otus = 1) for i in range(5)]\nmake(\"b\", otus = 1)\n": "" +
			"lib.star:2:12: step \"a0\": unknown argument \"otus\" (did you mean \"outs\"?) (called from Calyxfile:2:2)\n" +
			"lib.star:2:12: step \"a1\": unknown argument \"otus\" (did you mean \"outs\"?) (called from Calyxfile:2:2)\n" +
			"lib.star:2:12: step \"a2\": unknown argument \"otus\" (did you mean \"outs\"?) (called from Calyxfile:2:2)\n" +
			"lib.star:2:12: … and 2 more at this place (called from Calyxfile:2:2)\n" +
			"lib.star:2:12: step \"b\": unknown argument \"otus\" (did you mean \"outs\"?) (called from Calyxfile:3:1)\n",
	} {
		_, err := fixture().evaluate(text)
		if got := fmt.Sprint(err) + "\n"; got != want {
			t.Errorf("%.60s\ngave %s\nwant %s", text, got, want)
		}
	}
}

// fourOf are the errors of a step with four arguments that there are not.
func fourOf(step int) string {
	var b strings.Builder
	for _, name := range []string{"a", "b", "c", "e"} {
		fmt.Fprintf(&b, "Calyxfile:2:2: step \"n%d\": unknown argument %q\n", step, name)
	}
	return b.String()
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
