// Package depfile reads the files in which compilers say what they read: rules as make(1) reads them, with targets, a colon
// and prerequisites.
package depfile

import (
	"errors"
	"fmt"
	"strings"
)

// Parse returns the prerequisites of all rules, each once, in order. It understands what GCC, Clang, rustc, protoc and ninja's
// other clients write: escaped spaces, hashes and colons, doubled dollars, lines that go on after a backslash, several
// targets, several rules, comments. A target alone (gcc -MP) is a rule without prerequisites.
func Parse(data []byte) ([]string, error) {
	var all []string
	seen := map[string]bool{}
	for number, line := range lines(string(data)) {
		words, colon := split(line)
		switch {
		case len(words) == 0 && colon < 0:
			continue
		case colon < 0:
			return nil, fmt.Errorf("line %d: %w", number, errNoColon)
		case colon == 0:
			return nil, fmt.Errorf("line %d: %w", number, errNoTarget)
		}
		for _, w := range words[colon:] {
			if !seen[w] {
				seen[w] = true
				all = append(all, w)
			}
		}
	}
	return all, nil
}

var (
	errNoColon  = errors.New("there is no colon after the targets")
	errNoTarget = errors.New("there is no target before the colon")
)

// lines yields the lines with their numbers from 1; one that ends in a backslash goes on in the next.
func lines(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		text := strings.ReplaceAll(text, "\r\n", "\n")
		number, begin := 1, 1
		var joined strings.Builder
		for line := range strings.Lines(text) {
			number++
			line, ended := strings.CutSuffix(line, "\n")
			if ended && continued(line) {
				joined.WriteString(line[:len(line)-1] + " ")
				continue
			}
			joined.WriteString(line)
			if !yield(begin, joined.String()) {
				return
			}
			joined.Reset()
			begin = number
		}
		if joined.Len() > 0 {
			yield(begin, joined.String())
		}
	}
}

// continued reports whether a line ends in a backslash that does not itself follow one.
func continued(line string) bool {
	end := strings.TrimRight(line, `\`)
	return (len(line)-len(end))%2 == 1
}

// split takes a line apart at blanks that are not escaped. colon is how many words come before the first colon, which ends
// the targets; -1: there is none.
func split(line string) (words []string, colon int) {
	colon = -1
	var word []byte
	end := func() {
		if word != nil {
			words = append(words, string(word))
		}
		word = nil
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == ' ' || c == '\t':
			end()
		case c == '#':
			end()
			return words, colon
		case c == ':' && colon < 0:
			end()
			colon = len(words)
		case c == '\\':
			text, taken := escaped(line[i:])
			word = append(word, text...)
			i += taken - 1
		case strings.HasPrefix(line[i:], "$$"):
			word = append(word, '$')
			i++
		default:
			word = append(word, c)
		}
	}
	end()
	return words, colon
}

// escaped reads a run of backslashes, and the character after it where they escape it: before one that means something,
// each two stand for one. It returns what they stand for and how many bytes of text that takes.
func escaped(text string) (meant string, taken int) {
	run := len(text) - len(strings.TrimLeft(text, `\`))
	if run == len(text) || !strings.ContainsRune(" \t#:", rune(text[run])) {
		return text[:run], run
	}
	meant = text[:run/2]
	if run%2 == 0 {
		return meant, run
	}
	return meant + text[run:run+1], run + 1
}
