package graph_test

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

func literal(name string, v any) graph.NamedLiteral {
	return graph.NamedLiteral{Name: name, Value: graph.Literal{V: v}}
}

func TestSpell(t *testing.T) {
	huge, _ := new(big.Int).SetString("-123456789012345678901234567890", 10)
	for want, args := range map[string][]graph.NamedLiteral{
		`f`:                          nil,
		`f(x=5)`:                     {literal("x", int64(5))},
		`f(x=5.0)`:                   {literal("x", 5.0)},
		`f(x="5")`:                   {literal("x", "5")},
		`f(x=True)`:                  {literal("x", true)},
		`f(x=None)`:                  {literal("x", nil)},
		`f(a=1,b=False)`:             {literal("b", false), literal("a", int64(1))},
		`f(x=0.001)`:                 {literal("x", 0.001)},
		`f(x=1e-7)`:                  {literal("x", 1e-7)},
		`f(x=1e+21)`:                 {literal("x", 1e21)},
		`f(x=1000000.0)`:             {literal("x", 1e6)},
		`f(x=-0.0)`:                  {literal("x", math.Copysign(0, -1))},
		`f(x=-inf)`:                  {literal("x", math.Inf(-1))},
		`f(x=nan)`:                   {literal("x", math.NaN())},
		`f(x="a\"\\\n\x1b\xffé")`:    {literal("x", "a\"\\\n\x1b\xffé")},
		`f(x=b"\x00")`:               {literal("x", []byte{0})},
		`f(x=[1,[],"a"])`:            {literal("x", []any{int64(1), []any{}, "a"})},
		`f(x={"b":1,"a":{}})`:        {literal("x", hashing.Map{{Key: "b", Value: int64(1)}, {Key: "a", Value: hashing.Map{}}})},
		`f(x=` + huge.String() + `)`: {literal("x", huge)},
	} {
		got := graph.Spell("f", args)
		if got != want {
			t.Errorf("spelled %s, want %s", got, want)
		}
		name, parsed, err := graph.ParseSpelling(got)
		if err != nil || name != "f" || graph.Spell(name, parsed) != got {
			t.Errorf("%s was read as %s %v, %v", got, name, parsed, err)
		}
	}
}

func TestParseSpelling(t *testing.T) {
	for text, want := range map[string]string{
		` f `:                             "",
		`f()`:                             `f`,
		`f( x = 5 , y = "a" , )`:          `f(x=5,y="a")`,
		`f(y=true,x=null)`:                `f(x=None,y=True)`,
		`f(x=.5)`:                         `f(x=0.5)`,
		`f(x=5.)`:                         `f(x=5.0)`,
		`f(x=+5)`:                         `f(x=5)`,
		`f(x=1E3)`:                        `f(x=1000.0)`,
		`f(x=[1,2,],y={"a": 1, })`:        `f(x=[1,2],y={"a":1})`,
		`a.b-c(d.e-f="\u00e9")`:           `a.b-c(d.e-f="é")`,
		`f(x=1,x=2)`:                      "",
		`f(x=1`:                           "",
		`f(x=1))`:                         "",
		`f(x)`:                            "",
		`f(1)`:                            "",
		`f(x=small)`:                      "",
		`f(x='a')`:                        "",
		`f(x=0x10)`:                       "",
		`f(x=1e999)`:                      "",
		`f(x="a)`:                         "",
		`f(x={"a":1,"a":2})`:              "",
		`f(x={a:1})`:                      "",
		`f(,)`:                            "",
		`1f`:                              "",
		``:                                "",
		`f(x=` + strings.Repeat("[", 200): "",
	} {
		name, args, err := graph.ParseSpelling(text)
		if want == "" {
			if !errors.Is(err, graph.ErrSpelling) {
				t.Errorf("%q was read as %s, %v", text, graph.Spell(name, args), err)
			}
		} else if got := graph.Spell(name, args); err != nil || got != want {
			t.Errorf("%q was read as %s, %v; want %s", text, got, err, want)
		}
	}
}

// FuzzParseSpelling: what can be read is spelled one way, which reads as the same.
func FuzzParseSpelling(f *testing.F) {
	for _, text := range []string{`f(x=5,y="a\xff",z=[1.5,{"k":None}])`, `f(x=-1e-300,y=b"\x00")`, "f", `f(x=nan)`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, args, err := graph.ParseSpelling(text)
		if err != nil {
			return
		}
		spelled := graph.Spell(name, args)
		again, argsAgain, err := graph.ParseSpelling(spelled)
		if err != nil || graph.Spell(again, argsAgain) != spelled {
			t.Errorf("%q is spelled %q, which is read as %s %v, %v", text, spelled, again, argsAgain, err)
		}
	})
}

