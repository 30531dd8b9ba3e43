package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestPlugins builds the plugins that need no SDK, has the conformance kit check them, and builds something with them.
func TestPlugins(t *testing.T) {
	calyx := filepath.Join(t.TempDir(), "calyx")
	run(t, ".", "go", "build", "-o", calyx, "../cmd/calyx")
	for _, c := range []struct {
		folder         string
		tools          []string
		build, command []string
		files          []string // of what was built, that the command needs
	}{
		{"plugins/rust", []string{"cargo"}, []string{"cargo", "build", "--quiet"}, []string{"target/debug/words"}, []string{"target/debug/words"}},
		{"plugins/java", []string{"mvn", "javac"}, []string{"mvn", "-B", "-q", "-ntp", "package"}, []string{"java", "-jar", "target/words.jar"}, []string{"target/words.jar", "target/lib"}},
	} {
		t.Run(c.folder, func(t *testing.T) {
			t.Parallel()
			for _, tool := range c.tools {
				if err := exec.Command(tool, "--version").Run(); err != nil { // rustup puts a cargo there before it has one
					t.Skipf("there is no %s here: %v", tool, err)
				}
			}
			run(t, c.folder, c.build...)
			run(t, c.folder, append([]string{calyx, "plugin", "check", "--"}, c.command...)...)
			dir := folder(t)
			for _, file := range append(c.files, "Calyxfile", "poem.txt") {
				place(t, filepath.Join(c.folder, file), filepath.Join(dir, file))
			}
			useWords(t, dir, calyx)
		})
	}
}

// place links a file or folder to another place.
func place(t *testing.T, file, at string) {
	t.Helper()
	file, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, at); err != nil {
		t.Fatal(err)
	}
}

// useWords builds with a plugin that counts words, changes the file that it asked for, and builds again.
func useWords(t *testing.T, dir, calyx string) {
	t.Helper()
	if first := build(t, dir, calyx); !slices.Equal(first, []string{"counts", "frequent"}) {
		t.Errorf("the first build executed %q", first)
	}
	frequent, err := os.ReadFile(filepath.Join(dir, "frequent.txt"))
	if err != nil || string(frequent) != "\"a\":2\n\"red\":2\n" {
		t.Errorf("frequent.txt is %q: %v", frequent, err)
	}
	if again := build(t, dir, calyx); len(again) != 0 {
		t.Errorf("the second build executed %q", again)
	}
	poem := filepath.Join(dir, "poem.txt")
	if err := os.Remove(poem); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(poem, []byte("a red a wheel\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if third := build(t, dir, calyx); !slices.Equal(third, []string{"counts", "frequent"}) {
		t.Errorf("after an edit, a build executed %q", third)
	}
}
