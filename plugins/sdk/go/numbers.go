package calyx

import (
	"encoding/json"
	"math/big"
	"reflect"
)

// holdsAny reports whether values of a type may hold an any, of which encoding/json makes float64 for all numbers: but to
// calyx 1 and 1.0 are different values.
func holdsAny(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return isAny(t)
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holdsAny(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.NumField() {
			if holdsAny(t.Field(f).Type, seen) {
				return true
			}
		}
	}
	return false
}

// exact gives each any within v, which was decoded with json.Number, the number that was written.
func exact(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface:
		if isAny(v.Type()) && !v.IsNil() && v.CanSet() {
			v.Set(reflect.ValueOf(numbers(v.Interface())))
		}
	case reflect.Pointer:
		exact(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			exact(v.Index(i))
		}
	case reflect.Struct:
		for f := range v.NumField() {
			exact(v.Field(f))
		}
	case reflect.Map:
		if v.CanInterface() { // not within an unexported field, which nothing was decoded into
			exactMap(v)
		}
	}
}

func exactMap(v reflect.Value) {
	for entries := v.MapRange(); entries.Next(); {
		value := reflect.New(v.Type().Elem()).Elem()
		value.Set(entries.Value())
		exact(value)
		v.SetMapIndex(entries.Key(), value)
	}
}

// numbers makes int64 of integers, *big.Int of those that are too large for it, and float64 of other numbers.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		if i, ok := new(big.Int).SetString(v.String(), 10); ok {
			return i
		}
		f, err := v.Float64()
		if err != nil {
			return v
		}
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}
