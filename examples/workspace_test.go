package examples

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// workspace is a copy of an example in which a test may build and edit.
type workspace struct {
	t     *testing.T
	dir   string
	calyx string
}

// setUp copies an example, and what of the checkout its set-up uses, to a folder of the test's, and sets it up.
func setUp(t *testing.T, name string) workspace {
	t.Helper()
	root := folder(t)
	for _, path := range []string{"go.mod", "go.sum", "plugins/proto", "plugins/sdk", "examples/" + name} {
		copyTracked(t, "..", path, root)
	}
	w := workspace{t: t, dir: filepath.Join(root, "examples", name), calyx: filepath.Join(root, "calyx")}
	run(t, ".", "go", "build", "-o", w.calyx, "../cmd/calyx")
	run(t, w.dir, "./setup.sh")
	return w
}

// folder is one of the test's. It is removed at its end, while a store server that leaves may still write into it: to remove a large
// workspace takes longer than one stays.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "calyx-example-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := os.RemoveAll(dir)
		for tries := 100; err != nil && tries > 0; tries-- {
			err = os.RemoveAll(dir)
		}
		if err != nil {
			t.Error(err)
		}
	})
	return dir
}

// copyTracked copies a file or folder, without what somebody who set it up in place left there.
func copyTracked(t *testing.T, from, path, to string) {
	t.Helper()
	ignored := map[string]bool{".calyx": true, ".venv": true, "node_modules": true, "corpus": true, "bin": true, "out": true}
	err := filepath.WalkDir(filepath.Join(from, path), func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ignored[entry.Name()] {
			return filepath.SkipDir
		}
		below, err := filepath.Rel(from, file)
		if err != nil || entry.IsDir() {
			return err
		}
		return copyFile(file, filepath.Join(to, below))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	return os.WriteFile(to, data, info.Mode())
}

// build returns the nodes that a build executed.
func (w workspace) build() []string {
	w.t.Helper()
	return build(w.t, w.dir, w.calyx)
}

// run runs calyx and returns what it printed.
func (w workspace) run(args ...string) string {
	w.t.Helper()
	return string(run(w.t, w.dir, append([]string{w.calyx}, args...)...))
}

// get decodes the value of a node.
func (w workspace) get(node string, value any) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(w.run("get", "--json", node)), value); err != nil {
		w.t.Fatalf("the value of %s: %v", node, err)
	}
}

// edit replaces a text that a file has once.
func (w workspace) edit(file, from, to string) {
	w.t.Helper()
	path := filepath.Join(w.dir, file)
	data, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	if strings.Count(string(data), from) != 1 {
		w.t.Fatalf("%s does not have %q once", file, from)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), from, to, 1)), 0o666); err != nil {
		w.t.Fatal(err)
	}
}

// needs skips the test where a program is missing.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s here", program)
		}
	}
}

// build returns the nodes that a build executed.
func build(t *testing.T, dir, calyx string) []string {
	t.Helper()
	var executed []string
	for line := range bytes.Lines(run(t, dir, calyx, "build", "--json")) {
		var event struct{ Event, Node, Outcome string }
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if event.Outcome == "executed" {
			executed = append(executed, event.Node)
		}
	}
	return executed
}

func run(t *testing.T, dir string, argv ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(argv, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.Bytes()
}
