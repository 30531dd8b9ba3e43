package calyxfile

import (
	"bytes"
	"strings"

	"github.com/calyx-build/calyx/graph"
)

// literalWords returns the literal words of a step's command that may name a file, until the next call. The program
// itself counts by other means, unless it is named by a path.
func (s *wordScanner) literalWords(step *graph.Step) []string {
	s.found = s.found[:0]
	for i, word := range step.Wrap {
		s.argument(i, word)
	}
	for i, x := range step.Cmd {
		if word, ok := x.Value.V.(string); ok && x.Kind == graph.Constant {
			s.argument(i, word)
		}
	}
	if step.Shell != nil {
		s.scan(step.Shell)
	}
	return s.found
}

func (s *wordScanner) argument(i int, word string) {
	if i > 0 || strings.IndexByte(word, '/') >= 0 {
		s.add(word)
	}
}

// add adds a word, or what follows the = in --flag=path; of NAME=path both may be meant.
func (s *wordScanner) add(word string) {
	if _, value, ok := strings.Cut(word, "="); ok {
		s.found = append(s.found, value)
	}
	if !strings.HasPrefix(word, "-") {
		s.found = append(s.found, word)
	}
}

// wordScanner cuts a shell line into words: at white space and the shell's own characters, without quotes. Words with
// expansions are left out, and so are names of programs, and files that the line writes.
type wordScanner struct {
	found []string
	text  []byte // with a NUL byte for every value that is not known yet
	at    int

	word    []byte
	started bool // a word has begun, perhaps an empty one
	dynamic bool // it holds something that is not literal
	command bool // the next word is a program
	target  byte // the > or < before the word
}

func (s *wordScanner) scan(line *graph.Expr) {
	s.text, s.at, s.command, s.target = s.text[:0], 0, true, 0
	for _, x := range line.Items {
		if text, ok := x.Value.V.(string); ok && x.Kind == graph.Constant {
			s.text = append(s.text, text...)
		} else {
			s.text = append(s.text, 0)
		}
	}
	for s.at < len(s.text) {
		c := s.text[s.at]
		s.at++
		s.char(c)
	}
	s.end()
}

func (s *wordScanner) char(c byte) {
	switch c {
	case ' ', '\t':
		s.end()
	case '&':
		s.end()
		s.command = s.command || s.target == 0 // else it is part of >& or <&
	case '\n', ';', '|', '(', ')', '`':
		s.end()
		s.command, s.target = true, 0
	case '>', '<':
		s.redirect(c)
	case '#':
		s.comment()
	case '\\':
		s.escaped()
	case '\'':
		s.started = true
		s.quoted(c)
	case '"':
		s.started = true
		s.doubleQuoted()
	case '$', '*', '?', '[', 0:
		s.letter(c)
		s.dynamic = true
	case '~':
		s.dynamic = s.dynamic || !s.started
		s.letter(c)
	default:
		s.letter(c)
	}
}

func (s *wordScanner) letter(c byte) { s.word, s.started = append(s.word, c), true }

// redirect ends a word, which a number before it is not.
func (s *wordScanner) redirect(c byte) {
	if len(bytes.Trim(s.word, "0123456789")) == 0 {
		s.drop()
	}
	s.end()
	s.target = c
}

func (s *wordScanner) comment() {
	if s.started {
		s.letter('#')
		return
	}
	if n := bytes.IndexByte(s.text[s.at:], '\n'); n >= 0 {
		s.at += n
	} else {
		s.at = len(s.text)
	}
}

// escaped takes the character after a backslash as it is; with a newline, both vanish.
func (s *wordScanner) escaped() {
	if s.at == len(s.text) {
		return
	}
	if c := s.text[s.at]; c != '\n' {
		s.letter(c)
	}
	s.at++
}

func (s *wordScanner) quoted(quote byte) {
	for s.at < len(s.text) && s.text[s.at] != quote {
		s.dynamic = s.dynamic || s.text[s.at] == 0
		s.letter(s.text[s.at])
		s.at++
	}
	s.at++
}

func (s *wordScanner) doubleQuoted() {
	for s.at < len(s.text) {
		c := s.text[s.at]
		s.at++
		switch c {
		case '"':
			return
		case '\\':
			s.escaped()
			continue
		case '$', '`', 0:
			s.dynamic = true
		}
		s.letter(c)
	}
}

func (s *wordScanner) drop() { s.word, s.started, s.dynamic = s.word[:0], false, false }

// end yields the word that ends here, if it may name an input.
func (s *wordScanner) end() {
	if !s.started {
		return
	}
	word, literal, target := string(s.word), !s.dynamic, s.target
	s.drop()
	s.target = 0
	switch {
	case target == '>':
		return
	case target == '<':
	case s.command && isReserved(word):
		return
	case s.command && isAssignment(word):
	case s.command:
		s.command = false
		literal = literal && strings.IndexByte(word, '/') >= 0
	}
	if literal {
		s.add(word)
	}
}

// isReserved reports whether another command follows the word.
func isReserved(word string) bool {
	switch word {
	case "if", "then", "elif", "else", "while", "until", "do", "!", "{", "}", "fi", "done", "esac":
		return true
	}
	return false
}

func isAssignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && variablePattern.MatchString(name)
}
