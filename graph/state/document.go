package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/calyx-build/calyx/graph"
)

// version is the file's format.
const version = "1"

// document is the file:
//
//	{
//	  "version": 1,
//	  "instances": {
//	    "main": {
//	      "lr": 0.01
//	    }
//	  }
//	}
//
// Values keep the text that they have in the file, as long as nobody sets them, and so does what calyx does not know.
type document struct {
	fields    []field // of the file, "instances" with an empty text
	instances []instance
}

type field struct {
	key string
	raw []byte // JSON
}

type instance struct {
	name   string
	fields []field
}

const (
	versionKey   = "version"
	instancesKey = "instances"
)

func index(fields []field, key string) int {
	return slices.IndexFunc(fields, func(f field) bool { return f.key == key })
}

func (d *document) instance(name string) []field {
	i := slices.IndexFunc(d.instances, func(i instance) bool { return i.name == name })
	if i < 0 {
		return nil
	}
	return d.instances[i].fields
}

// put replaces the fields of an instance, sorted by their keys; a new instance comes last.
func (d *document) put(name string, fields []field) {
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.key, b.key) })
	i := slices.IndexFunc(d.instances, func(i instance) bool { return i.name == name })
	if i < 0 {
		d.instances = append(d.instances, instance{name, fields})
		return
	}
	d.instances[i].fields = fields
}

// set puts values into an instance, and reports whether any is another one than before.
func (d *document) set(name string, values map[string][]byte) (changed bool) {
	old := d.instance(name)
	fields := slices.Clone(old)
	for key, raw := range values {
		i := index(fields, key)
		switch {
		case i < 0:
			fields = append(fields, field{key, raw})
		case sameValue(fields[i].raw, raw):
			continue
		default:
			fields[i].raw = raw
		}
		changed = true
	}
	if changed {
		d.put(name, fields)
	}
	return changed
}

// sameValue compares values, not spellings: 1e3 and 1000.0 are one float.
func sameValue(old, encoded []byte) bool {
	v, err := graph.ParseJSON(old)
	if err != nil {
		return false
	}
	text, err := graph.JSON(v)
	return err == nil && bytes.Equal(text, encoded)
}

func (d *document) unset(name string, keys []string) (changed bool) {
	old := d.instance(name)
	fields := slices.DeleteFunc(slices.Clone(old), func(f field) bool { return slices.Contains(keys, f.key) })
	if len(fields) == len(old) {
		return false
	}
	d.put(name, fields)
	return true
}

// encode writes the file for people and for their diffs: one value a line.
func (d *document) encode() ([]byte, error) {
	instances := make([]field, len(d.instances))
	for i, one := range d.instances {
		instances[i] = field{one.name, appendObject(nil, one.fields)}
	}
	fields := slices.Clone(d.fields)
	if index(fields, versionKey) < 0 {
		fields = slices.Insert(fields, 0, field{versionKey, []byte(version)})
	}
	if index(fields, instancesKey) < 0 {
		fields = append(fields, field{key: instancesKey})
	}
	fields[index(fields, instancesKey)].raw = appendObject(nil, instances)
	var b bytes.Buffer
	if err := json.Indent(&b, appendObject(nil, fields), "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func appendObject(dst []byte, fields []field) []byte {
	dst = append(dst, '{')
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		key, err := graph.JSON(f.key)
		if err != nil {
			panic("internal error: a key of the state is no text: " + err.Error())
		}
		dst = append(append(append(dst, key...), ':'), f.raw...)
	}
	return append(dst, '}')
}

// placedError is what is wrong at a place in the file.
type placedError struct {
	offset int // in bytes
	err    error
}

func (e *placedError) Error() string { return e.err.Error() }

// place counts lines and characters from one.
func (e *placedError) place(text []byte) (line, column int) {
	before := text[:min(max(e.offset, 0), len(text))]
	line = bytes.Count(before, []byte("\n")) + 1
	return line, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
}

// parse reads the file. Its errors are *placedError.
func parse(text []byte) (*document, error) {
	var all json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, &placedError{int(syntax.Offset) - 1, err}
		}
		return nil, &placedError{0, err}
	}
	if at := notUTF8(text); at >= 0 {
		return nil, &placedError{at, errors.New("it is not UTF-8")}
	}
	fields, err := object(text, 0, "the file")
	if err != nil {
		return nil, err
	}
	doc := &document{}
	for _, f := range fields {
		switch {
		case f.key == versionKey && string(f.raw) != version:
			return nil, &placedError{f.offset, fmt.Errorf("it has version %s, and this calyx knows version %s", f.raw, version)}
		case f.key == instancesKey:
			if doc.instances, err = parseInstances(f); err != nil {
				return nil, err
			}
			f.raw = nil
		}
		doc.fields = append(doc.fields, f.field)
	}
	return doc, nil
}

// notUTF8 is where the text stops being UTF-8; -1: nowhere.
func notUTF8(text []byte) int {
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

func parseInstances(f placedField) ([]instance, error) {
	entries, err := object(f.raw, f.offset, `"instances"`)
	if err != nil {
		return nil, err
	}
	var all []instance
	for _, e := range entries {
		values, err := object(e.raw, e.offset, fmt.Sprintf("the instance %q", e.key))
		if err != nil {
			return nil, err
		}
		one := instance{name: e.key}
		for _, v := range values {
			one.fields = append(one.fields, v.field)
		}
		all = append(all, one)
	}
	return all, nil
}

type placedField struct {
	field
	offset int // of the value, in the file
}

// object reads the fields of a JSON object that begins at offset; text is valid JSON, and what it is called is for messages.
func object(text []byte, offset int, what string) ([]placedField, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, &placedError{offset, fmt.Errorf("%s is no dictionary", what)}
	}
	var fields []placedField
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		key, ok := token.(string)
		at := offset + int(d.InputOffset())
		switch {
		case err != nil || !ok:
			return nil, &placedError{at, fmt.Errorf("read a key: %w", err)}
		case seen[key]:
			return nil, &placedError{at - len(key) - 2, fmt.Errorf("the key %q comes twice in %s", key, what)}
		}
		seen[key] = true
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, &placedError{at, err}
		}
		fields = append(fields, placedField{field{key, raw}, offset + int(d.InputOffset()) - len(raw)})
	}
	return fields, nil
}
