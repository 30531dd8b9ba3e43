package workspace

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/cas/folder"
)

// journal notes the paths that this process is about to have written, so that what a killed build left half written
// counts as calyx's. It is one file per process, locked for as long as the process lives; whoever comes next takes over
// the paths of those that died. It is never synchronised: a machine that stops may lose a note, and what stands there
// then has to be moved by hand.
type journal struct {
	root         string // of the workspace
	dir, scratch string
	name         string
	file         *os.File
	aside        *asides

	mu    sync.Mutex
	notes map[string]intent // not settled
}

// intent is who meant to write a path.
type intent uint8

const (
	nobody intent = iota
	thisProcess
	deadProcess
)

func openJournal(root string, aside *asides) (*journal, error) {
	dir, scratch := filepath.Join(root, Folder, "journal"), filepath.Join(root, Folder, "tmp")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("open the journal of the workspace: %w", err)
	}
	name := strconv.Itoa(os.Getpid()) + "-" + rand.Text()
	f, err := createLocked(dir, name)
	if err != nil {
		return nil, fmt.Errorf("open the journal of the workspace: %w", err)
	}
	j := &journal{root: root, dir: dir, scratch: scratch, name: name, file: f, aside: aside, notes: map[string]intent{}}
	j.takeOver()
	return j, nil
}

// createLocked makes a journal that has its name only once it is locked: nobody can take it for a dead process's.
func createLocked(dir, name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, beginning+name), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	err = lockFile(f, unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// beginning marks the name of a journal that is not locked yet.
const beginning = "."

// takeOver adds what dead processes noted. What they started and left running is ended, and their scratch folders go.
// What fails here is tried again by the next process.
func (j *journal) takeOver() {
	if j.file == nil {
		return
	}
	others, err := os.ReadDir(j.dir)
	if err != nil {
		return
	}
	for _, other := range others {
		if other.Name() == j.name || strings.HasPrefix(other.Name(), beginning) {
			continue
		}
		f, err := os.Open(filepath.Join(j.dir, other.Name()))
		if err != nil {
			continue
		}
		if lockFile(f, unix.LOCK_EX|unix.LOCK_NB) == nil {
			j.inherit(f, filepath.Join(j.scratch, other.Name()))
		}
		_ = f.Close()
	}
}

// inherit takes over one journal, which is locked now.
func (j *journal) inherit(f *os.File, scratch string) {
	endOrphans(scratch)
	text, err := os.ReadFile(f.Name())
	paths, put := split(text)
	if err != nil || j.note(deadProcess, paths...) != nil || j.inheritAsides(put) != nil {
		return
	}
	pid, _, _ := strings.Cut(filepath.Base(f.Name()), "-")
	j.sweep(folder.TemporaryPrefix+pid+"-", paths)
	// The journal goes last: whoever is killed before leaves all of this to the next process.
	_ = removeAll(scratch)
	_ = os.Remove(f.Name())
}

// sweep removes the files that a dead process was just restoring, which lie beside the outputs. (Those in a folder that is
// an output show when that is looked at.)
func (j *journal) sweep(prefix string, paths []string) {
	seen := map[string]bool{}
	for _, p := range paths {
		if !filepath.IsAbs(p) {
			p = filepath.Join(j.root, p)
		}
		dir := filepath.Dir(p)
		if seen[dir] {
			continue
		}
		seen[dir] = true
		names, _ := os.ReadDir(dir) // a folder that is not there holds nothing
		for _, n := range names {
			if strings.HasPrefix(n.Name(), prefix) {
				_ = os.Remove(filepath.Join(dir, n.Name()))
			}
		}
	}
}

// inheritAsides takes over what a dead process had put aside: it comes back to its place, or is adopted, when the step runs again.
func (j *journal) inheritAsides(put []aside) error {
	for _, a := range put {
		at := displaced(j.root, a.moment, a.path)
		if _, err := os.Lstat(at); err != nil {
			continue // it is back, or was adopted
		}
		if err := errors.Join(j.noteAside(a.moment, a.path), j.note(deadProcess, a.path)); err != nil {
			return err
		}
		j.aside.put(a.path, at)
	}
	return nil
}

// aside is foreign content that was put aside at a moment.
type aside struct{ moment, path string }

// asideMark begins the note of what is put aside. No path of an output begins so.
const asideMark = "./"

// noteAside says that what stands at an output's path is about to be put aside.
func (j *journal) noteAside(moment, path string) error {
	return j.append(asideMark + moment + "/" + path + "\x00")
}

func split(text []byte) (paths []string, put []aside) {
	for p := range bytes.SplitSeq(text, []byte{0}) {
		if noted, ok := strings.CutPrefix(string(p), asideMark); ok {
			moment, path, _ := strings.Cut(noted, "/")
			put = append(put, aside{moment, path})
		} else if len(p) > 0 {
			paths = append(paths, string(p))
		}
	}
	return paths, put
}

func (j *journal) append(text string) error {
	if _, err := j.file.WriteString(text); err != nil {
		return fmt.Errorf("write the journal of the workspace: %w", err)
	}
	return nil
}

// note says who means to write the paths.
func (j *journal) note(who intent, paths ...string) error {
	if len(paths) == 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var text strings.Builder
	for _, p := range paths {
		j.notes[p] = who
		text.WriteString(p + "\x00")
	}
	return j.append(text.String())
}

// settle says that what stands at the paths is recorded, or gone.
func (j *journal) settle(paths ...string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, p := range paths {
		delete(j.notes, p)
	}
}

func (j *journal) noted(path string) intent {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.notes[path]
}

// close removes the journal; where paths are not settled it leaves them to the next process.
func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.notes) == 0 {
		return errors.Join(os.Remove(filepath.Join(j.dir, j.name)), j.file.Close())
	}
	return j.file.Close()
}
