package state

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// Coerce reads the text of a value as the type of the declared one: `set lr 1` gives a float where a float is declared.
func Coerce(declared any, text string) (any, error) {
	switch declared.(type) {
	case string:
		return text, nil
	case bool:
		if v, err := strconv.ParseBool(text); err == nil && len(text) > 1 {
			return v, nil
		}
		return nil, fmt.Errorf("%q is not true or false", text)
	case int64, *big.Int:
		if v, ok := new(big.Int).SetString(text, 10); ok {
			return integer(v), nil
		}
		return nil, fmt.Errorf("%q is not an integer", text)
	case float64:
		return parseFloat(text)
	case nil:
		return text, nil
	}
	v, err := graph.ParseJSON([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("%q is not JSON, as a list or a dictionary must be given: %w", text, err)
	}
	return CoerceValue(declared, v)
}

func integer(v *big.Int) any {
	if v.IsInt64() {
		return v.Int64()
	}
	return v
}

func parseFloat(text string) (any, error) {
	v, err := strconv.ParseFloat(text, 64)
	if errors.Is(err, strconv.ErrRange) {
		return nil, fmt.Errorf("%q is out of range", text)
	}
	if err != nil || v != v {
		return nil, fmt.Errorf("%q is not a number", text)
	}
	if _, err := graph.JSON(v); err != nil {
		return nil, fmt.Errorf("%q is not a finite number", text)
	}
	return v, nil
}

// CoerceValue checks a value against the type of the declared one. An integer is accepted where a float is declared, and
// None everywhere.
func CoerceValue(declared, v any) (any, error) {
	if v == nil || declared == nil {
		return v, nil
	}
	want, got := typeName(declared), typeName(v)
	if want == got {
		return v, nil
	}
	if got == "an integer" && want == "a float" {
		return asFloat(v)
	}
	return nil, fmt.Errorf("it is %s, and %s is declared", got, want)
}

// asFloat is the float nearest to an integer, as it would be to the same digits with a point.
func asFloat(v any) (any, error) {
	switch v := v.(type) {
	case int64:
		return float64(v), nil
	case *big.Int:
		return parseFloat(v.String())
	}
	return nil, fmt.Errorf("it is %s, and a float is declared", typeName(v))
}

func typeName(v any) string {
	switch v.(type) {
	case bool:
		return "a boolean"
	case int64, *big.Int:
		return "an integer"
	case float64:
		return "a float"
	case string:
		return "a string"
	case []any:
		return "a list"
	case hashing.Map:
		return "a dictionary"
	}
	return fmt.Sprintf("of type %T", v)
}
