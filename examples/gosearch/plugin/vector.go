package main

import (
	"math"
	"path/filepath"

	calyx "github.com/calyx-build/calyx/plugins/sdk/go"
)

type vectorArgs struct {
	Words      map[string]int `doc:"how often the document has each word"`
	Vocabulary []term         `doc:"the words that count, and their weights"`
}

// vector writes the TF-IDF vector of a document, of length 1: (1 + ln tf) · ln(N / df), as in Manning, Raghavan and
// Schütze, Introduction to Information Retrieval, section 6.4.
func vector(call *calyx.Call, a vectorArgs) (calyx.Value, error) {
	v := make([]float32, len(a.Vocabulary))
	var squares float64
	for i, t := range a.Vocabulary {
		if n := a.Words[t.Word]; n > 0 {
			x := (1 + math.Log(float64(n))) * t.Weight
			v[i] = float32(x)
			squares += x * x
		}
	}
	if norm := float32(math.Sqrt(squares)); norm > 0 {
		for i := range v {
			v[i] /= norm
		}
	}
	dir, err := call.Scratch()
	if err != nil {
		return calyx.Value{}, err
	}
	path := filepath.Join(dir, "vector.npy")
	return calyx.FileResult(path, "application/x-npy"), writeNpy(path, v)
}
