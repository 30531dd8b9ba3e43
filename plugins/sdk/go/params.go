package calyx

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode"

	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// parameter is a parameter and the field that takes it.
type parameter struct {
	description *pluginv1.Parameter
	field       int
	def         reflect.Value // the default, where there is one
}

var parameterName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parametersOf reads the parameters off a struct type.
func parametersOf(t reflect.Type) ([]parameter, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("its arguments are of type %s, and must be a struct with a field for each parameter", t)
	}
	var all []parameter
	var wrong []error
	seen := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("calyx") == "-" {
			continue
		}
		p, err := parameterOf(f)
		p.field = i
		name := p.description.GetName()
		if err == nil && seen[name] {
			err = fmt.Errorf("a second parameter %q", name)
		}
		seen[name] = true
		if err != nil {
			wrong = append(wrong, fmt.Errorf("field %s: %w", f.Name, err))
		}
		all = append(all, p)
	}
	return all, errors.Join(wrong...)
}

func parameterOf(f reflect.StructField) (parameter, error) {
	name := f.Tag.Get("calyx")
	if name == "" {
		name = snake(f.Name)
	}
	p := parameter{description: &pluginv1.Parameter{Name: name, Type: typeName(f.Type), Doc: text(f.Tag.Get("doc"))}}
	switch {
	case !f.IsExported():
		return p, errors.New("it is not exported, so it cannot be a parameter; leave it out with the tag calyx:\"-\"")
	case !parameterName.MatchString(name):
		return p, fmt.Errorf("%q is no name for a parameter", name)
	case p.description.GetType() == "":
		return p, fmt.Errorf("a %s cannot be a parameter", f.Type)
	}
	given, ok := f.Tag.Lookup("default")
	if !ok {
		return p, nil
	}
	var err error
	if p.def, err = defaultOf(f.Type, given); err == nil {
		p.description.Default, err = literalOf(p.def, 0)
	}
	if err != nil {
		return p, fmt.Errorf("default %q: %w", given, err)
	}
	return p, nil
}

// defaultOf reads a default: JSON, but for strings the text itself.
func defaultOf(t reflect.Type, text string) (reflect.Value, error) {
	v := reflect.New(t).Elem()
	switch {
	case special(t) != "":
		return v, fmt.Errorf("a %s has none", t)
	case t.Kind() == reflect.String:
		v.SetString(text)
		return v, nil
	}
	return v, decodeJSON([]byte(text), v)
}

// snake turns MaxTokens into max_tokens, and URLPath into url_path.
func snake(name string) string {
	letters := []rune(name)
	var b strings.Builder
	for i, r := range letters {
		begins := unicode.IsUpper(r) && i > 0 &&
			(!unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if begins && letters[i-1] != '_' {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

var (
	fileType  = reflect.TypeFor[File]()
	dirType   = reflect.TypeFor[Dir]()
	valueType = reflect.TypeFor[Value]()
	noneType  = reflect.TypeFor[None]()
	bytesType = reflect.TypeFor[[]byte]()
)

// special names the types that are not JSON.
func special(t reflect.Type) string {
	switch t {
	case fileType:
		return "file"
	case dirType:
		return "tree"
	case valueType:
		return "any"
	case bytesType:
		return "bytes"
	case noneType:
		return "none"
	}
	return ""
}

// typeName is a type in the words of the protocol; empty for those that no value has.
func typeName(t reflect.Type) string {
	if name := special(t); name != "" {
		return name
	}
	switch t.Kind() {
	case reflect.Bool:
		return "bool"
	case reflect.String:
		return "string"
	case reflect.Float32, reflect.Float64:
		return "float"
	case reflect.Slice, reflect.Array:
		return "list"
	case reflect.Map, reflect.Struct:
		return "dict"
	case reflect.Interface, reflect.Pointer:
		return "any"
	}
	if reflect.Int <= t.Kind() && t.Kind() <= reflect.Uint64 {
		return "int"
	}
	return ""
}

// returnable tells why a type cannot be returned.
func returnable(t reflect.Type) error {
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Pointer, reflect.Map:
		if err := returnable(t.Elem()); err != nil {
			return err
		}
	}
	if typeName(t) == "" {
		return fmt.Errorf("it returns a %s, which is no value", t)
	}
	return nil
}

// bind puts the arguments into the fields of a struct.
func bind(c *Call, f *function, given []*pluginv1.Argument, into reflect.Value) error {
	taken := 0
	for _, p := range f.parameters {
		name := p.description.GetName()
		field := into.Field(p.field)
		v := argument(given, name)
		switch {
		case v != nil:
			taken++
			if err := (Value{call: c, v: v}).decode(field); err != nil {
				return fmt.Errorf("argument %q: %w", name, err)
			}
		case p.def.IsValid():
			fresh, err := defaultOf(field.Type(), defaultText(into.Type().Field(p.field)))
			if err != nil {
				return fmt.Errorf("argument %q: %w", name, err)
			}
			field.Set(fresh) // calls must not share a slice or a map
		default:
			return fmt.Errorf("argument %q is missing", name)
		}
	}
	if taken < len(given) {
		return unknownArgument(f, given)
	}
	return nil
}

func defaultText(f reflect.StructField) string { return f.Tag.Get("default") }

func argument(given []*pluginv1.Argument, name string) *pluginv1.Value {
	for _, a := range given {
		if a.GetName() == name {
			return a.GetValue()
		}
	}
	return nil
}

func unknownArgument(f *function, given []*pluginv1.Argument) error {
	names := make([]string, len(f.parameters))
	for i, p := range f.parameters {
		names[i] = p.description.GetName()
	}
	for _, a := range given {
		known := false
		for _, name := range names {
			known = known || name == a.GetName()
		}
		if !known {
			return fmt.Errorf("there is no parameter %q (there are %q)", a.GetName(), names)
		}
	}
	return errors.New("an argument is there twice")
}
