package workspace

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// journal notes the paths that this process is about to have written, so that what a killed build leaves half done counts
// as calyx's own. It is one file per process, locked as long as the process lives; the next one takes over the paths of
// those that died.
type journal struct {
	name string
	file *os.File
	mu   sync.Mutex
	open map[string]bool // noted, and not settled since
}

func openJournal(dir, scratch string) (*journal, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("open the journal of the workspace: %w", err)
	}
	name := strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return nil, fmt.Errorf("open the journal of the workspace: %w", err)
	}
	j := &journal{name: name, file: f, open: map[string]bool{}}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the journal of the workspace: %w", err), f.Close())
	}
	j.takeOver(dir, scratch)
	return j, nil
}

// takeOver adds what dead processes noted, and removes their journals and scratch folders.
func (j *journal) takeOver(dir, scratch string) {
	others, err := os.ReadDir(dir)
	if err != nil {
		return // nothing is lost: the next process tries again
	}
	for _, other := range others {
		path := filepath.Join(dir, other.Name())
		f, err := os.Open(path)
		if err != nil || other.Name() == j.name {
			continue
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			if text, err := os.ReadFile(path); err == nil && j.note(split(text)...) == nil {
				_ = os.Remove(path)
				_ = os.RemoveAll(filepath.Join(scratch, other.Name()))
			}
		}
		_ = f.Close()
	}
}

func split(text []byte) []string {
	var paths []string
	for p := range bytes.SplitSeq(text, []byte{0}) {
		if len(p) > 0 {
			paths = append(paths, string(p))
		}
	}
	return paths
}

// note says that the paths will be written.
func (j *journal) note(paths ...string) error {
	if len(paths) == 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var text []byte
	for _, p := range paths {
		j.open[p] = true
		text = append(append(text, p...), 0)
	}
	if _, err := j.file.Write(text); err != nil {
		return fmt.Errorf("write the journal of the workspace: %w", err)
	}
	return nil
}

// settle says that what stands at the paths is recorded, or gone.
func (j *journal) settle(paths ...string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, p := range paths {
		delete(j.open, p)
	}
}

func (j *journal) noted(path string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.open[path]
}

// close removes the journal; where paths are not settled it leaves them for the next process.
func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	path := j.file.Name()
	if len(j.open) == 0 {
		return errors.Join(os.Remove(path), j.file.Close())
	}
	return j.file.Close()
}
