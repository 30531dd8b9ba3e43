package calyxfile

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// parser turns the text of a file into a plain value, with mappings in the order of the text where the format has one.
type parser func(text []byte) (any, error)

var (
	errUTF8     = errors.New("the text is not UTF-8")
	errRest     = errors.New("there is more than one value")
	errDeep     = fmt.Errorf("it is nested more than %d deep", maxNesting)
	integerText = regexp.MustCompile(`^[+-]?[0-9]+$`)
)

// mapping is a dictionary that is being read.
type mapping struct {
	entries hashing.Map
	seen    map[string]bool
}

func (m *mapping) add(key string, v any) error {
	if m.seen[key] {
		return fmt.Errorf("the key %q is there twice", key)
	}
	if m.seen == nil {
		m.seen = map[string]bool{}
	}
	m.seen[key] = true
	m.entries = append(m.entries, hashing.Pair{Key: key, Value: v})
	return nil
}

// pairs returns the entries, never nil.
func (m *mapping) pairs() hashing.Map {
	if m.entries == nil {
		return hashing.Map{}
	}
	return m.entries
}

// number reads decimal text: an integer of any size, or a float.
func number(text string) (any, error) {
	if integerText.MatchString(text) {
		return graph.ParseInteger(text), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("the number %s cannot be held", text)
	}
	return f, nil
}
