package calyx

import (
	"reflect"
	"slices"
	"strings"
)

// field is a field of a struct as encoding/json names it.
type field struct {
	name      string
	index     []int
	omitEmpty bool
	omitZero  bool
}

// fieldsOf lists the fields of a struct that JSON shows, in their order. Where names clash, the outermost field wins.
func fieldsOf(t reflect.Type) []field {
	var all []field
	for _, f := range reflect.VisibleFields(t) {
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		if tag == "-" || f.Anonymous && name == "" && embedded(f.Type) || !f.IsExported() || hidden(t, f.Index) {
			continue
		}
		if name == "" {
			name = f.Name
		}
		given := strings.Split(options, ",")
		all = append(all, field{
			name: name, index: f.Index, omitEmpty: slices.Contains(given, "omitempty"), omitZero: slices.Contains(given, "omitzero"),
		})
	}
	return slices.DeleteFunc(all, func(f field) bool {
		return slices.ContainsFunc(all, func(other field) bool { return other.name == f.name && len(other.index) < len(f.index) })
	})
}

// embedded reports whether an embedded type's fields stand for it.
func embedded(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct
}

// hidden reports whether a field lies in an embedded struct that has a name of its own in JSON.
func hidden(t reflect.Type, index []int) bool {
	for i := 1; i < len(index); i++ {
		outer := t.FieldByIndex(index[:i])
		if name, _, _ := strings.Cut(outer.Tag.Get("json"), ","); name != "" {
			return true
		}
	}
	return false
}

// of returns the field's value; ok is false where it is left out.
func (f field) of(v reflect.Value) (reflect.Value, bool) {
	in, err := v.FieldByIndexErr(f.index) // an embedded pointer may be nil
	if err != nil || f.omitZero && in.IsZero() || f.omitEmpty && empty(in) {
		return in, false
	}
	return in, true
}

func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.String, reflect.Array:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}
