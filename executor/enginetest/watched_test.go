package enginetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
)

// access notes that the command does something with a path, as one that is watched would be seen to.
func (c *call) access(path string) *executor.Access {
	a, ok := c.accesses[path]
	if !ok {
		before, _ := hashing.Lstat(path) // the zero Stat where there is nothing
		a = &executor.Access{Path: path, Before: before}
		c.accesses[path] = a
	}
	return a
}

// read is os.ReadFile by a command.
func (c *call) read(path string) ([]byte, error) {
	c.access(path).Saw |= executor.SawContent
	return os.ReadFile(path)
}

// lookInto reads a file that the step does not declare.
func (c *call) lookInto(path string) (string, error) {
	text, err := c.read(filepath.Join(c.t.Command.Dir, path))
	switch {
	case errors.Is(err, os.ErrNotExist):
		c.note("saw no %s", path)
		c.r.meets("an absence for a watched command")
		return "absent", nil
	case err != nil:
		return "", err
	}
	c.opened = path
	c.note("saw %s %q", path, text)
	return "is " + string(text), nil
}

// lookOver lists a folder that the step does not declare.
func (c *call) lookOver(path string) (string, error) {
	at := filepath.Join(c.t.Command.Dir, path)
	c.access(at).Saw |= executor.SawContent | executor.SawNames
	entries, err := os.ReadDir(at)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	c.note("saw in %s %q", path, names)
	return fmt.Sprint(names), nil
}
