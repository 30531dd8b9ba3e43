package state_test

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/graph/state"
	"github.com/calyx-build/calyx/hashing"
)

func write(t testing.TB, root, text string) string {
	t.Helper()
	path := filepath.Join(root, "calyx.state.json")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheFileIsForPeople(t *testing.T) {
	root := t.TempDir()
	path := write(t, root, `{"note": [1.50, 1e2, "\u00fc"], "instances": {"main": {"z": 1.0, "big": 1E400, "a": "x"}, "other": {"x": 0.10}}}`)
	s := open(t, root)
	if _, err := s.Set("main", map[string]any{"lr": 0.01, "a": "<y>"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Unset("main", []string{"z", "none"}); err != nil {
		t.Fatal(err)
	}
	const want = `{
  "version": 1,
  "note": [
    1.50,
    1e2,
    "\u00fc"
  ],
  "instances": {
    "main": {
      "a": "<y>",
      "big": 1E400,
      "lr": 0.01
    },
    "other": {
      "x": 0.10
    }
  }
}
`
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("the file holds\n%s(%v), want\n%s", got, err, want)
	}
	if names, err := s.Instances(); err != nil || !reflect.DeepEqual(names, []string{"main", "other"}) {
		t.Errorf("instances %q, %v", names, err)
	}
}

func TestAnEqualValueChangesNothing(t *testing.T) {
	root := t.TempDir()
	const text = `{"version":1,"instances":{"main":{"f":1e3,"i":1000}}}`
	path := write(t, root, text)
	s := open(t, root)
	changed, err := s.Set("main", map[string]any{"f": 1000.0, "i": int64(1000)})
	if got, _ := os.ReadFile(path); changed || err != nil || string(got) != text {
		t.Errorf("changed %v, %v: %s", changed, err, got)
	}
	if changed, err = s.Set("main", map[string]any{"i": 1000.0}); !changed || err != nil {
		t.Errorf("a float in the place of an integer: changed %v, %v", changed, err)
	}
	if changed, err = open(t, t.TempDir()).Unset("main", []string{"x"}); changed || err != nil {
		t.Errorf("changed %v, %v", changed, err)
	}
}

func TestErrorsHaveAPlace(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", `:1:1: unexpected end`},
		{"{\n  \"version\": 1,,\n}", `:2:16: invalid character ','`},
		{"<<<<<<< HEAD\n{}", `:1:1: invalid character '<'`},
		{"[]", `:1:1: the file is no dictionary`},
		{"{\"version\": 2}", `:1:13: it has version 2, and this calyx knows version 1`},
		{"{\n \"instances\": 3}", `:2:15: "instances" is no dictionary`},
		{"{\n \"instances\": {\"main\": [1]}}", `:2:24: the instance "main" is no dictionary`},
		{"{\"instances\": {\"main\": {\"x\": 1,\n  \"x\": 2}}}", `:2:3: the key "x" comes twice in the instance "main"`},
		{"{\"ü\": \"\xff\"}", `:1:8: it is not UTF-8`},
		{"{} {}", `:1:4: invalid character '{' after top-level value`},
		{strings.Repeat("[", 20000), `:1:10001: invalid character '[' exceeded max depth`},
	} {
		root := t.TempDir()
		path := write(t, root, c.text)
		_, err := open(t, root).Set("main", map[string]any{"lr": 0.5})
		if err == nil || !strings.Contains(err.Error(), `read the state "calyx.state.json"`+c.want) {
			t.Errorf("%.60q: error %v, want %s", c.text, err, c.want)
		}
		if kept, _ := os.ReadFile(path); string(kept) != c.text {
			t.Errorf("%.60q became %q", c.text, kept)
		}
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	root := t.TempDir()
	for _, values := range []map[string]any{{"x": math.Inf(1)}, {"x": math.NaN()}, {"x": "\xff"}, {"x": struct{}{}}} {
		if _, err := open(t, root).Set("main", values); err == nil || !strings.Contains(err.Error(), `set "x"`) {
			t.Errorf("%v: error %v", values, err)
		}
	}
	if entries, _ := os.ReadDir(root); len(entries) != 0 {
		t.Errorf("written: %v", entries)
	}
	for _, uri := range []string{"", "json:", "calyx.json", "sqlite:x.db"} {
		if _, err := state.Open(uri, root); err == nil {
			t.Errorf("no error for the backend %q", uri)
		}
	}
}

func TestALinkIsFollowedToAFileThatIsNotThereYet(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "real", "sub"), 0o777); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"dir": "real/sub", "real/hop": "state.json", "calyx.state.json": "dir/../hop"} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := open(t, root).Set("main", map[string]any{"x": int64(1)}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(filepath.Join(root, "real", "state.json")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("%v, %v", info, err)
	}
}

