package calyxfile

import (
	"strings"
)

// segment is a piece of a shell line: literal text, a {name}, or a placeholder of a node.
type segment struct {
	text   string // as it is written
	name   string // of {name}
	mark   *mark
	quoted bool // it stands in quotes
	at     int  // byte offset in the line
}

// placeholder returns the identifier of a {name} at text[at], unless it follows a $; "" where there is none.
func placeholder(text string, at int) string {
	if text[at] != '{' || at > 0 && text[at-1] == '$' {
		return ""
	}
	end := at + 1
	for end < len(text) && isWordByte(text[end]) {
		end++
	}
	name := text[at+1 : end]
	if name == "" || end == len(text) || text[end] != '}' || '0' <= name[0] && name[0] <= '9' {
		return ""
	}
	return name
}

func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// template cuts a shell line into segments, which it appends to buffer.
func (m *marks) template(line string, buffer []segment) []segment {
	t := templateScanner{line: line, segments: buffer}
	for t.at < len(line) {
		if name := placeholder(line, t.at); name != "" {
			t.cut(len(name)+2, segment{name: name})
		} else if k := m.at(line[t.at:]); k != nil {
			t.cut(markLength, segment{mark: k})
		} else {
			t.step()
		}
	}
	t.cut(0, segment{})
	return t.segments
}

// templateScanner follows the shell's quoting, as far as it decides whether a place stands in quotes.
type templateScanner struct {
	line     string
	at       int
	start    int    // of the text that is not in a segment yet
	open     []byte // the quotes and substitutions that are open: ' " ( `
	segments []segment
}

// cut ends the text before t.at and adds a segment of the next n bytes.
func (t *templateScanner) cut(n int, s segment) {
	if t.start < t.at {
		t.segments = append(t.segments, segment{text: t.line[t.start:t.at], at: t.start})
	}
	if n > 0 {
		s.text, s.at = t.line[t.at:t.at+n], t.at
		s.quoted = t.top() == '\'' || t.top() == '"'
		t.segments = append(t.segments, s)
	}
	t.at += n
	t.start = t.at
}

func (t *templateScanner) top() byte {
	if len(t.open) == 0 {
		return 0
	}
	return t.open[len(t.open)-1]
}

func (t *templateScanner) push(c byte) { t.open = append(t.open, c) }
func (t *templateScanner) pop()        { t.open = t.open[:len(t.open)-1] }

// step reads one character of text.
func (t *templateScanner) step() {
	c := t.line[t.at]
	t.at++
	switch top := t.top(); {
	case top == '\'':
		if c == '\'' {
			t.pop()
		}
	case c == '\\':
		t.at = min(t.at+1, len(t.line))
	case top == '"':
		t.inDoubleQuotes(c)
	default:
		t.unquoted(c, top)
	}
}

func (t *templateScanner) inDoubleQuotes(c byte) {
	switch {
	case c == '"':
		t.pop()
	case c == '`':
		t.push('`')
	case c == '$' && strings.HasPrefix(t.line[t.at:], "("):
		t.push('(')
		t.at++
	}
}

func (t *templateScanner) unquoted(c, top byte) {
	switch c {
	case '\'', '"', '(':
		t.push(c)
	case ')':
		if top == '(' {
			t.pop()
		}
	case '`':
		if top == '`' {
			t.pop()
		} else {
			t.push(c)
		}
	case '#':
		if t.at == 1 || strings.IndexByte(" \t\n;(|&", t.line[t.at-2]) >= 0 {
			t.skipComment()
		}
	}
}

func (t *templateScanner) skipComment() {
	if n := strings.IndexByte(t.line[t.at:], '\n'); n >= 0 {
		t.at += n
	} else {
		t.at = len(t.line)
	}
}
