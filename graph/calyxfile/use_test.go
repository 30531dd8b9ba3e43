package calyxfile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/calyxfile"
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
		Rests: []string{"p.py", "lib/tool.py"},
	}, "odd": {
		Functions: []graph.Function{
			{Name: "a"}, {Name: "a.b"}, {Name: "c.d"}, {Name: "c"},
			{Name: "pooled", Options: []graph.NamedLiteral{{Name: "pool", Value: graph.Literal{V: "gpu"}}, {Name: "secrets", Value: graph.Literal{V: []any{"KEY"}}}}},
		},
	}, "wrong": {
		Functions: []graph.Function{{Name: "f", Options: []graph.NamedLiteral{{Name: "rate", Value: graph.Literal{V: "3/s"}}, {Name: "retries", Value: graph.Literal{V: "x"}}, {Name: "cmd", Value: graph.Literal{V: []any{"x"}}}, {Name: "env", Value: graph.Literal{V: []any{"X"}}}}}},
		Stored:    []graph.OfferedStored{{Name: "s", Path: "../s"}},
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
	if !clean.Step.Whole {
		t.Error("the parameters of clean are not known as a whole")
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

// A replacement without documentation keeps the plugin's, and one that comes after value() read the default comes too late.
func TestReplacementsOfOffers(t *testing.T) {
	w := offering()
	w.offers["p"].Stored[0].Doc = "how fast"
	if lr := node(t, w.must(t, using+`stored("lr", value = 1.0)`), "lr"); lr.Doc != "how fast" {
		t.Errorf("its doc is %q", lr.Doc)
	}
	if lr := node(t, w.must(t, using+`stored("lr", value = 1.0, doc = "mine")`), "lr"); lr.Doc != "mine" {
		t.Errorf("its doc is %q", lr.Doc)
	}
	_, err := w.evaluate(using + "value(m.lr)\nstored(\"lr\", value = 1.0)")
	if want := `Calyxfile:3:1: stored "lr": value() read what the plugin declares at Calyxfile:2:1: declare the replacement before that`; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// A name that is also the beginning of another one means the node; every node is reached by its whole name.
func TestNamesThatBeginOthers(t *testing.T) {
	d := offering().must(t, `
m = use(plugin("odd", cmd = ["p"]))
pool("gpu", 2)
step("x", sh = "echo {a} {b} {c} {d} > {out}", args = dict(a = m.a, b = m["a.b"], c = m.c, d = m["c.d"]), outs = ["x"])
`)
	if got := refsOf(node(t, d, "x")); strings.Join(got, " ") != "a a.b c c.d" {
		t.Errorf("they mean %q", got)
	}
	if p := node(t, d, "pooled").Step; p.Pool != "gpu" || p.Secrets != nil || strings.Join(d.Plugins[0].Secrets, " ") != "KEY" {
		t.Errorf("pooled is %+v, its plugin %+v", p, d.Plugins[0])
	}
}

func refsOf(n *graph.Node) (names []string) {
	for i := range n.Step.Args {
		n.Step.Args[i].Expr.Refs(func(r graph.Ref) { names = append(names, r.Node) })
	}
	return names
}

// What is wrong with a plugin is told apart from what is wrong with the Calyxfile.
func TestPluginsAtFault(t *testing.T) {
	_, err := offering().evaluate(`use(plugin("q", cmd = ["q"]))`)
	var found calyxfile.Errors
	if !errors.As(err, &found) || len(found) != 1 || !found[0].Plugin {
		t.Errorf("got %#v", err)
	}
	if _, err = offering().evaluate(using + "m.cleen"); !errors.As(err, &found) || found[0].Plugin {
		t.Errorf("got %#v", err)
	}
}

func TestUseErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`use(plugin("wrong", cmd = ["q"]))`, `use("wrong"): "f": option "rate" is not supported by this version of calyx`},
		{`use(plugin("wrong", cmd = ["q"]))`, `use("wrong"): "f": retries: want a whole number, got string`},
		{`use(plugin("wrong", cmd = ["q"]))`, `use("wrong"): "f": a function has no option "cmd"`},
		{`use(plugin("wrong", cmd = ["q"]))`, `use("wrong"): "s": path: "../s" leaves the workspace`},
		{`use(plugin("odd", cmd = ["q"]))`, `use("odd"): "pooled": pool: unknown pool "gpu"; pool("gpu", SIZE) declares it`},
		{`lr = stored("lr", value = 1)` + "\n" + `use(plugin("p", cmd = ["p"], env = dict(LR = lr)))`, `Calyxfile:2:1: use: env of plugin "p" holds nodes`},
		{using + `step("gen", sh = "touch {out}", outs = ["lib/"])`, `Calyxfile:1:5: use: "lib/tool.py", which plugin "p" reads or looks for before it describes itself, is made by step "gen" at Calyxfile:2:1`},
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
		{using + `step("x", run = m.clean)`, `Calyxfile:2:11: step "x": run: want a function of a plugin, plugin.function; what use() declares is a node, and takes arguments itself: clean(…)`},
		{using + `step("x", sh = "true", after = ["answer"])`, `step "x": "answer" needs arguments: answer(question = …)`},
		{using + `step("x", sh = "true", deps = [m.answer])`, `step "x": "answer" needs arguments: answer(question = …)`},
		{using + `step("x", sh = "echo {answer}")`, `step "x": "answer" needs arguments: answer(question = …)`},
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

func TestAlone(t *testing.T) {
	w := offering()
	w.offers["q"] = &graph.Offer{Stored: []graph.OfferedStored{{Name: "raw", Path: "another.csv"}}}
	project := w.must(t, `
workspace(state = "json:mine.json")
stored("lr", value = 0.1)
stored("unrelated", value = 1)
pool("gpu", 2)
step("clean", sh = "true")
use(plugin("q", cmd = ["q"]))
`)
	d, err := calyxfile.Alone("live", w.offers["p"], project)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(d.Nodes))
	for i, n := range d.Nodes {
		names[i] = n.Name
	}
	if got := strings.Join(names, " "); got != "lr raw model clean Base.clean answer" {
		t.Errorf("it declares %s", got)
	}
	if lr := node(t, d, "lr").Stored; lr.Default.V != 0.1 || lr.Offered {
		t.Errorf("lr is %+v, and not the project's", lr)
	}
	if raw := node(t, d, "raw").Stored; raw.Path != "data/raw.csv" || !raw.Offered {
		t.Errorf("raw is %+v, and not the program's", raw)
	}
	if call := node(t, d, "clean").Step.Call; call == nil || call.Plugin != "live" || len(d.Plugins) != 1 || d.Plugins[0].Cmd != nil {
		t.Errorf("clean is %+v of %+v, and not the program's", call, d.Plugins)
	}
	if d.Workspace.State != "json:mine.json" || len(d.Pools) != 1 {
		t.Errorf("the settings are %+v, %+v, and not the project's", d.Workspace, d.Pools)
	}
	if _, err := calyxfile.Alone("live", w.offers["odd"], &graph.Declarations{}); err == nil || !strings.Contains(err.Error(), `live: use("live"): "pooled": pool: unknown pool "gpu"`) {
		t.Errorf("a pool that nobody sizes gives %v", err)
	}
}