// FuzzSpell: two values are spelled alike only if their canonical encodings are equal.
func FuzzSpell(f *testing.F) {
	for _, v := range []any{int64(1), 1.0, "1", true, []any{1.5, "x"}, hashing.Map{{Key: "a", Value: []byte("b")}}} {
		encoded, err := hashing.Canonical(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		v, err := hashing.Decode(encoded)
		if err != nil || !spellable(v, 0) {
			return
		}
		_, args, err := graph.ParseSpelling(graph.Spell("f", []graph.NamedLiteral{literal("x", v)}))
		if err != nil {
			t.Fatalf("%#v: %v", v, err)
		}
		if again, err := hashing.Canonical(args[0].Value.V); err != nil || !bytes.Equal(again, encoded) {
			t.Errorf("%#v came back as %#v, %v", v, args[0].Value.V, err)
		}
	})
}

// spellable leaves out what a Calyxfile cannot hold: digests, NaN with a payload, and very deep values.
func spellable(v any, depth int) bool {
	switch v := v.(type) {
	case hashing.Digest:
		return false
	case float64:
		return !math.IsNaN(v)
	case []any:
		for _, x := range v {
			if !spellable(x, depth+1) {
				return false
			}
		}
	case hashing.Map:
		for _, p := range v {
			if !spellable(p.Value, depth+1) {
				return false
			}
		}
	}
	return depth < 90
}

func TestParseTarget(t *testing.T) {
	three, last := 3, -1
	for text, want := range map[string]graph.Target{
		"train":                 {Name: "train"},
		"params.a.b-c":          {Name: "params.a.b-c"},
		"out/table.txt":         {Name: "out/table.txt"},
		"./out":                 {Name: "./out"},
		"/abs/x y":              {Name: "/abs/x y"},
		`double(x=5)`:           {Name: "double", Args: []graph.NamedLiteral{literal("x", int64(5))}},
		`double()`:              {Name: "double"},
		"train:metrics.json":    {Name: "train", Output: "metrics.json"},
		"train:a:b":             {Name: "train", Output: "a:b"},
		`train["metrics.json"]`: {Name: "train", Output: "metrics.json"},
		`train["a]\"b"]`:        {Name: "train", Output: `a]"b`},
		`s(lr=0.1)["m.json"]`:   {Name: "s", Args: []graph.NamedLiteral{literal("lr", 0.1)}, Output: "m.json"},
		`s(lr=0.1):m.json`:      {Name: "s", Args: []graph.NamedLiteral{literal("lr", 0.1)}, Output: "m.json"},
		"sweep[3]":              {Name: "sweep", Element: &three},
		"sweep[ 3 ]":            {Name: "sweep", Element: &three},
		"sweep[-1]":             {Name: "sweep", Element: &last},
		"train*":                {Name: "train*", Pattern: true},
		"tr[ab]in":              {Name: "tr[ab]in", Pattern: true},
		"s(lr=0.1,*)":           {Name: "s(lr=0.1,*)", Pattern: true},
		"s(*@-1":                {Name: "s(*", Pattern: true, Run: "-1"},
		"out/**/*.json":         {Name: "out/**/*.json", Pattern: true},
		`s(x="*")`:              {Name: "s", Args: []graph.NamedLiteral{literal("x", "*")}},
		"train@-1":              {Name: "train", Run: "-1"},
		"train:m.json@7f3a":     {Name: "train", Output: "m.json", Run: "7f3a"},
		"sweep[3]@-2":           {Name: "sweep", Element: &three, Run: "-2"},
		"train*@-1":             {Name: "train*", Pattern: true, Run: "-1"},
		"out/a@b.txt":           {Name: "out/a@b.txt"},
		"a@b/c":                 {Name: "a@b/c"},
		"train:":                {Name: "train:"},
		"out/x:y":               {Name: "out/x:y"},
	} {
		got, err := graph.ParseTarget(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q was read as %#v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "f(x=1", "f(1)", `f(x=1)]`, `train["a"`, `train["a"]x`, `f(x=1)[x]`, "f()\x00"} {
		if got, err := graph.ParseTarget(text); !errors.Is(err, graph.ErrSpelling) {
			t.Errorf("%q was read as %#v, %v", text, got, err)
		}
	}
}

// FuzzParseTarget: what can be read is written in a form that reads as the same.
func FuzzParseTarget(f *testing.F) {
	for _, text := range []string{"train", `s(lr=0.1)["m.json"]@-1`, "train:m.json", "sweep[3]@x", "out/**", "a@1@2", "a:b@1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := graph.ParseTarget(text)
		if err != nil {
			return
		}
		again, err := graph.ParseTarget(target.String())
		if err != nil || again.String() != target.String() || again.Output != target.Output || again.Run != target.Run {
			t.Errorf("%q became %q, which is read as %#v, %v", text, target, again, err)
		}
	})
}
