package main

import (
	"cmp"
	"math"
	"slices"

	calyx "github.com/calyx-build/calyx/plugins/sdk/go"
)

type vocabularyArgs struct {
	Documents []map[string]int `doc:"how often each document has each word"`
	Size      int              `doc:"how many words to choose at most"`
}

// term is a word of the vocabulary. The rarer it is, the more it weighs.
type term struct {
	Word   string  `json:"word"`
	Weight float64 `json:"weight"`
}

// vocabulary chooses the words that most documents have, without those that are in more than half of them.
func vocabulary(call *calyx.Call, a vocabularyArgs) ([]term, error) {
	documents := map[string]int{}
	for _, counts := range a.Documents {
		for word := range counts {
			documents[word]++
		}
	}
	var words []string
	for word, n := range documents {
		if 2 <= n && n <= len(a.Documents)/2 {
			words = append(words, word)
		}
	}
	slices.SortFunc(words, func(x, y string) int {
		return cmp.Or(cmp.Compare(documents[y], documents[x]), cmp.Compare(x, y))
	})
	words = words[:min(len(words), a.Size)]
	terms := make([]term, len(words))
	for i, word := range words {
		terms[i] = term{word, math.Log(float64(len(a.Documents)) / float64(documents[word]))}
	}
	call.Logf("%d of %d words chosen", len(terms), len(documents))
	return terms, nil
}
