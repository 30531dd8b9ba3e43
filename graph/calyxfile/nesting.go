package calyxfile

import (
	"bytes"
	"fmt"
)

// maxDepth bounds how deep expressions may be nested. Parser, resolver and compiler recurse over them, and Go cannot
// recover from a stack that overflows.
const maxDepth = 5000

// checkNesting refuses a file in which brackets, operators or elifs stand within one another too often. It knows
// strings and comments but no grammar, so it counts every operator of an element of a bracket as one level.
func checkNesting(text []byte) error {
	s := nesting{text: text, levels: []int{0}}
	for s.at < len(text) {
		s.step()
		if s.depth > maxDepth {
			line := 1 + bytes.Count(text[:s.at], []byte("\n"))
			return fmt.Errorf("line %d: expressions are nested more than %d deep", line, maxDepth)
		}
	}
	if n := bytes.Count(text, []byte("elif")); n > maxDepth {
		return fmt.Errorf("%d branches of elif are more than %d", n, maxDepth)
	}
	return nil
}

// nesting is a scan over a file.
type nesting struct {
	text   []byte
	at     int
	levels []int // operators seen in the current element of each open bracket
	depth  int   // the sum of levels
}

// step looks at one character, string, comment or word.
func (s *nesting) step() {
	c := s.text[s.at]
	s.at++
	switch {
	case c == '\n':
		if len(s.levels) == 1 {
			s.reset()
		}
	case c == '\'' || c == '"':
		s.skipString(c)
	case c == '#':
		s.skipTo('\n')
	case c == '(' || c == '[' || c == '{':
		s.count()
		s.levels = append(s.levels, 0)
	case c == ')' || c == ']' || c == '}':
		s.closeBracket()
	case c == ',' || c == ';':
		s.reset()
	case bytes.IndexByte([]byte("+-*/%~<>=!|&^.:"), c) >= 0:
		s.count()
	case isLetter(c):
		s.word()
	}
}

func (s *nesting) count() {
	s.levels[len(s.levels)-1]++
	s.depth++
}

func (s *nesting) reset() {
	top := &s.levels[len(s.levels)-1]
	s.depth -= *top
	*top = 0
}

func (s *nesting) closeBracket() {
	if len(s.levels) > 1 {
		s.reset()
		s.levels = s.levels[:len(s.levels)-1]
	}
}

// word counts the words that are operators.
func (s *nesting) word() {
	start := s.at - 1
	for s.at < len(s.text) && isLetter(s.text[s.at]) {
		s.at++
	}
	switch string(s.text[start:s.at]) {
	case "not", "lambda", "if", "else", "and", "or", "in", "for":
		s.count()
	}
}

func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c >= 0x80
}

// skipString skips a string whose first quote was read.
func (s *nesting) skipString(quote byte) {
	triple := []byte{quote, quote, quote}
	long := bytes.HasPrefix(s.text[s.at-1:], triple)
	if long {
		s.at += 2
	}
	for s.at < len(s.text) {
		c := s.text[s.at]
		switch {
		case c == '\\':
			s.at++
		case long && bytes.HasPrefix(s.text[s.at:], triple):
			s.at += 3
			return
		case !long && (c == quote || c == '\n'):
			s.at++
			return
		}
		s.at++
	}
	s.at = len(s.text)
}

func (s *nesting) skipTo(c byte) {
	if n := bytes.IndexByte(s.text[s.at:], c); n >= 0 {
		s.at += n
	} else {
		s.at = len(s.text)
	}
}
