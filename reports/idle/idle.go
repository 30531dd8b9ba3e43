// Package idle keeps what there is to tell of runs that found nothing to do. Such a run is over before a store could be opened, so it
// appends a line to a file in the workspace, and whoever has the store open later takes the lines from there.
package idle

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/cas/trace"
)

// Run is one that found nothing to do.
type Run struct {
	Run      string    `json:"run"`
	Instance string    `json:"instance"`
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended"`
	Targets  []string  `json:"targets"` // as typed; empty: the Calyxfile's default
	Jobs     int       `json:"jobs"`
	Version  string    `json:"version"` // of calyx
	Command  []string  `json:"command"`
	Host     string    `json:"host"`
	Fresh    int       `json:"fresh"` // how many nodes it found so
}

// maxSize is the size in bytes of a file from which on the next run begins another one. Of full ones, the last is kept.
const maxSize = 128 << 10

// attempts is how often a run looks for a file that nobody is taking away at that moment.
const attempts = 3

// errTaken says that somebody else takes the file, or has taken it.
var errTaken = errors.New("the file is being taken")

func path(root string) string { return filepath.Join(root, ".calyx", "idle") }

// Note writes a run down in the workspace at root. Any number of processes may do so at once.
func Note(root string, r Run) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("note run %q: %w", r.Run, err)
	}
	line = append(line, '\n')
	for range attempts {
		if err = note(path(root), line); !errors.Is(err, errTaken) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("note run %q: %w", r.Run, err)
	}
	return nil
}

func note(path string, line []byte) error {
	size, err := add(path, line)
	if err != nil || size < maxSize {
		return err
	}
	moved, err := setAside(path)
	if err != nil || moved == "" {
		return err
	}
	full, err := allAside(path)
	for _, name := range full {
		if name != moved {
			err = errors.Join(err, os.Remove(name))
		}
	}
	return err
}

// add appends a line to a file and returns how large that is now.
func add(path string, line []byte) (size int64, err error) {
	f, err := open(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, unix.LOCK_SH)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := f.Write(line); err != nil {
		return 0, err
	}
	return f.Seek(0, io.SeekCurrent)
}

// Take hands over the runs that were noted in the workspace at root, oldest first, and forgets them when keep has returned nil. What
// another process takes at the same time is left to it; what it left behind when it was killed is taken. So keep may be given a run again.
func Take(root string, keep func([]Run) error) error {
	if err := take(path(root), keep); err != nil {
		return fmt.Errorf("take over the runs with nothing to do: %w", err)
	}
	return nil
}

func take(path string, keep func([]Run) error) error {
	if _, err := setAside(path); err != nil {
		return err
	}
	aside, err := allAside(path)
	if err != nil {
		return err
	}
	var runs []Run
	var taken []string
	for _, name := range aside {
		f, err := open(name, os.O_RDONLY, unix.LOCK_EX)
		if err != nil {
			continue // another process takes it
		}
		defer f.Close()
		read, err := read(f)
		if err != nil {
			return err
		}
		runs, taken = append(runs, read...), append(taken, name)
	}
	if len(runs) > 0 {
		slices.SortFunc(runs, func(a, b Run) int { return a.Started.Compare(b.Started) })
		if err := keep(runs); err != nil {
			return err
		}
	}
	for _, name := range taken {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// setAside gives the file that runs are noted in a name of its own, under which nobody writes to it, and returns that; empty: there is
// none, or somebody else has it.
func setAside(path string) (moved string, err error) {
	f, err := open(path, os.O_RDONLY, unix.LOCK_EX)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, errTaken) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	moved = path + "-" + rand.Text()
	return moved, os.Rename(path, moved)
}

// allAside lists the files that were set aside.
func allAside(path string) (aside []string, err error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(path)+"-") {
			aside = append(aside, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	return aside, nil
}

// open opens a file and locks it, for as long as it is open. The error is errTaken where somebody else has locked it, or where it has
// another name by now.
func open(path string, flags, how int) (*os.File, error) {
	f, err := os.OpenFile(path, flags, 0o666)
	if err != nil {
		return nil, err
	}
	if err := lock(f, how); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func lock(f *os.File, how int) error {
	if err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err != nil {
		return errTaken
	}
	have, err := f.Stat()
	if err != nil {
		return err
	}
	if is, err := os.Stat(f.Name()); err != nil || !os.SameFile(have, is) {
		return errTaken
	}
	return nil
}

// read reads the runs of a file. A line that was cut, or says nothing of a run, is left out.
func read(f *os.File) (runs []Run, err error) {
	const most = 2 * maxSize // many may have written while it became full
	text, err := io.ReadAll(io.LimitReader(f, most))
	for line := range bytes.Lines(text) {
		var r Run
		if json.Unmarshal(line, &r) == nil && trace.IsRunID(r.Run) {
			runs = append(runs, r)
		}
	}
	return runs, err
}
