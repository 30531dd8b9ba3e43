package executor

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

func TestOutsideSetsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.StringMatching(`[^\x00]{0,20}`)
		sight := rapid.Map(rapid.IntRange(1, int(allSights)), func(i int) Sight { return Sight(i) })
		set := outsideSet(rapid.MapOfN(path, sight, 1, 8).Draw(t, "set"))
		back, err := decodeOutside(set.encode())
		if err != nil || !maps.Equal(set, back) {
			t.Errorf("%v comes back as %v, %v", set, back, err)
		}
	})
}

func FuzzDecodeOutside(f *testing.F) {
	f.Add([]byte{})
	f.Add(outsideSet{"lib/x.py": SawContent, "lib": SawNames | SawStatus}.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := decodeOutside(data)
		if err != nil {
			return
		}
		back, err := decodeOutside(set.encode())
		if err != nil || !maps.Equal(set, back) {
			t.Errorf("%q is %v, and then %v, %v", data, set, back, err)
		}
	})
}

func TestRoots(t *testing.T) {
	dir := t.TempDir()
	env := filepath.Join(dir, "env")
	if err := os.MkdirAll(filepath.Join(env, "lib", "python"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(env, "pyvenv.cfg"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	r := rooter{home: "/home/ada", known: map[string]string{"/home/ada/env/bin": "/home/ada/env"}}
	for path, want := range map[string][2]string{
		"/usr/lib/x.so":                  {"/usr", "lib/x.so"},
		"/bin":                           {"/", "bin"},
		"/home/ada/.config/x":            {"~", ".config/x"},
		"/home/ada":                      {"~", ""},
		"/home/adam/x":                   {"/home", "adam/x"},
		"/nix/store/0a-python/bin/p":     {"/nix/store/0a-python", "bin/p"},
		"/nix/store/0a-python":           {"/nix/store/0a-python", ""},
		"/home/ada/env/bin/python":       {"~/env", "bin/python"},
		env + "/lib/python/m.py":         {env, "lib/python/m.py"},
		filepath.Join(env, "pyvenv.cfg"): {env, "pyvenv.cfg"},
	} {
		if root, below := r.root(path); root != want[0] || below != want[1] {
			t.Errorf("%s is %q of %q, want %q", path, below, root, want)
		}
	}
}

func TestAHomeAmongTemporaryFilesIsOne(t *testing.T) {
	for home, want := range map[string]bool{"/tmp/test/home": true, "/tmp": false, "/home/me": false, "": false} {
		r := rooter{home: home, known: map[string]string{}}
		if got := r.claims("/tmp/test/home/settings"); got != want {
			t.Errorf("with the home %q: %v", home, got)
		}
	}
}

func TestWhatPasses(t *testing.T) {
	for path, want := range map[string]bool{
		"/proc/self/status": true, "/dev/null": true, "/tmp/x": true, "/run": true, "/etc/ld.so.cache": true,
		"/etc/passwd": false, "/usr/lib/x": false, "/temporary": false, "/devices": false, "/": false,
	} {
		if passes(path) != want {
			t.Errorf("%s passes: %v", path, !want)
		}
	}
}
