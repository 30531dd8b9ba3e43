package calyxfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

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
	if err := d.Decode(&next); !errors.Is(err, io.EOF) {
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
