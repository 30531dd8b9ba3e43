package calyxfile_test

import (
	"fmt"
	"math/big"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// show writes declarations for people to compare: one line for a node and one for each thing said of it.
func show(d *graph.Declarations) string {
	var b strings.Builder
	fmt.Fprintf(&b, "workspace %q %s\n", d.Workspace.Name, d.Workspace.State)
	for _, n := range d.Nodes {
		switch {
		case n.Stored != nil:
			fmt.Fprintf(&b, "stored %s %s %s\n", n.Name, n.Pos, showStored(n.Stored))
		case n.Step != nil:
			fmt.Fprintf(&b, "step %s %s\n%s", n.Name, n.Pos, showStep(n.Step))
		default:
			fmt.Fprintf(&b, "list %s %s %v\n", n.Name, n.Pos, n.List)
		}
	}
	for _, p := range d.Pools {
		fmt.Fprintf(&b, "pool %s %d %s\n", p.Name, p.Size, p.Env)
	}
	for _, p := range d.Plugins {
		fmt.Fprintf(&b, "plugin %s %s sources %v workers %d env %s secrets %v\n",
			p.Name, showAll(p.Cmd), p.Sources, p.Workers, showEnv(p.Env), p.Secrets)
	}
	fmt.Fprintf(&b, "default %v\n", d.Default)
	return b.String()
}

func showStored(s *graph.Stored) string {
	text := fmt.Sprintf("%s%s%s%s %v %v", s.Path, s.Glob, s.Env, s.Params, s.Key, s.Exclude)
	if s.HasDefault {
		text += " = " + graph.SpellLiteral(s.Default.V)
	}
	return text
}

// showStep writes the fields that differ from zero, in the order of the type.
func showStep(s *graph.Step) string {
	var b strings.Builder
	v := reflect.ValueOf(*s)
	for i := range v.NumField() {
		if v.Field(i).IsZero() || v.Field(i).Kind() == reflect.Slice && v.Field(i).Len() == 0 {
			continue
		}
		fmt.Fprintf(&b, "  %s %s\n", strings.ToLower(v.Type().Field(i).Name), showField(v.Field(i).Interface()))
	}
	return b.String()
}

func showField(v any) string {
	switch v := v.(type) {
	case *graph.Call:
		return v.Plugin + "." + v.Function
	case []graph.Expr:
		return showAll(v)
	case *graph.Expr:
		return showExpr(*v)
	case []graph.Arg:
		var all []string
		for _, a := range v {
			all = append(all, a.Name+"="+showExpr(a.Expr))
		}
		return strings.Join(all, " ")
	case []graph.Dep:
		var all []string
		for _, d := range v {
			if d.Ref != nil {
				all = append(all, showRef(*d.Ref))
			} else {
				all = append(all, d.Path)
			}
		}
		return strings.Join(all, " ")
	case []graph.EnvVar:
		return showEnv(v)
	}
	return fmt.Sprint(v)
}

func showEnv(vars []graph.EnvVar) string {
	var all []string
	for _, v := range vars {
		if v.Value == nil {
			all = append(all, v.Name)
		} else {
			all = append(all, v.Name+"="+showExpr(*v.Value))
		}
	}
	return "[" + strings.Join(all, " ") + "]"
}

func showRef(r graph.Ref) string {
	if r.Output == "" {
		return "<" + r.Node + ">"
	}
	return "<" + r.Node + ":" + r.Output + ">"
}

func showAll(list []graph.Expr) string {
	var all []string
	for _, x := range list {
		all = append(all, showExpr(x))
	}
	return strings.Join(all, " ")
}

func showExpr(x graph.Expr) string {
	switch x.Kind {
	case graph.Constant:
		return graph.SpellLiteral(x.Value.V)
	case graph.Reference:
		return showRef(x.Ref)
	case graph.OutputPath:
		return "out(" + x.Text + ")"
	case graph.OutputList:
		return "outs()"
	case graph.Concat:
		return "concat(" + showAll(x.Items) + ")"
	case graph.ListOf:
		return "[" + showAll(x.Items) + "]"
	}
	var all []string
	for i, k := range x.Keys {
		all = append(all, k+": "+showExpr(x.Items[i]))
	}
	return "{" + strings.Join(all, ", ") + "}"
}

// TestPageTwo evaluates the language's first example, but for what this version refuses.
func TestPageTwo(t *testing.T) {
	text, err := os.ReadFile("testdata/reviews.calyxfile")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/reviews.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got := show(fixture().must(t, string(text))); got != string(want) {
		t.Errorf("declared:\n%s\nwant:\n%s", got, want)
	}
}

// TestSteps shows what single declarations become: the text of a step and what is shown of the last node.
func TestSteps(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"values": {
			`r = stored("r", path = "r")
py = plugin("py", cmd = ["p"])
step("s", run = py.f, args = dict(z = 1 << 70, a = [1, 1.0, "1", True, None], n = {"b": r, "a": (1,)}, d = {"b": 1, "a": b"x"}, l = [r, "x"], t = "v%s" % r))`,
			`  call py.f
  args a=[1,1.0,"1",True,None] d={"b":1,"a":b"x"} l=[<r> "x"] n={b: <r>, a: [1]} t=concat("v" <r>) z=1180591620717411303424
`,
		},
		"words of a command": {
			`r = stored("r", path = "r")
step("m", sh = "x > {out}", outs = ["out/m"])
step("s", cmd = ["python3", "train.py", "--data=data/x.csv", "-v", "/etc/hosts", "/ws/in/ws.txt", "../up", "a=b", 3, 0.50, True, "x%sy" % r, "out/m", "./out/m/part", ".", ".calyx/x"])`,
			`  cmd "python3" "train.py" "--data=data/x.csv" "-v" "/etc/hosts" "/ws/in/ws.txt" "../up" "a=b" "3" "0.5" "true" concat("x" <r> "y") "out/m" "./out/m/part" "." ".calyx/x"
  deps <m>
  words [train.py data/x.csv in/ws.txt b a=b 3 0.5 true]
`,
		},
		"program in the workspace": {
			`step("tool", sh = "x > {out}", outs = ["bin/tool"])
step("s", cmd = ["./bin/tool", "x"], wrap = ["nice", "./wrap.sh"])`,
			`  cmd "./bin/tool" "x"
  deps <tool>
  words [wrap.sh x]
  wrap [nice ./wrap.sh]
`,
		},
		"several outputs": {
			`two = step("two", cmd = ["x", out("m.bin"), outdir("logs")], stdout = "two.txt", outs = dict(extra = "e//x"))
step("s", cmd = ["cat", "m.bin", "logs/a.txt", two["two.txt"], two["extra"]], deps = ["e/x"])`,
			`  cmd "cat" "m.bin" "logs/a.txt" <two:two.txt> <two:extra>
  deps <two:extra> <two:m.bin> <two:logs>
`,
		},
		"outputs": {
			`step("s", cmd = ["x", out("./a"), "--log=%s" % outdir("logs/")], outs = dict(b = "b/"), stdout = "c")`,
			`  cmd "x" out(a) concat("--log=" out(logs))
  outs [{./a a false} {logs/ logs true} {b b true} {c c false}]
  stdout c
`,
		},
		"deps": {
			`step("a", sh = "x > {out}", outs = ["gen/a.txt"])
step("b", sh = "x > {out}", outs = ["gen/b.md"])
step("c", sh = "x", outs = ["gen2/"])
step("s", sh = "y", deps = ["gen/", "g*/*.txt", "./src/x.c", "gen2/deep/file", "docs/{a,b}/**", "/etc/hosts"], outs = ["gen/own.txt"])`,
			`  shell concat("y")
  outs [{gen/own.txt gen/own.txt false}]
  deps gen/ <a> <b> g*/*.txt src/x.c <c> docs/{a,b}/** /etc/hosts
`,
		},
		"matrix": {
			`step("s", cmd = ["x", "--lr={lr}", "${lr}", "{other}", out("o/{name}.json"), "d/{name}.txt"], env = {"LR": "{lr}"}, resume = "ck/{name}", deps = ["in/{name}/"],
    matrix = dict(name = ["a b"], lr = [0.5]))`,
			`  cmd "x" "--lr=0.5" "${lr}" "{other}" out(o/a b.json) "d/a b.txt"
  outs [{o/a b.json o/a b.json false}]
  deps in/a b/
  words [0.5 ${lr} {other} d/a b.txt]
  env [LR="0.5"]
  resume ck/a b
  matrix name="a b" lr=0.5
`,
		},
		"matrix of a function": {
			`py = plugin("py", cmd = ["p"])
step("s", run = py.f, args = dict(typed = "{n}", text = "n={n}", deep = [{"k": "{n}"}]), matrix = dict(n = [3]))`,
			`  call py.f
  args deep=[{"k":"3"}] n=3 text="n=3" typed=3
  matrix n=3
`,
		},
		"everything": {
			`gpu = pool("gpu", 2)
step("s", sh = "x", pool = gpu, mem = "1.5GiB", timeout = "90s", retries = 3, ttl = "1.5d", env = ["B", "A"], secrets = ["T"], resume = "r/", cache = False, portable = True, local = True, platform = {"os": "linux"}, doc = "d", after = ["s2"])
step("s2")
step("s3", sh = "x", mem = 5, pool = "gpu", env = {"Z": 0.1, "A": "%s" % stored("v", value = 1)})`,
			`  shell concat("x")
  pool gpu
  mem 5
  env [A=concat(<v>) Z="0.1"]
`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := fixture().must(t, c.text)
			if got := showStep(lastStep(d)); got != c.want {
				t.Errorf("declared:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

func lastStep(d *graph.Declarations) *graph.Step {
	for i := len(d.Nodes) - 1; i >= 0; i-- {
		if d.Nodes[i].Step != nil {
			return d.Nodes[i].Step
		}
	}
	return &graph.Step{}
}

func TestWorkspaceDefaults(t *testing.T) {
	d := fixture().must(t, `
step("before", sh = "x", env = {"A": 1}, secrets = ["S"])
workspace(name = "w", state = "json:state/s.json", env = ["A", "B"], secrets = ["S", "T"], wrap = ["nice"])
step("after", cmd = ["x"], wrap = [])
py = plugin("py", cmd = ["p"])
step("run", run = py.f)
step("order")
`)
	got := show(d)
	for _, want := range []string{
		"workspace \"w\" json:state/s.json\n",
		"  env [A=\"1\" B]\n  secrets [S T]\n  wrap [nice]\nstep after",
		"  env [A B]\n  secrets [S T]\nstep run Calyxfile:6:1\n  call py.f\nstep order Calyxfile:7:1\npl",
		"plugin py \"p\" sources [] workers 0 env [A B] secrets [S T]\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

func TestPluginBuiltByAStep(t *testing.T) {
	d := fixture().must(t, `
step("build", cmd = ["go", "build", "-o", out("bin/p"), "./p"])
py = plugin("py", cmd = ["./bin/p", "bin/other"])
step("run", run = py.f)
`)
	if got, want := showAll(d.Plugins[0].Cmd), `<build> "bin/other"`; got != want {
		t.Errorf("cmd is %s, want %s", got, want)
	}
}

func TestParams(t *testing.T) {
	const toml = "b = 1\na = [1, 2]\nwhen = 2024-01-02\n[s]\nf = 1.0\nt = \"x\"\n"
	const json = `{"b": 123456789012345678901, "s": {"f": 1.0, "list": [{"z": 1, "a": 2}], "empty": {}}, "n": null}`
	const yaml = `
b: 123456789012345678901
base: &base {x: 1, y: 2}
s:
  <<: *base
  y: 3
  hex: 0x10
  dates: [2024-01-02, 2024-01-02T03:04:05Z]
  f: 1e3
  inf: .inf
  text: "123"
  none: ~
  yes: true
`
	for file, c := range map[string]struct{ text, want string }{
		"p.toml": {toml, `a=[1,2] b=1 s.f=1.0 s.t="x" when="2024-01-02"`},
		"p.json": {json, `b=123456789012345678901 s.f=1.0 s.list=[{"z":1,"a":2}] n=None`},
		"p.yml": {yaml, `b=123456789012345678901 base.x=1 base.y=2 s.y=3 s.hex=16 s.dates=["2024-01-02","2024-01-02T03:04:05Z"] ` +
			`s.f=1000.0 s.inf=inf s.text="123" s.none=None s.yes=True s.x=1`},
		"empty.yaml": {"# nothing\n", ""},
	} {
		w := &world{files: map[string]string{file: c.text}}
		var got []string
		for _, n := range w.must(t, fmt.Sprintf("p = params(%q, name = \"q\")", file)).Nodes {
			if n.Stored.Params != file || "q."+strings.Join(n.Stored.Key, ".") != n.Name {
				t.Errorf("%s: %s has the source %s %v", file, n.Name, n.Stored.Params, n.Stored.Key)
			}
			got = append(got, strings.Join(n.Stored.Key, ".")+"="+graph.SpellLiteral(n.Stored.Default.V))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: declared %s, want %s", file, strings.Join(got, " "), c.want)
		}
	}
}

// TestDefaultsKeepTypes checks what `set` will be held to.
func TestDefaultsKeepTypes(t *testing.T) {
	huge := new(big.Int).Lsh(big.NewInt(1), 100)
	for text, want := range map[string]any{
		"1": int64(1), "1.0": 1.0, `"1"`: "1", "True": true, "None": nil, "1 << 100": huge, "-0.1": -0.1,
		`"\U0001F600"`: "\U0001F600", `[1, (2,)]`: []any{int64(1), []any{int64(2)}},
		`{"b": 1, "a": {}}`: hashing.Map{{Key: "b", Value: int64(1)}, {Key: "a", Value: hashing.Map{}}},
		`b"\xff"`:           []byte{0xff},
	} {
		d := fixture().must(t, fmt.Sprintf("stored(\"v\", value = %s)", text))
		if got := d.Nodes[0].Stored.Default.V; !reflect.DeepEqual(got, want) {
			t.Errorf("%s became %#v, want %#v", text, got, want)
		}
	}
}

// TestAnyBytes passes a name that is not UTF-8 through.
func TestAnyBytes(t *testing.T) {
	w := &world{files: map[string]string{"data/\xff.txt": "\xfe"}}
	d := w.must(t, `
f = glob("data/*")[0]
stored("s", path = f)
step("a", cmd = ["cat", f, read_text(f)])
`)
	want := graph.Expr{Value: graph.Literal{V: "data/\xff.txt"}}
	if s := node(t, d, "a").Step; node(t, d, "s").Stored.Path != "data/\xff.txt" || !reflect.DeepEqual(s.Cmd[1], want) || s.Cmd[2].Value.V != "\xfe" {
		t.Errorf("declared:\n%s", show(d))
	}
}

func TestPrint(t *testing.T) {
	w := fixture()
	w.must(t, "lr = stored(\"lr\", value = 1)\nprint(\"lr is\", lr, \"--lr=%s\" % lr, out(\"x\"))")
	if want := "Calyxfile:2:1: lr is {lr} --lr={lr} {x}"; len(w.printed) != 1 || w.printed[0] != want {
		t.Errorf("printed %q, want %q", w.printed, want)
	}
}

// TestSameFileSameGraph evaluates a file twice.
func TestSameFileSameGraph(t *testing.T) {
	text, err := os.ReadFile("testdata/reviews.calyxfile")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := fixture().must(t, string(text)), fixture().must(t, string(text)); !reflect.DeepEqual(a, b) {
		t.Errorf("the same file gave\n%s\nand\n%s", show(a), show(b))
	}
}
