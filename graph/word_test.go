package graph_test

import (
	"math/big"
	"os/exec"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/graph"
)

func TestWord(t *testing.T) {
	for want, v := range map[string]any{
		"a b": "a b", "true": true, "-5": int64(-5), "123456789012345678901": mustBig("123456789012345678901"),
		"0.001": 0.001, "1000000": 1e6, "1": 1.0, "1e-7": 1e-7, "1.5e+300": 1.5e300, "0.000001": 1e-6, "0": 0.0,
	} {
		if got, ok := graph.Word(v); !ok || got != want {
			t.Errorf("%v became %q, %v; want %q", v, got, ok, want)
		}
	}
	for _, v := range []any{nil, []any{}, []byte("x")} {
		if got, ok := graph.Word(v); ok {
			t.Errorf("%v became %q", v, got)
		}
	}
}

func mustBig(digits string) *big.Int {
	n, _ := new(big.Int).SetString(digits, 10)
	return n
}

func TestNumbersReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64().Draw(t, "f")
		word, _ := graph.Word(f)
		if back, err := strconv.ParseFloat(word, 64); err != nil || back != f {
			t.Fatalf("%v became %s, which reads as %v, %v", f, word, back, err)
		}
	})
}

// TestQuote asks the shell.
func TestQuote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.StringMatching(`[^\x00]*`), rapid.StringMatching(`['"$\\ \n*~#=a-]*`)).Draw(t, "word")
		out, err := exec.Command("sh", "-c", "printf %s "+graph.Quote(word)).Output()
		if err != nil || string(out) != word {
			t.Fatalf("%q became %s, which the shell reads as %q, %v", word, graph.Quote(word), out, err)
		}
	})
}
