// Package python tests the Python SDK: it runs the SDK's own tests against the calyx of this checkout.
package python

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	run(t, calyx, "plugin", "check", "--", own, "tests/conformance.py", "--queued")
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

// TestPythons runs the tests of builds, and of nodes by hand, with the oldest and the newest Python that can be found here, and that TestSDK does not run with.
func TestPythons(t *testing.T) {
	calyx := filepath.Join(t.TempDir(), "calyx")
	run(t, "go", "build", "-o", calyx, "../../../cmd/calyx")
	t.Setenv("CALYX_BIN", calyx)
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
	others := otherPythons(t)
	if len(others) == 0 {
		t.Skip("there is one Python here")
	}
	for _, python := range others {
		t.Run(filepath.Base(python), func(t *testing.T) {
			venv := filepath.Join(t.TempDir(), "venv")
			run(t, python, "-m", "venv", venv)
			own := filepath.Join(venv, "bin", "python")
			run(t, own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ".", "pytest")
			run(t, own, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_build.py", "tests/test_byhand.py")
		})
	}
}

// otherPythons are the oldest and the newest supported interpreters on PATH or of pyenv, without that of TestSDK.
func otherPythons(t *testing.T) []string {
	t.Helper()
	const oldest, newest = 10, 20
	own, _ := exec.CommandContext(t.Context(), interpreter(t), "-c", "import sys; print(f'python3.{sys.version_info[1]}')").Output()
	var found []string
	for minor := oldest; minor < newest; minor++ {
		name := fmt.Sprintf("python3.%d", minor)
		if name == strings.TrimSpace(string(own)) {
			continue
		}
		candidates, _ := filepath.Glob(filepath.Join(os.Getenv("HOME"), ".pyenv", "versions", fmt.Sprintf("3.%d.*", minor), "bin", name))
		for _, python := range append(candidates, name) {
			if exec.CommandContext(t.Context(), python, "-c", "import ensurepip").Run() == nil { // a shim of pyenv may have nothing behind it
				found = append(found, python)
				break
			}
		}
	}
	if len(found) > 2 {
		found = []string{found[0], found[len(found)-1]}
	}
	return found
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
