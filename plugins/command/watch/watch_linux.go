//go:build amd64 || arm64

package watch

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/executor/workspace"
	"github.com/calyx-build/calyx/hashing"
)

var (
	errForeign = errors.New("it ran a program for another processor, such as a 32-bit one")
	errHidden  = errors.New("it ran a program that does not let itself be looked at")
)

// Watch is what is known of a program and all that it started.
type Watch struct {
	listener  int
	root, own string

	// These are the serving goroutine's alone.
	came   notification
	buffer [nameAt + unix.PathMax]byte
	link   [len("/proc/4294967295/fd/4294967295") + 1]byte
	status unix.Stat_t
	over   bool // nothing more is noted
	rooted bool // one of the programs has a root of its own

	mu    sync.Mutex
	ended bool
	blind error
	found map[string]*executor.Access
	// known are names, and what was seen by them. Of the first so many it stands in found.
	known *known
	noted uint32
	since int64 // when the program came to what is noted, by the clock of the file systems; 0: it waits
	// starts are what the kernel opens to start programs, by the programs' paths without links; empty: nothing more.
	starts map[string]string
	paths  resolver
}

// New makes a Watch of a program that is to be started. What stands at paths within root, a folder without links in its path, is looked at
// before the program does; elsewhere, and within calyx's own folder, soon after (see Access.Before).
func New(root string) *Watch {
	return &Watch{
		root: root, own: root + "/" + workspace.Folder, found: map[string]*executor.Access{}, known: newKnown(), starts: map[string]string{},
		paths: resolver{folders: map[string]string{}},
	}
}

// Looked notes that somebody looked on the program's behalf what is at an absolute path, before it was started.
func (w *Watch) Looked(path string) { w.acts(looks, operand{base: "/", name: path}, 0) }

// Opening notes that a file is about to be opened on the program's behalf, before it is started: name in the folder dir, as open(2)
// takes it.
func (w *Watch) Opening(dir, name string, flags int) {
	w.acts(opens, operand{base: dir, name: name}, uint64(flags))
}

// Accesses ends the watch and returns what it saw, by path, or why it did not see all. It is called when the program has ended;
// programs that it left behind go on, and nothing more is noted of them.
func (w *Watch) Accesses() ([]executor.Access, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteGlances()
	w.ended = true
	all := make([]executor.Access, 0, len(w.found))
	for _, a := range w.found {
		all = append(all, *a)
	}
	slices.SortFunc(all, func(a, b executor.Access) int { return cmp.Compare(a.Path, b.Path) })
	return all, w.blind
}

// blinded notes that something goes unseen; the first cause counts.
func (w *Watch) blinded(err error) { w.blind = cmp.Or(w.blind, err) }

// noteGlances notes what was seen by names that were added since the last time.
func (w *Watch) noteGlances() {
	for added := atomic.LoadUint32(&w.known.added); w.noted < added; w.noted++ {
		n := &w.known.all[w.noted]
		if n.what.sight() == 0 {
			continue
		}
		at, follow := operand{n.pid, "/", string(w.known.spelt(n))}, n.what&follows != 0
		w.since = n.came
		p := w.leads(at, false).path
		if n.came == 0 && w.found[p] == nil {
			w.found[p] = &executor.Access{Path: p, Before: n.before}
		}
		if a := w.access(p); a != nil && follow && (a.Before.IsLink() || a.Changed) {
			p = w.leads(at, true).path
		}
		w.see(p, n.what.sight())
	}
	w.since = 0
}

// acts notes what a call with one path does.
func (w *Watch) acts(e effect, at operand, flags uint64) {
	if e == opensHow {
		e = opens
	}
	if sight, follow := e.sees(flags); sight != 0 {
		w.sees(at, sight, follow)
		return
	}
	switch e {
	case opens:
		w.opens(at, flags)
	case roots:
		w.see(w.leads(at, true).path, executor.SawStatus)
		w.rooted = true
	case runs:
		if at.name == "" { // a descriptor is executed
			at = operand{at.pid, "/", at.base}
		}
		w.runs(at)
	case changes:
		w.change(w.leads(at, true).path)
	case creates, removes:
		p := w.leads(at, false).path
		if e == creates { // which fails where there is something
			w.see(p, executor.SawItself)
		}
		w.change(p)
		w.forget()
	}
}

