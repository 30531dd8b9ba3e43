//go:build amd64 || arm64

package watch

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
)

var (
	errForeign = errors.New("it ran a program for another processor, such as a 32-bit one")
	errHidden  = errors.New("it ran a program that does not let itself be looked at")
)

// Watch is what is known of a program and all that it started.
type Watch struct {
	listener int
	root     string
	buffer   [unix.PathMax]byte

	mu    sync.Mutex
	ended bool
	blind error
	found map[string]*executor.Access
	// known are the accesses that were noted already, as the program spelt them.
	known map[spelt]bool
	// starts are what the kernel opens to start programs, by the programs' paths without links; empty: nothing more.
	starts map[string]string
	paths  resolver
}

// spelt is an access as a program asked for it.
type spelt struct {
	base, name string
	sight      executor.Sight
	follow     bool
}

func newWatch(listener int, root string) *Watch {
	return &Watch{listener: listener, root: root, found: map[string]*executor.Access{}, known: map[spelt]bool{}, starts: map[string]string{}, paths: newResolver()}
}

// Accesses ends the watch and returns what it saw, by path, or why it did not see all. It is called when the program has ended;
// programs that it left behind go on, and nothing more is noted of them.
func (w *Watch) Accesses() ([]executor.Access, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
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

// acts notes what a call with one path does.
func (w *Watch) acts(e effect, at operand, flags uint64) {
	switch e {
	case opens, opensHow:
		w.opens(at, flags)
	case looks:
		w.sees(at, executor.SawStatus, flags&unix.AT_SYMLINK_NOFOLLOW == 0)
	case looksAtLink:
		w.sees(at, executor.SawStatus, false)
	case readsLink:
		w.sees(at, executor.SawLink, false)
	case runs:
		if at.name == "" { // a descriptor is executed
			at = operand{at.pid, "/", at.base}
		}
		w.runs(at)
	case changes:
		w.change(w.path(at, true))
	case creates, removes:
		w.change(w.path(at, false))
		w.forget()
	}
}

// opens notes what opening a path for these purposes sees of it, and whether it may change it.
func (w *Watch) opens(at operand, flags uint64) {
	follow := flags&unix.O_NOFOLLOW == 0 && flags&(unix.O_CREAT|unix.O_EXCL) != unix.O_CREAT|unix.O_EXCL
	switch {
	case flags&unix.O_PATH != 0:
		w.sees(at, executor.SawStatus, follow)
		return
	case flags&unix.O_TMPFILE == unix.O_TMPFILE:
		return // a file without a name: it gets one by linkat
	case flags&unix.O_ACCMODE == unix.O_RDONLY && flags&(unix.O_TRUNC|unix.O_CREAT) == 0:
		w.sees(at, executor.SawContent, follow)
		return
	}
	p := w.path(at, follow)
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
	s := spelt{at.base, at.name, sight, follow}
	if w.known[s] {
		return
	}
	to := w.leads(at, follow)
	w.see(to.path, sight)
	if !to.own {
		w.known[s] = true
	}
}

func (w *Watch) lists(folder string) {
	if folder != "" {
		w.see(folder, executor.SawNames)
	}
}

// moves notes that a name is given to what has another.
func (w *Watch) moves(e effect, from, to operand) {
	old := w.path(from, false)
	w.see(old, executor.SawContent)
	if a := w.access(old); e == renames {
		w.change(old)
	} else if a != nil {
		a.Before.Ctime = 0
	}
	w.change(w.path(to, false))
	w.forget()
}

// path is leads for what may change from one call to the next.
func (w *Watch) path(at operand, follow bool) string { return w.leads(at, follow).path }

// leads resolves what a program named, and notes the links on the way; an empty path: nothing that has one.
func (w *Watch) leads(at operand, follow bool) resolved {
	if at.base == "" || at.name == "" {
		return resolved{}
	}
	to := w.paths.resolve(at, follow)
	for _, l := range to.links {
		w.see(l, executor.SawLink)
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
		if rest, ok := strings.CutPrefix(p, w.root); ok && (rest == "" || rest[0] == '/') {
			a.Before, _ = hashing.Lstat(p) // the zero Stat where there is nothing
		}
		w.found[p] = a
	}
	return a
}

// forget drops what is known of links: they may have changed.
func (w *Watch) forget() {
	clear(w.known)
	w.paths.forget()
}

func indexZero(b []byte) int { return bytes.IndexByte(b, 0) }
