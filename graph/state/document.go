package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

func get(m hashing.Map, key string) (any, bool) {
	i := slices.IndexFunc(m, func(p hashing.Pair) bool { return p.Key == key })
	if i < 0 {
		return nil, false
	}
	return m[i].Value, true
}

func has(m hashing.Map, key string) bool {
	_, ok := get(m, key)
	return ok
}

// section returns the dictionary under a key; an empty one where there is none.
func section(m hashing.Map, key string) hashing.Map {
	v, _ := get(m, key)
	at, _ := v.(hashing.Map)
	return at
}

// put returns m with key set, in its place or at the end.
func put(m hashing.Map, key string, v any) hashing.Map {
	m = slices.Clone(m)
	i := slices.IndexFunc(m, func(p hashing.Pair) bool { return p.Key == key })
	if i >= 0 {
		m[i].Value = v
		return m
	}
	return append(m, hashing.Pair{Key: key, Value: v})
}

// pretty writes the document for people and for their diffs: one value a line.
func pretty(doc hashing.Map) ([]byte, error) {
	text, err := graph.JSON(doc)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// placeOf is where in the text an error lies, as :LINE:COLUMN; empty where that is unknown.
func placeOf(text []byte, err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return ""
	}
	before := text[:min(int(syntax.Offset), len(text))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n') - 1
	return fmt.Sprintf(":%d:%d", line, max(column, 1))
}
