package calyxfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"gopkg.in/yaml.v3"

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

// parseJSON reads one value. Integers stay exact, and a key that is there twice is an error.
func parseJSON(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errUTF8
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := jsonValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errRest
	}
	return v, nil
}

func jsonValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if depth >= maxNesting {
			return nil, errDeep
		}
		if t == '[' {
			return jsonList(d, depth)
		}
		return jsonMap(d, depth)
	case json.Number:
		return number(t.String())
	}
	return token, nil
}

func jsonList(d *json.Decoder, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := jsonValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}

func jsonMap(d *json.Decoder, depth int) (any, error) {
	m := mapping{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := jsonValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		if err := m.add(key.(string), v); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return m.pairs(), err
}

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

// parseTOML reads a document. TOML gives the order of keys no meaning, so they are sorted.
func parseTOML(text []byte) (any, error) {
	var m map[string]any
	if err := toml.Unmarshal(text, &m); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			line, column := at.Position()
			return nil, fmt.Errorf("line %d, column %d: %w", line, column, err)
		}
		return nil, err
	}
	return tomlValue(m, 0)
}

func tomlValue(v any, depth int) (any, error) {
	if depth > maxNesting {
		return nil, errDeep
	}
	switch v := v.(type) {
	case map[string]any:
		m := hashing.Map{}
		for _, key := range keys(v) {
			x, err := tomlValue(v[key], depth+1)
			if err != nil {
				return nil, err
			}
			m = append(m, hashing.Pair{Key: key, Value: x})
		}
		return m, nil
	case []any:
		list := make([]any, len(v))
		var err error
		for i := range v {
			if list[i], err = tomlValue(v[i], depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	case fmt.Stringer: // dates and times without a zone
		return v.String(), nil
	}
	return v, nil
}

// parseYAML reads one document. An empty one is None.
func parseYAML(text []byte) (any, error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	var document, next yaml.Node
	err := d.Decode(&document)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, yamlError(err)
	}
	if d.Decode(&next) != io.EOF {
		return nil, errRest
	}
	y := yamlReader{}
	return y.value(&document, 0)
}

func yamlError(err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
}

// yamlReader turns YAML's nodes into values. Aliases are written out, so their number is bounded.
type yamlReader struct{ nodes int }

// maxYAMLNodes bounds what a document with aliases to aliases can grow to.
const maxYAMLNodes = 5_000_000

func (y *yamlReader) value(n *yaml.Node, depth int) (any, error) {
	if y.nodes++; y.nodes > maxYAMLNodes {
		return nil, errors.New("it holds too many values")
	}
	if depth > maxNesting {
		return nil, errDeep
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return y.value(n.Content[0], depth)
	case yaml.AliasNode:
		return y.value(n.Alias, depth+1)
	case yaml.SequenceNode:
		return y.list(n, depth)
	case yaml.MappingNode:
		return y.mapping(n, depth)
	}
	v, err := yamlScalar(n)
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", n.Line, err)
	}
	return v, nil
}

func (y *yamlReader) list(n *yaml.Node, depth int) (any, error) {
	list := make([]any, len(n.Content))
	var err error
	for i, c := range n.Content {
		if list[i], err = y.value(c, depth+1); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// mapping reads keys and values; what `<<` merges comes last and gives way to the mapping's own keys.
func (y *yamlReader) mapping(n *yaml.Node, depth int) (any, error) {
	m := mapping{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.ShortTag() == "!!merge" {
			merged = append(merged, value)
			continue
		}
		if key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: a key must be a plain word", key.Line)
		}
		v, err := y.value(value, depth+1)
		if err != nil {
			return nil, err
		}
		if err := m.add(key.Value, v); err != nil {
			return nil, fmt.Errorf("line %d: %w", key.Line, err)
		}
	}
	for _, node := range merged {
		if err := y.merge(&m, node, depth); err != nil {
			return nil, err
		}
	}
	return m.pairs(), nil
}

// merge adds the entries of a mapping, or of each in a list, that m does not have.
func (y *yamlReader) merge(m *mapping, n *yaml.Node, depth int) error {
	v, err := y.value(n, depth+1)
	if err != nil {
		return err
	}
	sources, ok := v.([]any)
	if !ok {
		sources = []any{v}
	}
	for _, s := range sources {
		entries, ok := s.(hashing.Map)
		if !ok {
			return fmt.Errorf("line %d: << merges mappings only", n.Line)
		}
		for _, p := range entries {
			if !m.seen[p.Key] {
				_ = m.add(p.Key, p.Value) // it cannot be there
			}
		}
	}
	return nil
}

// yamlInt reads decimal, 0x, 0o and 0b digits, and YAML 1.1's octal ones with a leading 0.
func yamlInt(digits string) (any, error) {
	n, ok := new(big.Int).SetString(digits, 0)
	if !ok {
		return nil, fmt.Errorf("the number %s cannot be held", digits)
	}
	if n.IsInt64() {
		return n.Int64(), nil
	}
	return n, nil
}

// yamlScalar keeps integers of any size exact; dates are their text.
func yamlScalar(n *yaml.Node) (any, error) {
	digits := strings.ReplaceAll(n.Value, "_", "")
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		err := n.Decode(&b)
		return b, err
	case "!!int":
		return yamlInt(digits)
	case "!!float":
		if integerText.MatchString(digits) {
			return graph.ParseInteger(digits), nil
		}
		var f float64
		if err := n.Decode(&f); err != nil || math.IsInf(f, 0) && !strings.Contains(strings.ToLower(n.Value), "inf") {
			return nil, fmt.Errorf("the number %s cannot be held", n.Value)
		}
		return f, nil
	case "!!binary":
		var s string
		err := n.Decode(&s)
		return []byte(s), err
	}
	return n.Value, nil
}
