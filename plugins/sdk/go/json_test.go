package calyx

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

type inner struct {
	A int `json:"a"`
	B string
}

type outer struct {
	inner
	Named  inner     `json:"named"`
	Zero   int       `json:"zero,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Hidden string    `json:"-"`
	F      float64   `json:"f"`
	A      string    `json:"a"` // hides inner's
	secret int
}

func TestEncodeJSON(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "null"},
		{true, "true"},
		{1, "1"},
		{uint64(math.MaxUint64), "18446744073709551615"},
		{1.0, "1.0"},
		{1e300, "1e+300"},
		{float32(0.1), "0.1"},
		{"a<b>\n", `"a<b>\n"`},
		{[]float64{1, 2.5}, "[1.0,2.5]"},
		{[]string(nil), "[]"},
		{[]byte("x"), `"eA=="`},
		{map[string]any{"b": 1, "a": []any{1.0, nil}}, `{"a":[1.0,null],"b":1}`},
		{map[int]bool{10: true, 9: false}, `{"10":true,"9":false}`},
		{map[string]int(nil), "null"},
		{&inner{1, "x"}, `{"a":1,"B":"x"}`},
		{(*inner)(nil), "null"},
		{outer{inner: inner{1, "b"}, F: 2, A: "a", secret: 3}, `{"B":"b","named":{"a":0,"B":""},"f":2.0,"a":"a"}`},
		{time.Unix(0, 0).UTC(), `"1970-01-01T00:00:00Z"`},
		{json.RawMessage(`{"x":1}`), `{"x":1}`},
		{[2]int{1, 2}, "[1,2]"},
		{map[time.Month]int{time.May: 1}, `{"5":1}`},
		{map[string]any{"n": json.Number("12")}, `{"n":12}`},
	} {
		got, err := encodeJSON(reflect.ValueOf(c.v))
		if err != nil || string(got) != c.want {
			t.Errorf("%#v is %s (%v), want %s", c.v, got, err, c.want)
		}
	}
}

func TestEncodeJSONErrors(t *testing.T) {
	circle := map[string]any{}
	circle["x"] = circle
	for _, c := range []struct {
		v    any
		want string
	}{
		{math.NaN(), "NaN"},
		{[]any{1, math.Inf(-1)}, "element 1"},
		{make(chan int), "chan int"},
		{map[float64]int{1: 1}, "keys"},
		{"\xff", "UTF-8"},
		{map[string]any{"x": func() {}}, "x: "},
		{circle, "nested"},
	} {
		if _, err := encodeJSON(reflect.ValueOf(c.v)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: %v", c.v, err)
		}
	}
}

// Whatever is written is read back as it was, integers and floats apart.
func TestRoundTrip(t *testing.T) {
	scalar := rapid.OneOf(
		rapid.Int64().AsAny(), rapid.Bool().AsAny(), rapid.String().AsAny(), rapid.Just[any](nil),
		rapid.Float64().Filter(func(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) && f != 0 }).AsAny(),
	)
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]any{
			"list": rapid.SliceOf(scalar).Draw(t, "list"),
			"map":  rapid.MapOf(rapid.String(), scalar).Draw(t, "map"),
			"one":  scalar.Draw(t, "one"),
		}
		encoded, err := encodeJSON(reflect.ValueOf(want))
		if err != nil {
			t.Fatal(err)
		}
		got, err := As[any](BytesResult(encoded, mediaJSON))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(normal(got), normal(want)) {
			t.Fatalf("%#v came back as %#v", want, got)
		}
	})
}

// normal makes lists of one type.
func normal(v any) any {
	switch v := v.(type) {
	case []any:
		list := []any{}
		for _, item := range v {
			list = append(list, normal(item))
		}
		return list
	case map[string]any:
		m := map[string]any{}
		for k := range v {
			m[k] = normal(v[k])
		}
		return m
	}
	return v
}

func TestErrAbsent(t *testing.T) {
	n := (&Call{}).Node("x")
	if _, err := n.Item(-1); !errors.Is(err, ErrAbsent) {
		t.Error(err)
	}
}
