package calyx

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// appendArgs appends arguments, sorted by name; an error that is there already stays.
func appendArgs(all []*pluginv1.NamedLiteral, args Args, wrong error) ([]*pluginv1.NamedLiteral, error) {
	for name, v := range args {
		l, err := literalOf(reflect.ValueOf(v), 0)
		if err != nil && wrong == nil {
			wrong = fmt.Errorf("argument %q: %w", name, err)
		}
		all = append(all, &pluginv1.NamedLiteral{Name: text(name), Value: l})
	}
	slices.SortFunc(all, func(a, b *pluginv1.NamedLiteral) int { return strings.Compare(a.GetName(), b.GetName()) })
	return all, wrong
}

// literalOf makes a plain value with its type.
func literalOf(v reflect.Value, depth int) (*pluginv1.Literal, error) {
	if depth > deepest {
		return nil, errDeep
	}
	switch {
	case !v.IsValid():
		return &pluginv1.Literal{Kind: &pluginv1.Literal_None{None: true}}, nil
	case marshals(v):
		return literalMarshalled(v, depth)
	case v.CanInt():
		return integer(v.Int()), nil
	case v.CanUint():
		return unsigned(v.Uint()), nil
	case v.CanFloat():
		return &pluginv1.Literal{Kind: &pluginv1.Literal_Number{Number: float(v)}}, nil
	}
	switch v.Kind() {
	case reflect.Bool:
		return &pluginv1.Literal{Kind: &pluginv1.Literal_Boolean{Boolean: v.Bool()}}, nil
	case reflect.String:
		if !utf8.ValidString(v.String()) {
			return nil, errText
		}
		return &pluginv1.Literal{Kind: &pluginv1.Literal_Text{Text: v.String()}}, nil
	case reflect.Interface, reflect.Pointer:
		return literalOf(v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		return literalList(v, depth)
	case reflect.Map:
		return literalMap(v, depth)
	case reflect.Struct:
		if special(v.Type()) == "" {
			return literalStruct(v, depth)
		}
	}
	return nil, fmt.Errorf("a %s cannot be an argument: only plain values identify a node", v.Type())
}

// literalMarshalled is what a type says itself that it looks like.
func literalMarshalled(v reflect.Value, depth int) (*pluginv1.Literal, error) {
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return nil, err
	}
	var plain any
	if err := decodeJSON(text, reflect.ValueOf(&plain).Elem()); err != nil {
		return nil, err
	}
	if n, ok := plain.(*big.Int); ok {
		return &pluginv1.Literal{Kind: &pluginv1.Literal_BigInteger{BigInteger: n.String()}}, nil
	}
	return literalOf(reflect.ValueOf(plain), depth+1)
}

func integer(i int64) *pluginv1.Literal {
	return &pluginv1.Literal{Kind: &pluginv1.Literal_Integer{Integer: i}}
}

func unsigned(u uint64) *pluginv1.Literal {
	if u <= math.MaxInt64 {
		return integer(int64(u))
	}
	return &pluginv1.Literal{Kind: &pluginv1.Literal_BigInteger{BigInteger: strconv.FormatUint(u, 10)}}
}

// float is the number that the shortest decimal of v means: 0.1 is the same argument as float32 and as float64.
func float(v reflect.Value) float64 {
	if v.Kind() == reflect.Float64 {
		return v.Float()
	}
	f, err := strconv.ParseFloat(strconv.FormatFloat(v.Float(), 'g', -1, 32), 64)
	if err != nil {
		return v.Float()
	}
	return f
}

func literalList(v reflect.Value, depth int) (*pluginv1.Literal, error) {
	if v.Type().Elem().Kind() == reflect.Uint8 && v.Kind() == reflect.Slice {
		return &pluginv1.Literal{Kind: &pluginv1.Literal_Data{Data: v.Bytes()}}, nil
	}
	list := &pluginv1.LiteralList{Items: make([]*pluginv1.Literal, v.Len())}
	for i := range list.Items {
		var err error
		if list.Items[i], err = literalOf(v.Index(i), depth+1); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return &pluginv1.Literal{Kind: &pluginv1.Literal_List{List: list}}, nil
}

func literalMap(v reflect.Value, depth int) (*pluginv1.Literal, error) {
	keys, err := sortedKeys(v)
	if err != nil {
		return nil, err
	}
	m := &pluginv1.LiteralMap{}
	for _, k := range keys {
		if err := addEntry(m, k.text, v.MapIndex(k.key), depth); err != nil {
			return nil, err
		}
	}
	return &pluginv1.Literal{Kind: &pluginv1.Literal_Map{Map: m}}, nil
}

func literalStruct(v reflect.Value, depth int) (*pluginv1.Literal, error) {
	m := &pluginv1.LiteralMap{}
	for _, f := range fieldsOf(v.Type()) {
		in, ok := f.of(v)
		if !ok {
			continue
		}
		if err := addEntry(m, f.name, in, depth); err != nil {
			return nil, err
		}
	}
	return &pluginv1.Literal{Kind: &pluginv1.Literal_Map{Map: m}}, nil
}

func addEntry(m *pluginv1.LiteralMap, key string, v reflect.Value, depth int) error {
	l, err := literalOf(v, depth+1)
	if err != nil {
		return fmt.Errorf("%q: %w", key, err)
	}
	if !utf8.ValidString(key) {
		return errText
	}
	m.Entries = append(m.Entries, &pluginv1.LiteralMap_Entry{Key: key, Value: l})
	return nil
}
