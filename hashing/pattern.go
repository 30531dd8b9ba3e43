package hashing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// descend returns what is left of the pattern in a folder of that name.
func descend(name string, ways [][]string) [][]string {
	var left [][]string
	add := func(way []string) {
		if !slices.ContainsFunc(left, func(l []string) bool { return slices.Equal(l, way) }) {
			left = append(left, way)
		}
	}
	for _, way := range ways {
		if way[0] == "**" {
			add(way)
			way = skipStars(way)
		}
		if len(way) > 1 && doublestar.MatchUnvalidated(way[0], name) {
			add(way[1:])
		}
	}
	return left
}

// matchesFile reports whether a file's name can be the end of the pattern: "**" stands for no folder too.
func matchesFile(name string, way []string) bool {
	way = skipStars(way)
	return len(way) == 1 && doublestar.MatchUnvalidated(way[0], name)
}

func skipStars(way []string) []string {
	for len(way) > 1 && way[0] == "**" {
		way = way[1:]
	}
	return way
}

// mostAlternatives bounds what the braces of one pattern may be expanded to.
const mostAlternatives = 1000

// alternatives expands the braces that hold a slash, so that the results can be cut at slashes: "{a/b,c}/*" is "a/b/*"
// and "c/*". Braces inside one name are left to doublestar.
func alternatives(pattern string) ([]string, error) {
	var plain []string
	queue := []string{pattern}
	for len(queue) > 0 {
		if len(queue)+len(plain) > mostAlternatives {
			return nil, fmt.Errorf("the pattern %q has more than %d alternatives", pattern, mostAlternatives)
		}
		p := queue[0]
		queue = queue[1:]
		from, to, found := slashedBraces(p)
		if !found {
			plain = append(plain, p)
			continue
		}
		for _, choice := range splitChoices(p[from+1 : to]) {
			queue = append(queue, p[:from]+choice+p[to+1:])
		}
	}
	return plain, nil
}

// slashedBraces finds the first outermost pair of braces with a slash in it.
func slashedBraces(p string) (from, to int, found bool) {
	eachMeta(p, func(i, depth int) bool {
		switch {
		case p[i] == '{' && depth == 0:
			from = i
		case p[i] == '}' && depth == 0 && strings.Contains(p[from:i], "/"):
			to, found = i, true
		}
		return !found
	})
	return from, to, found
}

// splitChoices cuts the inside of braces at its own commas.
func splitChoices(inside string) []string {
	var choices []string
	from := 0
	eachMeta(inside, func(i, depth int) bool {
		if inside[i] == ',' && depth == 0 {
			choices = append(choices, inside[from:i])
			from = i + 1
		}
		return true
	})
	return append(choices, inside[from:])
}

// eachMeta calls f for every character of a pattern that is neither escaped nor in a class, with the number of braces
// around it (a brace is outside itself), until f returns false.
func eachMeta(p string, f func(i, depth int) bool) {
	depth := 0
	inClass := false
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '\\':
			i++
			continue
		case inClass:
			inClass = c != ']'
			continue
		case c == '[':
			inClass = true
		case c == '}':
			depth--
		}
		if !f(i, depth) {
			return
		}
		if p[i] == '{' {
			depth++
		}
	}
}
