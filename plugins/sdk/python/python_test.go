// Package python tests the Python SDK: it runs the SDK's own tests against the calyx of this checkout.
package python

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestSDK(t *testing.T) {
	python := interpreter(t)
	dir := t.TempDir()
	calyx := filepath.Join(dir, "calyx")
	run(t, "go", "build", "-o", calyx, "../../../cmd/calyx")
	venv := filepath.Join(dir, "venv")
	run(t, python, "-m", "venv", venv)
	own := filepath.Join(venv, "bin", "python")
	run(t, own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ".[test]")
	t.Setenv("CALYX_BIN", calyx)
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
	run(t, own, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
	run(t, calyx, "plugin", "check", "--", own, "tests/conformance.py")
	run(t, own, "-m", "ruff", "check", "--no-cache", ".")
	run(t, own, "-m", "mypy", "--cache-dir", filepath.Join(dir, "mypy"), "src/calyx")
}

// TestTorch runs the tests of tensors with Debian's PyTorch, which make deps installs: the one on PyPI brings CUDA along, some GB of it.
func TestTorch(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.CommandContext(t.Context(), python, "-c", "import ensurepip, torch").Run(); err != nil {
		t.Skip("PyTorch is not installed: make deps, as root")
	}
	dir := t.TempDir()
	calyx := filepath.Join(dir, "calyx")
	run(t, "go", "build", "-o", calyx, "../../../cmd/calyx")
	venv := filepath.Join(dir, "venv")
	run(t, python, "-m", "venv", "--system-site-packages", venv)
	own := filepath.Join(venv, "bin", "python")
	run(t, own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ".", "pytest")
	t.Setenv("CALYX_BIN", calyx)
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
	run(t, own, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "torch or tensors", "tests/test_tensors.py")
}

// interpreter finds a Python that the SDK supports.
func interpreter(t *testing.T) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here")
	}
	run(t, python, "-c", "import sys; assert sys.version_info >= (3, 10), sys.version")
	return python
}

func run(t *testing.T, argv ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env = os.Environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	} else {
		t.Logf("%s", out)
	}
}
