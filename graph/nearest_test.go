package graph_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/graph"
)

func TestNearest(t *testing.T) {
	words := []string{"outs", "args", "after", "timeout", "metrics.json", "naïve"}
	for word, want := range map[string]string{
		"otus":         "outs", // two neighbours exchanged
		"out":          "outs",
		"arg":          "args",
		"argss":        "args",
		"tmeout":       "timeout",
		"timeuot":      "timeout",
		"metrcs.jsn":   "metrics.json",
		"naive":        "naïve", // letters, not bytes
		"after":        "after",
		"completely":   "",
		"":             "",
		"xyz":          "",
		"stdout":       "",
		"metrics.yaml": "metrics.json",
	} {
		if got := graph.Nearest(word, words); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
	if got := graph.Nearest("ab", []string{"ax", "ay"}); got != "ax" {
		t.Errorf("of two equally near ones %q was taken", got)
	}
}

// TestNearestIsNear checks that one mistake anywhere is forgiven, and that order does not decide between distances.
func TestNearestIsNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-z]{3,12}`).Draw(t, "word")
		at := rapid.IntRange(0, len(word)-1).Draw(t, "at")
		typos := []string{word[:at] + word[at+1:], word[:at] + "_" + word[at:], word[:at] + "_" + word[at+1:]}
		typo := rapid.SampledFrom(typos).Draw(t, "typo")
		if got := graph.Nearest(typo, []string{"0123456789", word}); got != word {
			t.Fatalf("nearest to %q is %q, want %q", typo, got, word)
		}
		if got := graph.Nearest(word, []string{typo, word}); got != word {
			t.Fatalf("nearest to %q itself is %q", word, got)
		}
	})
}
