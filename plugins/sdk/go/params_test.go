package calyx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

func TestParameters(t *testing.T) {
	type all struct {
		MaxTokens int      `default:"5" doc:"how many"`
		URLPath   string   `default:"a b"`
		Seed      any      `default:"1"`
		Rate      float64  `calyx:"lr" default:"1"`
		Words     []string `default:"[\"a\"]"`
		Options   map[string]any
		Data      []byte
		Corpus    File
		Folder    Dir
		Whatever  Value
		Left      int `calyx:"-"`
	}
	got, err := parametersOf(reflect.TypeFor[all]())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, p := range got {
		line := p.description.GetName() + " " + p.description.GetType()
		if d := p.description.GetDefault(); d != nil {
			line += " = " + show(d)
		}
		lines = append(lines, line)
	}
	want := []string{
		"max_tokens int = 5", `url_path string = "a b"`, "seed any = 1", "lr float = float 1", `words list = ["a"]`,
		"options dict", "data bytes", "corpus file", "folder tree", "whatever any",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(lines, "\n"))
	}
}

// show spells a literal, since protobuf's own text form is made to vary.
func show(l *pluginv1.Literal) string {
	switch k := l.GetKind().(type) {
	case *pluginv1.Literal_Integer:
		return fmt.Sprint(k.Integer)
	case *pluginv1.Literal_Number:
		return fmt.Sprint("float ", k.Number)
	case *pluginv1.Literal_Text:
		return strconv.Quote(k.Text)
	case *pluginv1.Literal_List:
		var items []string
		for _, item := range k.List.GetItems() {
			items = append(items, show(item))
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	return "?"
}

// All that is wrong with a plugin is told at once, and by name.
func TestSignatureErrors(t *testing.T) {
	p := NewPlugin("p", "1")
	Func(p, "f", func(*Call, struct{ hidden int }) (int, error) { return 0, nil })
	Func(p, "g", func(*Call, int) (int, error) { return 0, nil })
	Func(p, "h", func(*Call, struct {
		A int `calyx:"x"`
		B int `calyx:"x"`
		C int `default:"one"`
		D chan int
	}) (chan int, error) {
		return nil, nil
	})
	Func(p, "no name", func(*Call, struct{}) (int, error) { return 0, nil })
	Func(p, "twice", func(*Call, struct{}) (int, error) { return 0, nil })
	Func(p, "twice", func(*Call, struct{}) (int, error) { return 0, nil })
	Func[struct{}, int](p, "nil", nil)
	t.Setenv("CALYX_PLUGIN_COOKIE", "9c0f6a5e1f4d4c0b8a7f3e2d1c5b4a69")
	var said bytes.Buffer
	err := p.serve(&said)
	if err == nil || said.Len() > 0 {
		t.Fatalf("it was served (%v) and said %q", err, said.String())
	}
	for _, want := range []string{
		`function "f": field hidden: it is not exported`,
		`function "g": its arguments are of type int`,
		`a second parameter "x"`, `default "one"`, "a chan int cannot be a parameter", "it returns a chan int",
		`function "no name": that is no name`, `function "twice": it is there twice`, `function "nil": it is nil`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
}

func TestNotStartedByCalyx(t *testing.T) {
	t.Setenv("CALYX_PLUGIN_COOKIE", "")
	if err := NewPlugin("p", "1").serve(nil); err == nil || !strings.Contains(err.Error(), "plugin for calyx") {
		t.Error(err)
	}
}

func inlineValue(media, content string) Value {
	return BytesResult([]byte(content), media)
}

func TestDecode(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "n.json")
	if err := os.WriteFile(path, []byte("[1,2]"), 0o600); err != nil {
		t.Fatal(err)
	}
	list := Value{v: &pluginv1.Value{MediaType: mediaList, Content: &pluginv1.Value_List{List: &pluginv1.ValueList{
		Items: []*pluginv1.Value{inlineValue(mediaJSON, "1").v, inlineValue(mediaJSON, "2").v}}}}}
	check(t, inlineValue(mediaJSON, `5`), 5, "")
	check(t, inlineValue(mediaJSON, `5`), 5.0, "")
	check(t, inlineValue(mediaJSON, `5.0`), any(5.0), "")
	check(t, inlineValue(mediaJSON, `5`), any(int64(5)), "")
	check(t, inlineValue(mediaJSON, `[5, 5.0, null]`), []any{int64(5), 5.0, nil}, "")
	check(t, inlineValue(mediaJSON, `{"a": {"b": 5}}`), map[string]map[string]any{"a": {"b": int64(5)}}, "")
	check(t, inlineValue(mediaJSON, `{"any": [5], "other": 5}`), &holder{Any: []any{int64(5)}, Other: 5}, "")
	huge, _ := new(big.Int).SetString("12345678901234567890", 10)
	check(t, inlineValue(mediaJSON, `[12345678901234567890, 1e19]`), []any{huge, 1e19}, "")
	check(t, inlineValue(mediaJSON, `5.5`), 0, "a JSON number 5.5 cannot be read as a int")
	check(t, inlineValue(mediaJSON, `"x"`), 0, "a JSON string cannot be read as a int")
	check(t, inlineValue(mediaJSON, `1 2`), 0, "more than one value")
	check(t, inlineValue(mediaJSON, `"é"`), "é", "")
	check(t, inlineValue(mediaJSON, `"é"`), []byte("é"), "")
	check(t, inlineValue(mediaJSON, `[1]`), []byte("[1]"), "")
	check(t, inlineValue("text/plain", "raw"), "raw", "")
	check(t, inlineValue("text/plain", "raw"), any("raw"), "")
	check(t, inlineValue("image/png", "raw"), any([]byte("raw")), "")
	check(t, inlineValue("image/png", "raw"), 0, "a value of type image/png cannot be read as a int")
	check(t, FileResult(path, mediaJSON), []int{1, 2}, "")
	check(t, FileResult(path, mediaJSON), File{path}, "")
	check(t, FileResult(path, mediaJSON), Dir{}, "a file was given for a folder")
	check(t, DirResult(dir), Dir{dir}, "")
	check(t, DirResult(dir), File{}, "a folder was given for a file")
	check(t, DirResult(dir), "", "is a directory")
	check(t, list, []int{1, 2}, "")
	check(t, list, any([]any{int64(1), int64(2)}), "")
	check(t, list, []string{}, "element 0: a JSON number cannot be read as a string")
	check(t, list, 0, "a list of 2 values cannot be read as a int")
	check(t, list, Dir{}, "a list of 2 values was given for a folder")
	check(t, list, File{}, "a list of 2 values was given for a file")
	check(t, Value{v: &pluginv1.Value{}}, 0, "")
}

// check reads a value as a T, and wants that T or an error that holds a text.
// holder holds anything.
type holder struct {
	Any   any
	Other float64
}

func check[T any](t *testing.T, v Value, want T, wrong string) {
	t.Helper()
	got, err := As[T](v)
	switch {
	case wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)):
		t.Errorf("read as %T: error %v, want %q", want, err, wrong)
	case wrong == "" && (err != nil || !reflect.DeepEqual(got, want)):
		t.Errorf("read as %T: %#v (%v), want %#v", want, got, err, want)
	}
}

