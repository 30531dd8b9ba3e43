package main

import (
	"maps"
	"testing"
)

func TestCount(t *testing.T) {
	for _, c := range []struct {
		source string
		names  map[string]int
	}{
		{"", map[string]int{}},
		{"x = x + y2", map[string]int{"x": 2, "y2": 1}},
		{"def f(self): return self", map[string]int{"f": 1, "self": 2}},
		{"a # b 'c\nd", map[string]int{"a": 1, "d": 1}},
		{`a = "b # c" + d`, map[string]int{"a": 1, "d": 1}},
		{`rb'\'' + Rf"x{y}" + e`, map[string]int{"e": 1}},
		{"\"\"\"one 'two'\n\"three\" \\\"\"\" \"\"\" four", map[string]int{"four": 1}},
		{"'not closed\nfive", map[string]int{"five": 1}},
		{"0xff + 1e5 + six_7", map[string]int{"six_7": 1}},
		{"größe.µ", map[string]int{"größe": 1, "µ": 1}},
		{`"""open`, map[string]int{}},
		{`'\`, map[string]int{}},
	} {
		counts := map[string]int{}
		count([]byte(c.source), counts)
		if !maps.Equal(counts, c.names) {
			t.Errorf("names in %q: got %v, want %v", c.source, counts, c.names)
		}
	}
}
