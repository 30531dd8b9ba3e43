package state_test

import (
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
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
	big, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	values := map[string]any{
		"i": int64(1), "f": 1.0, "big": big, "s": "ü\n", "b": true, "n": nil, "l": []any{int64(1), 2.5, "x"}, "d": hashing.Map{{Key: "z", Value: int64(1)}, {Key: "a", Value: 0.1}},
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

func TestConcurrentSetsLoseNothing(t *testing.T) {
	root := t.TempDir()
	var wg sync.WaitGroup
	for i := range 20 {
		s := open(t, root)
		wg.Go(func() {
			if _, err := s.Set("main", map[string]any{fmt.Sprintf("k%d", i): int64(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	values, err := open(t, root).Values("main")
	if err != nil || len(values) != 20 {
		t.Fatalf("%d values, %v", len(values), err)
	}
}

func TestAMalformedFileIsNamedAndKept(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "calyx.state.json")
	const text = "{\n  \"version\": 1,,\n}"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := open(t, root).Set("main", map[string]any{"lr": 0.5})
	if err == nil || !strings.Contains(err.Error(), `"calyx.state.json":2:`) {
		t.Errorf("error %v", err)
	}
	if kept, _ := os.ReadFile(path); string(kept) != text {
		t.Errorf("the file became %q", kept)
	}
}

func TestCoerce(t *testing.T) {
	for _, c := range []struct {
		declared any
		text     string
		want     any
	}{
		{int64(1), "-3", int64(-3)}, {int64(1), "1.5", nil}, {1.5, "2", 2.0}, {1.5, "x", nil}, {1.5, "nan", nil},
		{true, "false", false}, {true, "1", nil}, {"s", "12", "12"}, {[]any{}, "[1]", []any{int64(1)}}, {[]any{}, `{"a":1}`, nil},
	} {
		got, err := state.Coerce(c.declared, c.text)
		if (err != nil) != (c.want == nil) || !reflect.DeepEqual(got, c.want) {
			t.Errorf("Coerce(%v, %q) = %v, %v; want %v", c.declared, c.text, got, err, c.want)
		}
	}
}
