package graph

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"sort"
	"strconv"
	"strings"

	"github.com/calyx-build/calyx/hashing"
)

// NamedLiteral is a plain value bound to a parameter's name.
type NamedLiteral struct {
	Name  string  `json:"name"`
	Value Literal `json:"value,omitzero"`
}

// ErrSpelling is wrapped by the errors of ParseSpelling and ParseTarget.
var ErrSpelling = errors.New("malformed")

// Spell returns the name of a node with arguments, `double(x=5)`: arguments by name, values as Starlark literals. Two
// nodes have the same spelling only if name and arguments are the same: 1, 1.0, "1" and True are four. A node without
// arguments is spelled as its name alone.
func Spell(name string, args []NamedLiteral) string {
	if len(args) == 0 {
		return name
	}
	sorted := append([]NamedLiteral(nil), args...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Name < sorted[j].Name })
	b := append(make([]byte, 0, len(name)+16*len(args)), name...)
	separator := byte('(')
	for _, a := range sorted {
		b = append(append(append(b, separator), a.Name...), '=')
		b = appendLiteral(b, a.Value.V)
		separator = ','
	}
	return string(append(b, ')'))
}

// SpellLiteral writes a plain value as a Starlark literal, in one line that a terminal can show.
func SpellLiteral(v any) string { return string(appendLiteral(nil, v)) }

func appendLiteral(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "None"...)
	case bool:
		if v {
			return append(b, "True"...)
		}
		return append(b, "False"...)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case *big.Int:
		return v.Append(b, 10)
	case float64:
		return appendFloat(b, v)
	case string:
		return strconv.AppendQuote(b, v)
	case []byte:
		return strconv.AppendQuote(append(b, 'b'), string(v))
	case []any:
		return appendList(b, v)
	case hashing.Map:
		return appendMap(b, v)
	}
	panic(fmt.Sprintf("internal error: %T is no literal", v))
}

// appendFloat always leaves a point, an exponent, or a word that no integer has.
func appendFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "nan"...)
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	}
	text := shortest(f)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return append(b, text...)
}

func appendList(b []byte, list []any) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendLiteral(b, v)
	}
	return append(b, ']')
}

func appendMap(b []byte, m hashing.Map) []byte {
	b = append(b, '{')
	for i, p := range m {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(strconv.AppendQuote(b, p.Key), ':')
		b = appendLiteral(b, p.Value)
	}
	return append(b, '}')
}
