package check

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// jsonOf is the value that JSON spells.
func jsonOf(text string) *pluginv1.Value { return inline(trace.MediaJSON, text) }

func inline(media, content string) *pluginv1.Value {
	return &pluginv1.Value{MediaType: media, Content: &pluginv1.Value_Inline{Inline: []byte(content)}}
}

// jsonText is a string as a value.
func jsonText(text string) *pluginv1.Value {
	b, _ := json.Marshal(text) // a string can always be written
	return jsonOf(string(b))
}

// file puts a value into a read-only file, as the host does with long ones.
func (k *kit) file(v *pluginv1.Value) (*pluginv1.Value, error) {
	dir, err := k.folder()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "value")
	if err := os.WriteFile(path, v.GetInline(), 0o400); err != nil {
		return nil, err
	}
	return &pluginv1.Value{MediaType: v.GetMediaType(), Content: &pluginv1.Value_Path{Path: []byte(path)}}, nil
}

func arg(name string, v *pluginv1.Value) *pluginv1.Argument {
	return &pluginv1.Argument{Name: name, Value: v}
}

// answered is the answer that a thing has this value.
func answered(v *pluginv1.Value) *pluginv1.Answer {
	return &pluginv1.Answer{Answer: &pluginv1.Answer_Value{Value: v}}
}

func absent() *pluginv1.Answer {
	return &pluginv1.Answer{Answer: &pluginv1.Answer_Absent{Absent: true}}
}

func wrong(why string) *pluginv1.Answer {
	return &pluginv1.Answer{Answer: &pluginv1.Answer_Error{Error: why}}
}

// same tells how two values differ. Text is the same as a JSON string, and null the same as no value, since languages have
// one word for both.
func same(got, want *pluginv1.Value) error {
	if g, w := spell(got), spell(want); g != w && (g != nothing || w != "null") {
		return fmt.Errorf("it returned %s, and not %s", shorten(g, 80), shorten(w, 80))
	}
	return nil
}

// nothing is how a value that is none is spelt.
const nothing = "nothing"

// spell writes a value in a form that is the same for the same values.
func spell(v *pluginv1.Value) string {
	content := v.GetInline()
	switch c := v.GetContent().(type) {
	case nil:
		return nothing
	case *pluginv1.Value_Path:
		if v.GetMediaType() == trace.MediaTree {
			return "a folder"
		}
		var err error
		if content, err = os.ReadFile(string(c.Path)); err != nil {
			return err.Error()
		}
	case *pluginv1.Value_List:
		return spellList(c.List.GetItems())
	}
	media, _, _ := strings.Cut(v.GetMediaType(), ";")
	switch media {
	case trace.MediaJSON:
		return spellJSON(content)
	case "text/plain":
		return strconv.Quote(string(content))
	}
	return media + ":" + hex.EncodeToString(content)
}

func spellList(items []*pluginv1.Value) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = spell(item)
	}
	return "[" + strings.Join(texts, ",") + "]"
}

func spellJSON(content []byte) string {
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil || d.More() {
		return fmt.Sprintf("broken JSON (%s)", shorten(string(content), 60))
	}
	var b strings.Builder
	spellPlain(&b, v)
	return b.String()
}

func spellPlain(b *strings.Builder, v any) {
	switch v := v.(type) {
	case json.Number:
		b.WriteString(spellNumber(v.String()))
	case string:
		b.WriteString(strconv.Quote(v))
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			spellPlain(b, item)
		}
		b.WriteByte(']')
	case map[string]any:
		spellMap(b, v)
	case nil:
		b.WriteString("null")
	default:
		fmt.Fprint(b, v) // true or false
	}
}

func spellMap(b *strings.Builder, m map[string]any) {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	b.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(key) + ":")
		spellPlain(b, m[key])
	}
	b.WriteByte('}')
}

// spellNumber keeps integers and floats apart.
func spellNumber(text string) string {
	if !strings.ContainsAny(text, ".eE") {
		return text
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return "float " + strconv.FormatFloat(f, 'g', -1, 64)
}
