package state_test

import (
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/graph/state"
	"github.com/calyx-build/calyx/hashing"
)

func open(t *testing.T, root string) *state.Store {
	t.Helper()
	s, err := state.Open(state.Default, root)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestValuesComeBackAsTheyWere(t *testing.T) {
	root := t.TempDir()
	values := map[string]any{
		"i": int64(1), "f": 1.0, "big": bigInt("123456789012345678901234567890"), "s": "ü\n", "b": true, "n": nil, "l": []any{int64(1), 2.5, "x"}, "d": hashing.Map{{Key: "z", Value: int64(1)}, {Key: "a", Value: 0.1}},
	}
	if changed, err := open(t, root).Set("main", values); err != nil || !changed {
		t.Fatal(changed, err)
	}
	got, err := open(t, root).Values("main")
	if err != nil || !reflect.DeepEqual(got, values) {
		t.Fatalf("%#v, %v; want %#v", got, err, values)
	}
	if changed, err := open(t, root).Set("main", values); err != nil || changed {
		t.Fatal("setting equal values changed the file", err)
	}
}

func TestTheFolderIsMade(t *testing.T) {
	s, err := state.Open("json:new/folder/state.json", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := s.Unset("main", []string{"lr"}); err != nil || changed {
		t.Errorf("unset where nothing is set: %v, %v", changed, err)
	}
	if _, err := s.Set("main", map[string]any{"lr": 0.5}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Values("main"); err != nil || got["lr"] != 0.5 {
		t.Errorf("%v, %v; want what was set", got, err)
	}
}

func TestUnknownKeysStay(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "calyx.state.json")
	if err := os.WriteFile(path, []byte(`{"version":1,"note":[1.50,"keep"],"instances":{"other":{"x":1}}}`), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, root).Set("main", map[string]any{"lr": 0.5}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"note"`, `"keep"`, `"other"`, `"lr": 0.5`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o640 {
		t.Errorf("the file's mode became %v, %v", st.Mode(), err)
	}
}

func TestCoerce(t *testing.T) {
	for _, c := range []struct {
		declared any
		text     string
		want     any
	}{
		{int64(1), "-3", int64(-3)}, {int64(1), "1.5", nil}, {1.5, "2", 2.0}, {1.5, "x", nil}, {1.5, "nan", nil},
		{1.5, "0.1", 0.1}, {1.5, "1e999", nil}, {int64(1), "123456789012345678901234567890", bigInt("123456789012345678901234567890")},
		{int64(1), "1_000", nil}, {nil, "text", "text"}, {hashing.Map{}, "[1]", nil}, {[]any{}, "[1", nil}, {true, "false", false}, {true, "1", nil}, {"s", "12", "12"}, {[]any{}, "[1]", []any{int64(1)}}, {[]any{}, `{"a":1}`, nil},
	} {
		got, err := state.Coerce(c.declared, c.text)
		if (err != nil) != (c.want == nil) || !reflect.DeepEqual(got, c.want) {
			t.Errorf("Coerce(%v, %q) = %v, %v; want %v", c.declared, c.text, got, err, c.want)
		}
	}
}

func TestCoerceValue(t *testing.T) {
	for _, c := range []struct {
		declared, v, want any
		bad               bool
	}{
		{1.5, int64(2), 2.0, false}, {1.5, bigInt("1000000000000000000000"), 1e21, false}, {int64(1), 2.0, nil, true},
		{"s", int64(1), nil, true}, {"s", nil, nil, false}, {nil, []any{}, []any{}, false}, {true, "true", nil, true},
		{[]any{"x"}, []any{int64(1)}, []any{int64(1)}, false}, {hashing.Map{}, []any{}, nil, true},
	} {
		got, err := state.CoerceValue(c.declared, c.v)
		if (err != nil) != c.bad || !reflect.DeepEqual(got, c.want) {
			t.Errorf("CoerceValue(%v, %v) = %v, %v; want %v", c.declared, c.v, got, err, c.want)
		}
	}
}

func bigInt(digits string) *big.Int {
	i, _ := new(big.Int).SetString(digits, 10)
	return i
}
