// Package examples holds what shows calyx at work, and tests that it does.
package examples

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestTour builds Calyxfile.example as its first line says, with the real program.
func TestTour(t *testing.T) {
	calyx := filepath.Join(t.TempDir(), "calyx")
	run(t, ".", "go", "build", "-o", calyx, "../cmd/calyx")
	dir := folder(t)
	if err := os.CopyFS(dir, os.DirFS("../testdata/example")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../Calyxfile.example")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Calyxfile"), text, 0o666); err != nil {
		t.Fatal(err)
	}

	first := build(t, dir, calyx)
	if !slices.Contains(first, "report") || !slices.Contains(first, "everything") {
		t.Errorf("the first build executed %q", first)
	}
	if again := build(t, dir, calyx); !slices.Equal(again, []string{"check"}) { // cache = False
		t.Errorf("the second build executed %q, want only the step that runs in every run", again)
	}

	run(t, dir, calyx, "set", "top", "1")
	if after := build(t, dir, calyx); !slices.Contains(after, "report") || slices.Contains(after, "rows") {
		t.Errorf("after top was set, a build executed %q", after)
	}
}