func TestALoopOfLinksIsAnError(t *testing.T) {
	root := t.TempDir()
	if err := os.Symlink("calyx.state.json", filepath.Join(root, "calyx.state.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, root).Set("main", map[string]any{"x": int64(1)}); err == nil {
		t.Error("no error")
	}
}

func value() *rapid.Generator[any] {
	scalar := rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.String().AsAny(),
		rapid.Float64().Filter(func(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }).AsAny(),
	)
	list := rapid.Map(rapid.SliceOfN(scalar, 0, 3), func(items []any) any { return items })
	return rapid.OneOf(scalar, list, rapid.Map(list, func(v any) any { return hashing.Map{{Key: "k", Value: v}} }))
}

func TestSetAndUnsetDoWhatAMapDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		root := t.TempDir()
		s := open(t, root)
		want := map[string]map[string]any{"main": {}, "other": {}}
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			instance := rapid.SampledFrom([]string{"main", "other"}).Draw(rt, "instance")
			name := rapid.SampledFrom([]string{"a", "b", "ü \"x\"\n"}).Draw(rt, "name")
			if rapid.Bool().Draw(rt, "unset") {
				_, there := want[instance][name]
				changed, err := s.Unset(instance, []string{name})
				if err != nil || changed != there {
					rt.Fatalf("unset: changed %v, want %v; %v", changed, there, err)
				}
				delete(want[instance], name)
			} else {
				v := value().Draw(rt, "value")
				if _, err := s.Set(instance, map[string]any{name: v}); err != nil {
					rt.Fatal(err)
				}
				want[instance][name] = v
			}
		}
		for instance, values := range want {
			got, err := s.Values(instance)
			if err != nil {
				rt.Fatal(err)
			}
			a, err := state.Digest(got)
			if err != nil {
				rt.Fatal(err)
			}
			if b, err := state.Digest(values); err != nil || a != b {
				rt.Fatalf("%q holds %#v, want %#v (%v)", instance, got, values, err)
			}
		}
	})
}

func FuzzAFileThatCanBeReadKeepsItsValues(f *testing.F) {
	for _, text := range []string{`{}`, `{"version":1,"instances":{"main":{"lr":0.01,"n":1.0}}}`, `{"x":{"y":[1,2.50]},"instances":{}}`, "{\"instances\":{\"main\":{\"\\u0061\":1e3}}}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		root := t.TempDir()
		path := write(t, root, string(text))
		s := open(t, root)
		before, err := s.Values("main")
		if err != nil {
			if _, err := s.Set("main", map[string]any{"new": int64(1)}); err != nil {
				if kept, _ := os.ReadFile(path); string(kept) != string(text) {
					t.Fatalf("a file that cannot be read became %q", kept)
				}
			}
			return
		}
		if _, err := s.Set("main", map[string]any{"new": int64(1)}); err != nil {
			t.Fatal(err)
		}
		after, err := s.Values("main")
		if err != nil {
			t.Fatal(err)
		}
		delete(before, "new")
		delete(after, "new")
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("%#v became %#v", before, after)
		}
	})
}
