// Package state keeps the stored values that users set, per instance: their data, in a file of theirs, never in the cache.
package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// Default is the backend of a workspace that names none.
const Default = "json:calyx.state.json"

// Store keeps the values of instances. Its methods may be called by several processes at once.
type Store struct {
	path string // of the JSON file
	lock string
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
	lock := filepath.Join(root, ".calyx", "state-"+hashing.Sum([]byte(path)).Hex()[:16]+".lock")
	return &Store{path: path, lock: lock, name: where}, nil
}

// Values returns the values that were set in an instance, by name.
func (s *Store) Values(instance string) (map[string]any, error) {
	doc, err := s.read()
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	for _, p := range section(section(doc, "instances"), instance) {
		values[p.Key] = p.Value
	}
	return values, nil
}

// Instances names the instances in which something was set, sorted.
func (s *Store) Instances() ([]string, error) {
	doc, err := s.read()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range section(doc, "instances") {
		names = append(names, p.Key)
	}
	slices.Sort(names)
	return names, nil
}

// Set puts values into an instance, all or none; what is there under other names stays. It reports whether anything is now
// another value than before.
func (s *Store) Set(instance string, values map[string]any) (changed bool, err error) {
	return s.edit(instance, func(at hashing.Map) hashing.Map {
		for name, v := range values {
			at = put(at, name, v)
		}
		return at
	})
}

// Unset takes values out of an instance. It reports whether any of them was there.
func (s *Store) Unset(instance string, names []string) (changed bool, err error) {
	return s.edit(instance, func(at hashing.Map) hashing.Map {
		return slices.DeleteFunc(slices.Clone(at), func(p hashing.Pair) bool { return slices.Contains(names, p.Key) })
	})
}

// edit reads, changes and writes the file under its lock, so that no change of another process is lost.
func (s *Store) edit(instance string, change func(hashing.Map) hashing.Map) (bool, error) {
	if err := os.MkdirAll(filepath.Dir(s.lock), 0o777); err != nil {
		return false, fmt.Errorf("lock the state %q: %w", s.name, err)
	}
	lock := flock.New(s.lock)
	if err := lock.Lock(); err != nil {
		return false, fmt.Errorf("lock the state %q: %w", s.name, err)
	}
	changed, err := s.editLocked(instance, change)
	return changed, errors.Join(err, lock.Unlock())
}

func (s *Store) editLocked(instance string, change func(hashing.Map) hashing.Map) (bool, error) {
	doc, err := s.read()
	if err != nil {
		return false, err
	}
	before, err := graph.JSON(doc)
	if err != nil {
		return false, fmt.Errorf("read the state %q: %w", s.name, err)
	}
	instances := section(doc, "instances")
	values := change(section(instances, instance))
	slices.SortFunc(values, func(a, b hashing.Pair) int { return strings.Compare(a.Key, b.Key) })
	if len(values) > 0 || has(instances, instance) {
		instances = put(instances, instance, values)
	}
	if !has(doc, "version") {
		doc = append(hashing.Map{{Key: "version", Value: int64(1)}}, doc...)
	}
	doc = put(doc, "instances", instances)
	after, err := graph.JSON(doc)
	if err != nil {
		return false, fmt.Errorf("write the state %q: %w", s.name, err)
	}
	if string(before) == string(after) {
		return false, nil
	}
	return true, s.write(doc)
}

// read returns the file's content; an empty one where there is no file.
func (s *Store) read() (hashing.Map, error) {
	text, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return hashing.Map{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	v, err := graph.ParseJSON(text)
	if err != nil {
		return nil, fmt.Errorf("read the state %q%s: %w", s.name, placeOf(text, err), err)
	}
	doc, ok := v.(hashing.Map)
	if !ok {
		return nil, fmt.Errorf("read the state %q: it holds no dictionary", s.name)
	}
	if version, ok := get(doc, "version"); ok && version != int64(1) {
		return nil, fmt.Errorf("read the state %q: it has version %v, and this calyx knows version 1", s.name, version)
	}
	return doc, checkSections(s.name, doc)
}

func checkSections(name string, doc hashing.Map) error {
	instances, ok := get(doc, "instances")
	if !ok {
		return nil
	}
	all, ok := instances.(hashing.Map)
	if !ok {
		return fmt.Errorf(`read the state %q: "instances" is no dictionary`, name)
	}
	for _, p := range all {
		if _, ok := p.Value.(hashing.Map); !ok {
			return fmt.Errorf("read the state %q: the instance %q is no dictionary", name, p.Key)
		}
	}
	return nil
}

// write replaces the file at once and durably; a link stays a link to the file that it names.
func (s *Store) write(doc hashing.Map) error {
	text, err := pretty(doc)
	if err != nil {
		return fmt.Errorf("write the state %q: %w", s.name, err)
	}
	target := s.path
	if real, err := filepath.EvalSymlinks(s.path); err == nil {
		target = real
	}
	if err := renameio.WriteFile(target, text, 0o666, renameio.WithExistingPermissions()); err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	return nil
}
