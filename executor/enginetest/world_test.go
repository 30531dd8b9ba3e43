package enginetest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// world is one workspace with its history.
type world struct {
	t       *testing.T
	r       *rand.Rand
	root    string
	stores  [2]*forgetful // each is a session of its own, as that of a process
	p       *pipeline
	files   map[string]string // the sources as they are now
	lost    losses
	states  map[string]map[string]int64 // what was set, by instance
	targets []string                    // of the last build
	before  []map[string]string         // earlier sources, to go back to
	done    map[string]execution        // by what they saw: the last successful executions
	mu      sync.Mutex                  // guards what follows while builds run
	log     []string                    // the history, for messages
	met     tally
	lossy   bool          // a blob was lost
	ahead   time.Duration // of the system's clock: what has passed in this world
}

func (w *world) now() time.Time { return time.Now().Add(w.ahead) }

func newWorld(t *testing.T, seed uint64, steps int, python bool) *world {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, r: rand.New(rand.NewPCG(seed, 1)), root: root, files: map[string]string{},
		states: map[string]map[string]int64{"default": {}, "other": {}}, done: map[string]execution{},
		lost: losses{t.TempDir()}, met: tally{},
	}
	w.openStores()
	w.p = newPipeline(w.r, steps, python)
	w.met.add(w.p.features())
	for _, path := range w.p.sources {
		w.put(path)
	}
	w.put("glob/a.txt")
	w.put("opt/f0")
	w.writeProgram()
	w.writeCalyxfile()
	return w
}

// say adds to the history; builds that run at the same time may.
func (w *world) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

// meets counts what happens in the history.
func (w *world) meets(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.met[what]++
}

func (w *world) write(path, text string) {
	at := filepath.Join(w.root, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o777), os.WriteFile(at, []byte(text), 0o777)); err != nil {
		w.t.Fatal(err)
	}
}

// put gives a source another content, of a length that does not give it away.
func (w *world) put(path string) {
	text := fmt.Sprint(w.r.IntN(6))
	w.say("put %s %s", path, text)
	w.meets("an edit")
	w.files[path] = text
	w.write(path, text)
}

func (w *world) remove(path string) {
	w.say("remove %s", path)
	if _, ok := w.files[path]; ok {
		w.meets("a deletion")
	}
	delete(w.files, path)
	if err := os.Remove(filepath.Join(w.root, path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
}

// programText is what commands and functions are found in, with its edition.
const programText = "#!/bin/sh\n# %d\n"

func (w *world) writeProgram() {
	w.write("bin/prog", fmt.Sprintf(programText, w.p.program))
	if w.p.python {
		w.write(pythonProgram, w.p.pythonText())
	}
}

func (w *world) writeCalyxfile() { w.write("Calyxfile", w.p.calyxfile()) }

// change does one thing that a user may do between two builds.
func (w *world) change() {
	switch w.r.IntN(15) {
	case 0, 1, 2:
		w.put(w.pick(w.p.sources))
	case 3:
		w.put(w.pick(w.p.optional))
	case 4:
		w.remove(w.pick(w.p.optional))
	case 5:
		w.remove(w.pick(w.p.sources))
	case 6:
		w.changeGlob()
	case 7:
		w.revert()
	case 8:
		w.redefine()
	case 9, 10:
		w.spoil()
	case 11:
		w.set()
	case 12:
		w.changeProgram()
	case 13:
		w.lose()
	case 14:
		w.wait()
	}
}

// wait lets time pass.
func (w *world) wait() {
	d := time.Duration(1+w.r.IntN(5)) * lifetime / 4
	w.say("wait %v", d)
	w.ahead += d
}

// lose takes a blob away behind calyx's back.
func (w *world) lose() {
	name, err := w.lost.lose(w.r)
	if err != nil {
		w.t.Fatal(err)
	}
	if name != "" {
		w.say("lose blob %s", name)
		w.lossy = true
	}
}

func (w *world) pick(from []string) string { return from[w.r.IntN(len(from))] }

func (w *world) changeGlob() {
	path := w.pick([]string{"glob/a.txt", "glob/b.txt", "glob/c.md"})
	if _, ok := w.files[path]; ok && w.r.IntN(2) == 0 {
		w.remove(path)
		return
	}
	w.put(path)
}

// revert goes back to the sources of an earlier build.
func (w *world) revert() {
	if len(w.before) == 0 {
		return
	}
	w.say("revert")
	w.meets("a revert")
	old := w.before[w.r.IntN(len(w.before))]
	for path := range maps.Clone(w.files) {
		if _, ok := old[path]; !ok {
			w.remove(path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(old)) {
		w.files[path] = old[path]
		w.write(path, old[path])
	}
}

// redefine changes the definition of a step.
func (w *world) redefine() {
	s := w.p.steps[w.r.IntN(len(w.p.steps))]
	salt := w.r.IntN(3)
	w.say("redefine %s salt %d", s.name, salt)
	w.meets("a changed definition")
	for _, t := range w.p.steps {
		if t == s || w.p.python && t.calls == s.calls { // one function
			t.salt = salt
		}
	}
	w.writeCalyxfile()
	w.writeProgram()
}

// spoil deletes or edits an output.
func (w *world) spoil() {
	s := w.p.steps[w.r.IntN(len(w.p.steps))]
	if len(s.outs) == 0 {
		return
	}
	path := w.pick(s.outs)
	at := filepath.Join(w.root, path)
	if _, err := os.Lstat(at); err != nil {
		return // what stands where nothing was built is the user's, and stops a build
	}
	if w.r.IntN(2) == 0 {
		w.say("delete output %s", path)
		w.meets("a deleted output")
		if err := os.Remove(at); err != nil {
			w.t.Fatal(err)
		}
		return
	}
	w.say("edit output %s", path)
	w.meets("an edited output")
	w.write(path, fmt.Sprint(w.r.IntN(6)))
}

func (w *world) set() {
	instance, name, v := w.pick([]string{"default", "other"}), w.pick([]string{"p0", "p1"}), int64(w.r.IntN(3))
	w.say("set %s %s=%d", instance, name, v)
	w.meets("a set")
	w.states[instance][name] = v
}

func (w *world) changeProgram() {
	edition := w.r.IntN(4)
	w.say("program %d", edition)
	if code(edition) != code(w.p.program) {
		w.meets("changed code")
	}
	w.p.program = edition
	w.writeProgram()
}
