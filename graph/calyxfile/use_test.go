package calyxfile_test

import (
	"strings"
	"testing"

	"github.com/calyx-build/calyx/graph"
)

// offering is a world with a plugin "p" that declares functions and inputs.
func offering() *world {
	lower := graph.Parameter{Name: "lower", Default: graph.Literal{V: true}, HasDefault: true}
	return &world{offers: map[string]*graph.Offer{"p": {
		Functions: []graph.Function{
			{Name: "clean", Doc: "tidies", Parameters: []graph.Parameter{lower}, Options: []graph.NamedLiteral{{Name: "retries", Value: graph.Literal{V: int64(3)}}}},
			{Name: "Base.clean", Parameters: []graph.Parameter{lower}},
			{Name: "answer", Parameters: []graph.Parameter{{Name: "question"}, lower}},
		},
		Stored: []graph.OfferedStored{
			{Name: "lr", Default: graph.Literal{V: 0.5}, HasDefault: true},
			{Name: "raw", Path: "data/raw.csv"},
			{Name: "model", Env: "MODEL", Default: graph.Literal{V: "small"}, HasDefault: true},
		},
	}}}
}

const using = "m = use(plugin(\"p\", cmd = [\"p\"]))\n"

func TestUseDeclares(t *testing.T) {
	d := offering().must(t, using+`
step("x", sh = "echo {a} {b} {c} > {out}", args = dict(a = m.clean(lower = False), b = m.Base.clean(True), c = m.lr), outs = ["x"])
answer = m.answer("why")
default(answer)
`)
	clean := node(t, d, "clean")
	if clean.Step.Retries != 3 || clean.Doc != "tidies" || len(clean.Step.Args) != 1 || clean.Step.Args[0].Expr.Value.V != true {
		t.Errorf("clean is %+v, %+v", clean, clean.Step)
	}
	if loud := node(t, d, "clean(lower=False)"); loud.Step.Args[0].Expr.Value.V != false || loud.Step.Retries != 3 {
		t.Errorf("clean(lower=False) is %+v", loud.Step)
	}
	if open := node(t, d, "answer").Step.Open; len(open) != 1 || open[0] != "question" {
		t.Errorf("answer needs %q", open)
	}
	if args := node(t, d, `answer(question="why")`).Step.Args; len(args) != 2 {
		t.Errorf("answer has the arguments %+v", args)
	}
	if lr := node(t, d, "lr").Stored; lr.Default.V != 0.5 || !lr.HasDefault {
		t.Errorf("lr is %+v", lr)
	}
	if raw := node(t, d, "raw").Stored; raw.Path != "data/raw.csv" {
		t.Errorf("raw is %+v", raw)
	}
	if model := node(t, d, "model").Stored; model.Env != "MODEL" || model.Default.V != "small" {
		t.Errorf("model is %+v", model)
	}
	for _, n := range d.Nodes {
		if n.Name == "Base.clean(lower=True)" {
			t.Error("a default that is spelled out makes another node")
		}
	}
}

// A stored of the Calyxfile is the node, wherever it stands, and every name for it leads to it.
func TestStoredReplacesAnOffer(t *testing.T) {
	const own = "stored(\"lr\", value = 9.0)\n"
	for name, text := range map[string]string{"before": own + using, "after": using + own} {
		t.Run(name, func(t *testing.T) {
			d := offering().must(t, text+`step("x", sh = "echo {lr} > {out}", args = dict(lr = m.lr), outs = ["x"])`)
			if lr := node(t, d, "lr"); lr.Stored.Default.V != 9.0 {
				t.Errorf("lr is %+v", lr.Stored)
			}
			count := 0
			for _, n := range d.Nodes {
				if n.Name == "lr" {
					count++
				}
			}
			if count != 1 {
				t.Errorf("there are %d nodes lr", count)
			}
		})
	}
}

func TestUseErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"use(3)", "Calyxfile:1:1: use: want a plugin, got int"},
		{`use(plugin("q", cmd = ["q"]))`, `Calyxfile:1:1: use: plugin "q" ended with exit status 1 before it was ready`},
		{using + "m.cleen", "has no .cleen field or method (did you mean .clean?)"},
		{using + "m.clean(1, 2)", "Calyxfile:2:8: clean: it takes 1 argument, got 2"},
		{using + "m.clean(lowr = 1)", `clean: it has no parameter "lowr" (did you mean "lower"?)`},
		{using + "m.clean(True, lower = True)", `clean: argument "lower" is there twice`},
		{using + "m.answer()", `answer: it needs an argument for "question"`},
		{using + "m.answer(m.lr)", "a node cannot be part of the name that a call makes"},
		{using + "m.lr()", `stored "lr" takes no arguments`},
		{using + `step("x", cmd = ["x"])()`, `step "x" takes no arguments`},
		{using + "default(m.answer)", `"answer" needs arguments: answer(question = …)`},
		{using + `step("clean", cmd = ["x"])`, `Calyxfile:2:1: step "clean": the name "clean" is taken by step "clean" at Calyxfile:1:5`},
		{using + "workspace(env = [\"X\"])", "workspace: it must come before use()"},
		{`tool = step("tool", sh = "touch {out}", outs = ["bin/p"])` + "\n" + `m = use(plugin("p", cmd = ["bin/p"]))`, `"bin/p" is made by step "tool", and use() has to start the plugin before anything is built`},
	} {
		_, err := offering().evaluate(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n got: %v\nwant: %s", c.text, err, c.want)
		}
	}
}
