// Package console turns data into text that a terminal can show: nothing in it can move the cursor or change the
// terminal, it fits the width, and people can read its durations, sizes and tables.
package console

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Line makes text safe within one line: control characters, line ends among them, bytes that are no UTF-8, and the
// characters that reorder what follows are written visibly.
func Line(text string) string {
	if isPlain(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		writeVisible(&b, r, size, text[i])
		i += size
	}
	return b.String()
}

// longestName is how many cells of a node's name are shown where it is told among others: an argument may be an array.
const longestName = 1000

// Name makes a node's name safe within one line, and cuts one that fills screens.
func Name(name string) string { return Truncate(Line(name), longestName) }

// isPlain reports whether text is printable ASCII alone, which most names and messages are.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// writeVisible writes one character; first is its first byte.
func writeVisible(b *strings.Builder, r rune, size int, first byte) {
	switch {
	case r == utf8.RuneError && size == 1:
		fmt.Fprintf(b, `\x%02x`, first)
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\t':
		b.WriteString(`\t`)
	case r == 0x7f:
		b.WriteString("^?")
	case r < ' ':
		b.WriteByte('^')
		b.WriteByte(byte(r) + '@')
	case hidesOrReorders(r):
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		b.WriteRune(r)
	}
}

// hidesOrReorders reports whether r is a C1 control, a line or paragraph separator, or a bidirectional control: all of
// them let a text pretend to be another.
func hidesOrReorders(r rune) bool {
	return r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 ||
		r == 0x2028 || r == 0x2029 || r == 0x200e || r == 0x200f || r == 0x061c
}

// colourSequence is an escape sequence that changes nothing but colours and weight (SGR, ECMA-48 8.3.117).
var colourSequence = regexp.MustCompile(`\x1b\[[0-9;:]*m`)

const resetColours = "\x1b[0m"

// Lines splits what a program printed into lines that are safe to show. Of a line that it drew over and over with
// carriage returns the last state is left. Colours are kept where colours is true, and end with their line.
func Lines(text string, colours bool) []string {
	text = strings.TrimSuffix(text, "\n")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = logLine(lastDrawn(line), colours)
	}
	return lines
}

func lastDrawn(line string) string {
	line = strings.TrimRight(line, "\r")
	return line[strings.LastIndexByte(line, '\r')+1:]
}

// tabStop is the distance between tab stops in cells.
const tabStop = 8

func logLine(line string, colours bool) string {
	if isPlain(line) {
		return line
	}
	var b strings.Builder
	at, coloured := 0, false
	for _, span := range colourSequence.FindAllStringIndex(line, -1) {
		writeExpanded(&b, line[at:span[0]])
		if colours {
			b.WriteString(line[span[0]:span[1]])
			coloured = true
		}
		at = span[1]
	}
	writeExpanded(&b, line[at:])
	if coloured {
		b.WriteString(resetColours)
	}
	return b.String()
}

// writeExpanded writes text with tabs as spaces and all else as Line does.
func writeExpanded(b *strings.Builder, text string) {
	for i, part := range strings.Split(text, "\t") {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", tabStop-Width(b.String())%tabStop))
		}
		b.WriteString(Line(part))
	}
}
