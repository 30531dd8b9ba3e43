package main

import (
	"bytes"
	"regexp"
	"strings"
)

var keywords = func() map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(`False None True and as assert async await break class continue def del elif else except
		finally for from global if import in is lambda nonlocal not or pass raise return try while with yield`) {
		set[word] = true
	}
	return set
}()

// What Python's source consists of where names are sought: numbers are there for the letters in them, and the rest is skipped.
var token = regexp.MustCompile(`(?i:[rbuf]{0,2})(?:"""|'''|"|')|#[^\n]*|\d\w*|[\pL_][\pL\pN_]*`)

// count adds the names of a Python source. Comments and strings do not count, the expressions in f-strings among them.
func count(source []byte, counts map[string]int) {
	for {
		at := token.FindIndex(source)
		if at == nil {
			return
		}
		found := source[at[0]:at[1]]
		source = source[at[1]:]
		switch last := found[len(found)-1]; {
		case found[0] == '#' || '0' <= found[0] && found[0] <= '9':
		case last == '"' || last == '\'':
			source = afterString(source, bytes.TrimLeft(found, "rbufRBUF"))
		case !keywords[string(found)]:
			counts[string(found)]++
		}
	}
}

// afterString returns what follows a string that was opened by a quote. One on a single line ends there at the latest.
func afterString(source, quote []byte) []byte {
	for i := 0; i < len(source); i++ {
		switch {
		case source[i] == '\\':
			i++
		case bytes.HasPrefix(source[i:], quote):
			return source[i+len(quote):]
		case source[i] == '\n' && len(quote) == 1:
			return source[i:]
		}
	}
	return nil
}
