package calyx

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// deepest is how deep values may be nested: one that holds itself must end somewhere.
const deepest = 100

var errDeep = fmt.Errorf("it is nested more than %d deep", deepest)

// encodeJSON writes v as encoding/json does, but that a float always has a point or an exponent, because to calyx 1 and 1.0
// are different values; that text which is not UTF-8 is an error, and not changed; and that a nil slice is an empty list.
func encodeJSON(v reflect.Value) ([]byte, error) {
	e := encoder{fields: map[reflect.Type][]field{}}
	return e.value(nil, v, 0)
}

// encoder writes one value as JSON.
type encoder struct {
	fields map[reflect.Type][]field // of the structs that it met
}

func (e *encoder) value(b []byte, v reflect.Value, depth int) ([]byte, error) {
	switch {
	case depth > deepest:
		return nil, errDeep
	case !v.IsValid():
		return append(b, "null"...), nil
	case marshals(v):
		text, err := json.Marshal(v.Interface())
		return append(b, text...), err
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		return e.value(b, v.Elem(), depth+1)
	case reflect.Float32, reflect.Float64:
		return appendFloat(b, v)
	case reflect.String:
		return appendString(b, v.String())
	case reflect.Struct:
		return e.object(b, v, depth)
	case reflect.Map:
		return e.dict(b, v, depth)
	case reflect.Slice, reflect.Array:
		return e.list(b, v, depth)
	}
	if k := v.Kind(); k == reflect.Bool || reflect.Int <= k && k <= reflect.Uint64 {
		text, err := json.Marshal(v.Interface())
		return append(b, text...), err
	}
	return nil, fmt.Errorf("a %s is no value", v.Type())
}

// marshals reports whether a type says itself what it looks like.
func marshals(v reflect.Value) bool {
	if v.Kind() == reflect.Pointer && v.IsNil() || v.Kind() == reflect.Interface {
		return false
	}
	switch v.Interface().(type) {
	case json.Marshaler, encoding.TextMarshaler, json.Number:
		return true
	}
	return false
}

func appendFloat(b []byte, v reflect.Value) ([]byte, error) {
	f := v.Float()
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%v cannot be written as JSON", f)
	}
	text := strconv.FormatFloat(f, 'g', -1, v.Type().Bits())
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return append(b, text...), nil
}

var errText = errors.New("it is text that is not UTF-8; bytes are []byte")

func appendString(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, errText
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	err := enc.Encode(s)
	return append(b, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...), err
}

func (e *encoder) object(b []byte, v reflect.Value, depth int) ([]byte, error) {
	b = append(b, '{')
	first := true
	for _, f := range e.fieldsOf(v.Type()) {
		in, ok := f.of(v)
		if !ok {
			continue
		}
		var err error
		if b, err = e.entry(b, f.name, in, depth, first); err != nil {
			return nil, err
		}
		first = false
	}
	return append(b, '}'), nil
}

func (e *encoder) fieldsOf(t reflect.Type) []field {
	fields, ok := e.fields[t]
	if !ok {
		fields = fieldsOf(t)
		e.fields[t] = fields
	}
	return fields
}

func (e *encoder) entry(b []byte, key string, v reflect.Value, depth int, first bool) ([]byte, error) {
	if !first {
		b = append(b, ',')
	}
	b, err := appendString(b, key)
	if err != nil {
		return nil, err
	}
	if b, err = e.value(append(b, ':'), v, depth+1); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return b, nil
}

func (e *encoder) dict(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if v.IsNil() {
		return append(b, "null"...), nil
	}
	keys, err := sortedKeys(v)
	if err != nil {
		return nil, err
	}
	b = append(b, '{')
	for i, k := range keys {
		if b, err = e.entry(b, k.text, v.MapIndex(k.key), depth, i == 0); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

type mapKey struct {
	text string
	key  reflect.Value
}

// sortedKeys are the keys of a map by their text.
func sortedKeys(v reflect.Value) ([]mapKey, error) {
	keys := make([]mapKey, 0, v.Len())
	for _, k := range v.MapKeys() {
		switch {
		case k.Kind() == reflect.String:
			keys = append(keys, mapKey{k.String(), k})
		case k.CanInt():
			keys = append(keys, mapKey{strconv.FormatInt(k.Int(), 10), k})
		case k.CanUint():
			keys = append(keys, mapKey{strconv.FormatUint(k.Uint(), 10), k})
		default:
			return nil, errors.New("the keys of a dictionary must be strings or integers")
		}
	}
	slices.SortFunc(keys, func(a, b mapKey) int { return cmp.Compare(a.text, b.text) })
	return keys, nil
}

func (e *encoder) list(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if v.Kind() == reflect.Slice {
		if v.IsNil() {
			return append(b, "[]"...), nil // nothing found is an empty list, and not null
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			text, err := json.Marshal(v.Bytes())
			return append(b, text...), err
		}
	}
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = e.value(b, v.Index(i), depth+1); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return append(b, ']'), nil
}
