package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/calyx-build/calyx/hashing"
)

// JSON writes a plain value (see Literal) as JSON without white space. Integers have no point and floats always have a
// point or an exponent, so that ParseJSON gives the same value back; keys keep their order.
func JSON(v any) ([]byte, error) { return appendJSON(nil, v) }

func appendJSON(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case *big.Int:
		return v.Append(dst, 10), nil
	case float64:
		return appendJSONFloat(dst, v)
	case string:
		return appendJSONString(dst, v)
	case []any:
		return appendJSONList(dst, v)
	case hashing.Map:
		return appendJSONMap(dst, v)
	default:
		return nil, fmt.Errorf("a value of type %T cannot be written as JSON", v)
	}
}

func appendJSONFloat(dst []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%v cannot be written as JSON", f)
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return append(dst, text...), nil
}

func appendJSONString(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("the text %q is not UTF-8 and cannot be written as JSON", s)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return nil, err
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...), nil
}

func appendJSONList(dst []byte, items []any) ([]byte, error) {
	dst = append(dst, '[')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendJSON(dst, item); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendJSONMap(dst []byte, pairs hashing.Map) ([]byte, error) {
	dst = append(dst, '{')
	for i, p := range pairs {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendJSONString(dst, p.Key); err != nil {
			return nil, err
		}
		dst = append(dst, ':')
		if dst, err = appendJSON(dst, p.Value); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// ParseJSON reads one JSON value as a plain value: a number without point and exponent is an int64 or a *big.Int, any
// other a float64. A dictionary with a key that comes twice is an error.
func ParseJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := parseJSONValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one value")
	}
	return v, nil
}

func parseJSONValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '[' {
			return parseJSONList(d)
		}
		return parseJSONMap(d)
	case json.Number:
		return parseJSONNumber(string(t))
	default:
		return t, nil
	}
}

func parseJSONNumber(s string) (any, error) {
	if strings.ContainsAny(s, ".eE") {
		return strconv.ParseFloat(s, 64)
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i, nil
	}
	i, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return nil, fmt.Errorf("%q is not a number", s)
	}
	return i, nil
}

func parseJSONList(d *json.Decoder) (any, error) {
	items := []any{}
	for d.More() {
		v, err := parseJSONValue(d)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	_, err := d.Token()
	return items, err
}

func parseJSONMap(d *json.Decoder) (any, error) {
	pairs := hashing.Map{}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok || seen[name] {
			return nil, fmt.Errorf("the key %v comes twice", key)
		}
		seen[name] = true
		v, err := parseJSONValue(d)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, hashing.Pair{Key: name, Value: v})
	}
	_, err := d.Token()
	return pairs, err
}

// UnquoteJSON returns the string that a JSON string spells.
func UnquoteJSON(text []byte) (string, error) {
	var s string
	err := json.Unmarshal(text, &s)
	return s, err
}
