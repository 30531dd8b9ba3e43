// Package node tests the Node SDK: it runs the SDK's own tests against the calyx of this checkout.
package node

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestSDK(t *testing.T) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("there is no %s here", tool)
		}
	}
	dir := t.TempDir()
	t.Setenv("CALYX_BIN", filepath.Join(dir, "calyx"))
	t.Setenv("CALYX_DOCS", absolute(t, "../../../docs"))
	run(t, ".", "go", "build", "-o", filepath.Join(dir, "calyx"), "../../../cmd/calyx")
	own := copySDK(t, filepath.Join(dir, "sdk"))
	run(t, own, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	run(t, own, "npm", "test")
	run(t, own, "npm", "run", "types")
	run(t, own, os.Getenv("CALYX_BIN"), "plugin", "check", "--", "node", "tests/conformance.js")
}

// copySDK copies what belongs to the package, so that nothing is installed into the checkout.
func copySDK(t *testing.T, to string) string {
	t.Helper()
	for _, folder := range []string{"src", "tests"} {
		if err := os.CopyFS(filepath.Join(to, folder), os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	full, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return full
}

func run(t *testing.T, dir string, argv ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	t.Logf("%s", out)
}