// opens notes what opening a path for writing sees of it, and that it may change it.
func (w *Watch) opens(at operand, flags uint64) {
	if flags&unix.O_TMPFILE == unix.O_TMPFILE {
		return // a file without a name: it gets one by linkat
	}
	p := w.leads(at, flags&unix.O_NOFOLLOW == 0 && flags&(unix.O_CREAT|unix.O_EXCL) != unix.O_CREAT|unix.O_EXCL).path
	switch {
	case flags&unix.O_TRUNC != 0:
	case flags&unix.O_EXCL != 0:
		w.see(p, executor.SawStatus)
	default: // what is written goes beside what is there
		w.see(p, executor.SawContent)
	}
	w.change(p)
}

// sees notes a sight, once for each way to spell it.
func (w *Watch) sees(at operand, sight executor.Sight, follow bool) {
	if at.base == "" || at.name == "" {
		return
	}
	spelt, what := []byte(at.absolute()), seeing(sight, follow)
	if w.known.has(spelt, what) {
		return
	}
	to := w.leads(at, follow)
	w.see(to.path, sight)
	if !to.own {
		w.knows(spelt, what)
		w.knows(spelt[:bytes.LastIndexByte(spelt, '/')], asFolder)
	}
}

// knows notes a name of which all has been noted.
func (w *Watch) knows(spelt []byte, what what) {
	if !w.known.has(spelt, what) {
		w.known.grow()
		w.known.add(spelt, &name{what: what})
	}
}

func (w *Watch) lists(folder string) {
	if folder != "" {
		w.see(folder, executor.SawNames)
	}
}

// moves notes that a name is given to what has another, which may get that one's.
func (w *Watch) moves(e effect, from, to operand, flags uint64) {
	old := w.leads(from, false).path
	w.see(old, executor.SawContent)
	if a := w.access(old); e == renames {
		w.change(old)
	} else if a != nil {
		a.Before.Ctime = 0
	}
	p := w.leads(to, false).path
	if e == renames && flags&unix.RENAME_EXCHANGE != 0 {
		w.see(p, executor.SawContent)
	}
	w.change(p)
	w.forget()
}

// leads resolves what a program named, and notes the links on the way and the folders that it goes up from; an empty path: nothing that has one.
func (w *Watch) leads(at operand, follow bool) resolved {
	if at.base == "" || at.name == "" {
		return resolved{}
	}
	to := w.paths.resolve(at, follow)
	for _, l := range to.links {
		w.see(l, executor.SawLink)
	}
	for _, l := range to.left {
		w.see(l, executor.SawItself)
	}
	return to
}

func (w *Watch) see(p string, sight executor.Sight) {
	if a := w.access(p); a != nil && !a.Changed {
		a.Saw |= sight
	}
}

func (w *Watch) change(p string) {
	if a := w.access(p); a != nil {
		a.Changed = true
	}
}

func (w *Watch) access(p string) *executor.Access {
	if p == "" {
		return nil
	}
	a := w.found[p]
	if a == nil {
		a = &executor.Access{Path: p}
		a.Before, _ = hashing.Lstat(p) // the zero Stat where there is nothing
		if w.since > 0 && a.Before.Ctime >= w.since {
			a.Before.Ino = 0 // what the program came to may have been another: that is equal to nothing
		}
		w.found[p] = a
	}
	return a
}

// within has names resolved as a program does that has this root.
func (w *Watch) within(root string) {
	if root != w.paths.root {
		w.paths.root = root
		w.forget()
	}
}

// forget drops what is known of links: they may have changed.
func (w *Watch) forget() {
	w.known.forget()
	clear(w.paths.folders)
	w.noted = 0
}
