package workspace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// spares are empty scratch folders. Making and removing one costs as much as a tenth of a trivial command, and most
// commands leave nothing in theirs.
type spares struct {
	mu   sync.Mutex
	dirs []string
}

func (s *spares) take() (dir string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.dirs) == 0 {
		return "", false
	}
	dir = s.dirs[len(s.dirs)-1]
	s.dirs = s.dirs[:len(s.dirs)-1]
	return dir, true
}

func (s *spares) put(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirs = append(s.dirs, dir)
}

// Scratch returns an empty private folder, which goes with the process, or by Recycle before.
func (w *Workspace) Scratch() (string, error) {
	if dir, ok := w.spare.take(); ok {
		return dir, nil
	}
	dir := filepath.Join(w.scratch, strconv.FormatInt(w.count.Add(1), 36))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("make a scratch folder: %w", err)
	}
	return dir, nil
}

// Recycle takes a scratch folder back: an empty one for another step, any other is removed. Nobody may use it any more.
func (w *Workspace) Recycle(dir string) error {
	names, err := os.ReadDir(dir)
	if err == nil && len(names) == 0 {
		w.spare.put(dir)
		return nil
	}
	if err = errors.Join(err, removeAll(dir)); err != nil {
		return fmt.Errorf("remove a scratch folder: %w", err)
	}
	return nil
}
