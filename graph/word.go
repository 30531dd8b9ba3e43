package graph

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Word returns what a command gets for a plain value: a string verbatim, a number in its shortest form (the one that
// JSON has for it in ECMAScript), true or false. ok is false for every other value: it has no single word.
func Word(v any) (word string, ok bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case *big.Int:
		return v.String(), true
	case float64:
		return shortest(v), true
	}
	return "", false
}

// shortest writes the fewest digits that read back as f: 0.001, 1000000, 1e+21, 1e-7.
func shortest(f float64) string {
	if size := math.Abs(f); size == 0 || size >= 1e-6 && size < 1e21 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	text := strconv.FormatFloat(f, 'e', -1, 64)
	return strings.Replace(text, "e-0", "e-", 1)
}

// Quote writes a word so that a POSIX shell reads it back as that one word. Words of harmless letters stay as they are.
func Quote(word string) string {
	if word != "" && strings.IndexFunc(word, needsQuotes) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func needsQuotes(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !letter && !strings.ContainsRune("_@%+=:,./-", r)
}
