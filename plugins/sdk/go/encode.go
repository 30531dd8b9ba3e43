package calyx

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/calyx-build/calyx/plugins/proto"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// encode makes a value of what a function returned.
func (c *Call) encode(result any) (*pluginv1.Value, error) {
	switch r := result.(type) {
	case None:
		return &pluginv1.Value{}, nil
	case File:
		return c.result(r.Path, mediaBinary)
	case Dir:
		return c.result(r.Path, mediaTree)
	case Value:
		return c.encodeValue(r)
	case []byte:
		return c.inline(r, mediaBinary)
	}
	v := reflect.ValueOf(result)
	if v.IsValid() && v.Kind() == reflect.Slice && special(v.Type().Elem()) != "" {
		return c.encodeList(v)
	}
	text, err := appendJSON(nil, v, 0)
	if err != nil {
		return nil, err
	}
	return c.inline(text, mediaJSON)
}

func (c *Call) encodeList(v reflect.Value) (*pluginv1.Value, error) {
	list := &pluginv1.ValueList{Items: make([]*pluginv1.Value, v.Len())}
	for i := range list.Items {
		var err error
		if list.Items[i], err = c.encode(v.Index(i).Interface()); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return &pluginv1.Value{MediaType: mediaList, Content: &pluginv1.Value_List{List: list}}, nil
}

func (c *Call) encodeValue(r Value) (*pluginv1.Value, error) {
	switch content := r.v.GetContent().(type) {
	case *pluginv1.Value_Path:
		return c.result(string(content.Path), r.Media())
	case *pluginv1.Value_Inline:
		return c.inline(content.Inline, r.Media())
	case *pluginv1.Value_List:
		return c.encodeList(reflect.ValueOf(r.Items()))
	}
	return &pluginv1.Value{}, nil
}

// inline makes a value of bytes, by way of a file where they are many.
func (c *Call) inline(data []byte, media string) (*pluginv1.Value, error) {
	if len(data) <= proto.MaxInline {
		return &pluginv1.Value{MediaType: media, Content: &pluginv1.Value_Inline{Inline: data}}, nil
	}
	path, err := c.newFile("")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return nil, err
	}
	return &pluginv1.Value{MediaType: media, Content: &pluginv1.Value_Path{Path: []byte(path)}}, nil
}

// deepest is how deep values may be nested: one that holds itself must end somewhere.
const deepest = 100

var errDeep = fmt.Errorf("it is nested more than %d deep", deepest)

// appendJSON writes v as encoding/json does, but that a float always has a point or an exponent: to calyx 1 and 1.0 are
// different values. The keys of maps are sorted.
func appendJSON(b []byte, v reflect.Value, depth int) ([]byte, error) {
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
		return appendJSON(b, v.Elem(), depth+1)
	case reflect.Float32, reflect.Float64:
		return appendFloat(b, v)
	case reflect.String:
		return appendString(b, v.String())
	case reflect.Struct:
		return appendStruct(b, v, depth)
	case reflect.Map:
		return appendMap(b, v, depth)
	case reflect.Slice, reflect.Array:
		return appendList(b, v, depth)
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
	case json.Marshaler, encoding.TextMarshaler:
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

func appendString(b []byte, s string) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	err := e.Encode(s)
	return append(b, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...), err
}

func appendStruct(b []byte, v reflect.Value, depth int) ([]byte, error) {
	b = append(b, '{')
	first := true
	for _, f := range fieldsOf(v.Type()) {
		in, ok := f.of(v)
		if !ok {
			continue
		}
		var err error
		if b, err = appendEntry(b, f.name, in, depth, first); err != nil {
			return nil, err
		}
		first = false
	}
	return append(b, '}'), nil
}

func appendEntry(b []byte, key string, v reflect.Value, depth int, first bool) ([]byte, error) {
	if !first {
		b = append(b, ',')
	}
	b, err := appendString(b, key)
	if err != nil {
		return nil, err
	}
	if b, err = appendJSON(append(b, ':'), v, depth+1); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return b, nil
}

func appendMap(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if v.IsNil() {
		return append(b, "null"...), nil
	}
	keys, err := sortedKeys(v)
	if err != nil {
		return nil, err
	}
	b = append(b, '{')
	for i, k := range keys {
		if b, err = appendEntry(b, k.text, v.MapIndex(k.key), depth, i == 0); err != nil {
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
		case k.CanInt() || k.CanUint():
			keys = append(keys, mapKey{fmt.Sprint(k.Interface()), k})
		default:
			return nil, errors.New("the keys of a dictionary must be strings or integers")
		}
	}
	slices.SortFunc(keys, func(a, b mapKey) int { return cmp.Compare(a.text, b.text) })
	return keys, nil
}

func appendList(b []byte, v reflect.Value, depth int) ([]byte, error) {
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
		if b, err = appendJSON(b, v.Index(i), depth+1); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return append(b, ']'), nil
}
