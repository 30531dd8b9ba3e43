package enginetest

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// python is the interpreter in whose environment the SDK is installed.
var python string

// installPython installs the SDK of this checkout in an environment of its own.
func installPython(t *testing.T) {
	t.Helper()
	found, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here")
	}
	run(t, found, "-c", "import sys; assert sys.version_info >= (3, 10), sys.version")
	venv := filepath.Join(t.TempDir(), "venv")
	run(t, found, "-m", "venv", venv)
	python = filepath.Join(venv, "bin", "python")
	run(t, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "../../plugins/sdk/python")
}

func run(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
}