func TestLiterals(t *testing.T) {
	args := Args{
		"b": true, "i": -1, "u": uint64(1) << 63, "f": float32(0.1), "g": 1.0, "s": "x", "d": []byte("y"), "n": nil,
		"l": []any{1, "a"}, "m": map[string]int{"b": 2, "a": 1}, "o": inner{1, "x"},
	}
	got, err := appendArgs(nil, args, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names string
	for _, a := range got {
		names += a.GetName()
	}
	if names != "bdfgilmnosu" {
		t.Errorf("they are in the order %s", names)
	}
	if f := got[2].GetValue().GetNumber(); f != 0.1 {
		t.Errorf("float32(0.1) is %v", f)
	}
	if u := got[10].GetValue().GetBigInteger(); u != "9223372036854775808" {
		t.Errorf("1<<63 is %q", u)
	}
	entries := got[6].GetValue().GetMap().GetEntries()
	if len(entries) != 2 || entries[0].GetKey() != "a" || !proto.Equal(entries[1].GetValue(), integer(2)) {
		t.Errorf("the map is %v", entries)
	}
	for _, wrong := range []any{make(chan int), File{"x"}, "\xff", []any{func() {}}} {
		if _, err := appendArgs(nil, Args{"x": wrong}, nil); err == nil || !strings.Contains(err.Error(), `argument "x"`) {
			t.Errorf("%T: %v", wrong, err)
		}
	}
}

// What says itself what it looks like is an argument as it is a value.
func TestLiteralsThatMarshal(t *testing.T) {
	huge, _ := new(big.Int).SetString("-12345678901234567890", 10)
	for _, c := range []struct {
		v    any
		want *pluginv1.Literal
	}{
		{time.Unix(0, 0).UTC(), &pluginv1.Literal{Kind: &pluginv1.Literal_Text{Text: "1970-01-01T00:00:00Z"}}},
		{json.Number("1.0"), &pluginv1.Literal{Kind: &pluginv1.Literal_Number{Number: 1}}},
		{big.NewInt(7), integer(7)},
		{huge, &pluginv1.Literal{Kind: &pluginv1.Literal_BigInteger{BigInteger: huge.String()}}},
		{time.May, integer(5)},
	} {
		got, err := literalOf(reflect.ValueOf(c.v), 0)
		if err != nil || !proto.Equal(got, c.want) {
			t.Errorf("%v is %v (%v), want %v", c.v, got, err, c.want)
		}
	}
}

func TestSnake(t *testing.T) {
	for name, want := range map[string]string{"X": "x", "Text": "text", "MaxTokens": "max_tokens", "URLPath": "url_path", "HTTP": "http", "A1": "a1", "Top_K": "top_k"} {
		if got := snake(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
