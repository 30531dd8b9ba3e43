package calyxfile

import (
	"bytes"
	"regexp"
	"strings"
)

// lacking are the parts of Python that Starlark does not have, by what a line with them looks like, with what to write
// instead. The patterns are compiled when there is an error to explain: every start of calyx would pay for them otherwise.
var lacking = []struct{ line, hint string }{
	{`(^|[^\w"'])[fF][rR]?["']`, `Starlark has no f-strings: write "--lr=%s" % lr, or "{}".format(lr)`},
	{`^\s*while\b`, "Starlark has no while: loop over a range or a list with for"},
	{`^\s*(import|from)\b`, `Starlark has no import: load("other.star", "name") takes names from another file`},
	{`^\s*class\b`, "Starlark has no classes: use struct(a = 1), or a function that returns one"},
	{`^\s*(try|except|finally|raise)\b`, "Starlark has no exceptions: test before, and stop with fail(\"message\")"},
	{`^\s*with\b`, "Starlark has no with: read_text(path) returns the content of a file"},
	{`^\s*(global|nonlocal)\b`, "Starlark functions cannot assign names outside of them: return the value"},
	{`^\s*assert\b`, `Starlark has no assert: write if not x: fail("message")`},
	{`^\s*del\b`, "Starlark has no del: use d.pop(key) or a new list"},
	{`^\s*@`, "Starlark has no decorators"},
	{`\b(yield|async|await)\b`, "Starlark has no generators and nothing asynchronous: build a list"},
	{`\bis\b`, "Starlark has no is: write == or !="},
	{`\*\*\s*\w`, "Starlark has no ** for powers: multiply"},
	{`:=`, "Starlark has no :=: assign before"},
}

// syntaxHint explains a syntax error by the line that it is in.
func syntaxHint(line, msg string) string {
	if strings.HasPrefix(msg, "undefined") {
		return ""
	}
	for _, l := range lacking {
		if regexp.MustCompile(l.line).MatchString(line) {
			return l.hint
		}
	}
	return ""
}

// runtimeHint explains what stopped an execution.
func runtimeHint(msg string) string {
	switch {
	case strings.Contains(msg, "called recursively"):
		return "Starlark has no recursion: loop over a list with for"
	case strings.Contains(msg, "node value is not iterable"), strings.Contains(msg, "got node"):
		return "a node has no value yet while the Calyxfile is evaluated; value(node) reads a stored one"
	}
	return ""
}

// lineOf returns a line of a text; lines count from one.
func lineOf(text []byte, line int) string {
	for ; line > 1; line-- {
		_, rest, ok := bytes.Cut(text, []byte("\n"))
		if !ok {
			return ""
		}
		text = rest
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	return string(first)
}
