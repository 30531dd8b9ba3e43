package calyx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// As reads a value as a T, by the rules for parameters (see Func).
func As[T any](v Value) (T, error) {
	var into T
	err := v.decode(reflect.ValueOf(&into).Elem())
	return into, err
}

// decode reads the value into a variable.
func (v Value) decode(into reflect.Value) error {
	t := into.Type()
	switch special(t) {
	case "file":
		return v.decodePath(into, false)
	case "tree":
		return v.decodePath(into, true)
	case "any":
		into.Set(reflect.ValueOf(v))
		return nil
	case "bytes":
		b, err := v.textOrBytes()
		into.SetBytes(b)
		return err
	case "none":
		return nil
	}
	switch {
	case v.v.GetList() != nil || v.Media() == mediaList:
		return v.decodeList(into)
	case t.Kind() == reflect.String && v.Media() != mediaJSON:
		b, err := v.Bytes()
		into.SetString(string(b))
		return err
	case v.Media() == mediaTree:
		return fmt.Errorf("a folder cannot be read as a %s (take a Dir)", t)
	case v.Media() == "" && v.v.GetContent() == nil: // a function that returned nothing
		into.SetZero()
		return nil
	case isAny(t) && v.Media() != mediaJSON:
		b, err := v.Bytes()
		if strings.HasPrefix(v.Media(), "text/") {
			into.Set(reflect.ValueOf(string(b)))
		} else {
			into.Set(reflect.ValueOf(b))
		}
		return err
	case v.Media() != mediaJSON && v.v.GetPath() == nil:
		return fmt.Errorf("a value of type %s cannot be read as a %s", v.Media(), t)
	}
	b, err := v.Bytes()
	if err != nil {
		return err
	}
	return decodeJSON(b, into)
}

func isAny(t reflect.Type) bool { return t.Kind() == reflect.Interface && t.NumMethod() == 0 }

func (v Value) decodePath(into reflect.Value, dir bool) error {
	if v.v.GetList() != nil {
		return fmt.Errorf("a list of %d values was given for a %s", len(v.Items()), map[bool]string{false: "file", true: "folder"}[dir])
	}
	path, err := v.Path()
	if err != nil {
		return err
	}
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case st.IsDir() && !dir:
		return errors.New("a folder was given for a file")
	case !st.IsDir() && dir:
		return errors.New("a file was given for a folder")
	}
	into.Field(0).SetString(path)
	return nil
}

// textOrBytes returns the text of a JSON string, and the bytes of anything else.
func (v Value) textOrBytes() ([]byte, error) {
	b, err := v.Bytes()
	if err != nil || v.Media() != mediaJSON {
		return b, err
	}
	var s string
	if json.Unmarshal(b, &s) == nil {
		return []byte(s), nil
	}
	return b, nil
}

func (v Value) decodeList(into reflect.Value) error {
	items := v.v.GetList().GetItems()
	switch {
	case isAny(into.Type()):
		list := make([]any, len(items))
		if err := v.decodeItems(items, reflect.ValueOf(list)); err != nil {
			return err
		}
		into.Set(reflect.ValueOf(list))
		return nil
	case into.Kind() != reflect.Slice:
		return fmt.Errorf("a list of %d values cannot be read as a %s", len(items), into.Type())
	}
	into.Set(reflect.MakeSlice(into.Type(), len(items), len(items)))
	return v.decodeItems(items, into)
}

func (v Value) decodeItems(items []*pluginv1.Value, into reflect.Value) error {
	for i, item := range items {
		if err := (Value{call: v.call, v: item}).decode(into.Index(i)); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return nil
}

// decodeJSON reads JSON into a variable.
func decodeJSON(text []byte, into reflect.Value) error {
	d := json.NewDecoder(bytes.NewReader(text))
	anything := holdsAny(into.Type(), map[reflect.Type]bool{})
	if anything {
		d.UseNumber()
	}
	err := d.Decode(into.Addr().Interface())
	if err == nil && d.Decode(new(any)) != io.EOF {
		err = errors.New("there is more than one value")
	}
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		return fmt.Errorf("a JSON %s cannot be read as a %s", wrongType.Value, wrongType.Type)
	case err != nil:
		return fmt.Errorf("read JSON: %w", err)
	case anything:
		exact(into)
	}
	return nil
}
