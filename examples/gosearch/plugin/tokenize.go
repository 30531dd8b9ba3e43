package main

import (
	"os"
	"unicode/utf8"

	calyx "github.com/calyx-build/calyx/plugins/sdk/go"
)

// The lengths of words that count, in bytes: shorter ones tell little, longer ones are encoded data.
const (
	shortest = 3
	longest  = 24
)

type tokenizeArgs struct {
	Files []calyx.File `doc:"the files of a package"`
	Least int          `default:"2" doc:"rarer words are left out"`
}

// tokenize counts the words of files.
func tokenize(call *calyx.Call, a tokenizeArgs) (map[string]int, error) {
	counts := map[string]int{}
	for i, file := range a.Files {
		source, err := os.ReadFile(file.Path)
		if err != nil {
			return nil, err
		}
		if utf8.Valid(source) {
			count(source, counts)
		}
		call.Progress(float64(i+1), float64(len(a.Files)), "files")
	}
	for word, n := range counts {
		if n < a.Least {
			delete(counts, word)
		}
	}
	call.Metric("words", float64(len(counts)), "")
	return counts, nil
}

// count adds the words of a text. A word ends where letters end or, as in "parseHTTPRequest", where a capital follows a
// small letter or begins a capitalised word.
func count(text []byte, counts map[string]int) {
	word := make([]byte, 0, longest+1)
	end := func() {
		if shortest <= len(word) && len(word) <= longest {
			counts[string(word)]++
		}
		word = word[:0]
	}
	for i, c := range text {
		if !isLetter(c) {
			end()
			continue
		}
		if isUpper(c) && i > 0 && (isLower(text[i-1]) || isUpper(text[i-1]) && i+1 < len(text) && isLower(text[i+1])) {
			end()
		}
		if len(word) <= longest {
			word = append(word, c|0x20)
		}
	}
	end()
}

func isLetter(c byte) bool { return isLower(c) || isUpper(c) }
func isLower(c byte) bool  { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool  { return 'A' <= c && c <= 'Z' }
