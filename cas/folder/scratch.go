package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// scratch is one process's folder for files on their way. The process holds a lock on it, so that others can tell a
// living process's folder from one that a killed process left behind, also from inside another container.
type scratch struct {
	parent string

	mu   sync.Mutex
	path string
	lock *os.File
}

func (s *scratch) get() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.path == "" {
		if err := s.make(); err != nil {
			return "", fmt.Errorf("make a folder for temporary files in the cache: %w", err)
		}
	}
	return s.path, nil
}

// make leaves path empty where Sweep, in another process, removed the folder before it was locked.
func (s *scratch) make() error {
	if err := os.MkdirAll(s.parent, 0o700); err != nil {
		return err
	}
	path, err := os.MkdirTemp(s.parent, "")
	if err != nil {
		return err
	}
	lock, err := tryLock(path)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); err != nil {
		return lock.Close()
	}
	s.path, s.lock = path, lock
	return nil
}

func (s *scratch) remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path == "" {
		return nil
	}
	err := errors.Join(os.RemoveAll(s.path), s.lock.Close())
	s.path, s.lock = "", nil
	return err
}

// tryLock opens and locks a folder; the lock ends with the file or its process.
func tryLock(path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Sweep removes the scratch folders of processes that are no more.
func (f *Folder) Sweep() error {
	entries, err := os.ReadDir(f.scratch.parent)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		path := filepath.Join(f.scratch.parent, e.Name())
		lock, lockErr := tryLock(path)
		if lockErr != nil {
			continue // its process lives
		}
		err = errors.Join(err, os.RemoveAll(path), lock.Close())
	}
	if err != nil {
		return fmt.Errorf("remove old temporary files from the cache %q: %w", f.path, err)
	}
	return nil
}
