// Package state keeps the stored values that users set, per instance: their data, in a file of theirs, never in the cache.
package state

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// Default is the backend of a workspace that names none.
const Default = "json:calyx.state.json"

// Store keeps the values of instances: nil, bool, int64, *big.Int, float64, string, []any or hashing.Map, as package graph
// has them. Its methods may be called by several processes at once; a reader sees the file before a change or after it.
type Store struct {
	path string // of the JSON file
	name string // of the file, for messages
}

// Open finds the backend that uri names, for the workspace root. Nothing is read or written yet.
func Open(uri, root string) (*Store, error) {
	kind, where, ok := strings.Cut(uri, ":")
	switch {
	case !ok || where == "":
		return nil, fmt.Errorf("state backend %q: want json:PATH", uri)
	case kind != "json":
		return nil, fmt.Errorf("state backend %q: only json:PATH is supported by this version of calyx", uri)
	}
	path := where
	if !filepath.IsAbs(path) {
		path = filepath.Join(root, filepath.FromSlash(path))
	}
	return &Store{path: path, name: where}, nil
}

// Values returns the values that were set in an instance of the workspace root, by name.
func Values(uri, root, instance string) (map[string]any, error) {
	s, err := Open(uri, root)
	if err != nil {
		return nil, err
	}
	return s.Values(instance)
}

// File is the path of the file that holds the values of all instances.
func (s *Store) File() string { return s.path }

// Values returns the values that were set in an instance, by name.
func (s *Store) Values(instance string) (map[string]any, error) {
	doc, err := s.read()
	if err != nil {
		return nil, err
	}
	fields := doc.instance(instance)
	values := make(map[string]any, len(fields))
	for _, f := range fields {
		if values[f.key], err = graph.ParseJSON(f.raw); err != nil {
			return nil, &FileError{fmt.Errorf("read the state %q: %q of instance %q: %w", s.name, f.key, instance, err)}
		}
	}
	return values, nil
}

// Digest is the digest of an instance's values: equal ones, in whatever order, have the same.
func Digest(values map[string]any) (hashing.Digest, error) {
	sorted := make(hashing.Map, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		sorted = append(sorted, hashing.Pair{Key: name, Value: values[name]})
	}
	encoded, err := hashing.Canonical(sorted)
	return hashing.Sum(encoded), err
}

// Instances names the instances that the file knows, sorted.
func (s *Store) Instances() ([]string, error) {
	doc, err := s.read()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, i := range doc.instances {
		names = append(names, i.name)
	}
	slices.Sort(names)
	return names, nil
}

// Set puts values into an instance, all or none; what is there under other names stays. It reports whether any value is
// another one than before; where none is, the file is not touched.
func (s *Store) Set(instance string, values map[string]any) (changed bool, err error) {
	encoded := make(map[string][]byte, len(values))
	for name, v := range values {
		if encoded[name], err = graph.JSON(v); err != nil {
			return false, fmt.Errorf("set %q: %w", name, err)
		}
	}
	return s.edit(func(doc *document) bool { return doc.set(instance, encoded) })
}

// Unset takes values out of an instance. It reports whether any of them was there.
func (s *Store) Unset(instance string, names []string) (changed bool, err error) {
	return s.edit(func(doc *document) bool { return doc.unset(instance, names) })
}

// edit reads, changes and writes the file under a lock, so that no change of another process is lost. The lock is that of
// the folder: the file itself is replaced, and other workspaces may use the same one.
func (s *Store) edit(change func(*document) bool) (changed bool, err error) {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o777); err != nil {
		return false, fmt.Errorf("make the folder of the state %q: %w", s.name, err)
	}
	target, err := resolve(s.path)
	if err != nil {
		return false, fmt.Errorf("write the state %q: %w", s.name, err)
	}
	lock := flock.New(filepath.Dir(target), flock.SetFlag(os.O_RDONLY))
	if err := lock.Lock(); err != nil {
		return false, fmt.Errorf("lock the folder of the state %q: %w", s.name, err)
	}
	changed, err = s.editLocked(target, change)
	return changed, errors.Join(err, lock.Unlock())
}

func (s *Store) editLocked(target string, change func(*document) bool) (changed bool, err error) {
	doc, err := s.read()
	if err != nil || !change(doc) {
		return false, err
	}
	text, err := doc.encode()
	if err == nil {
		err = replace(target, text)
	}
	if err != nil {
		return false, fmt.Errorf("write the state %q: %w", s.name, err)
	}
	return true, nil
}

// read returns the file's content; an empty one where there is no file.
func (s *Store) read() (*document, error) {
	text, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return &document{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	doc, err := parse(text)
	var bad *placedError
	if errors.As(err, &bad) {
		line, column := bad.place(text)
		return nil, &FileError{fmt.Errorf("read the state %q:%d:%d: %w", s.name, line, column, bad.err)}
	}
	return doc, err
}

// FileError says what is wrong in the file, which is the user's: to be edited and merged like a source.
type FileError struct{ error }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.error }
