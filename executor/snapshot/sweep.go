package snapshot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/cores"
)

// Sweep is what a look at all paths found.
type Sweep struct {
	Moved     []uint32    // paths that do not show what they showed, ascending
	Refreshed []Refreshed // paths that show the same and have a new record, ascending
}

// Refreshed is the new record of a path.
type Refreshed struct {
	Path   uint32
	Record hashing.Record
}

// Still reports whether nothing moved.
func (w *Sweep) Still() bool { return len(w.Moved) == 0 }

// Sweep looks at all paths again, from all cores. It reads only those whose stat differs, or that had been changed so
// shortly before they were read that the stat cannot tell. What the memo knows is not read; what is read, it knows
// afterwards. root is the workspace's folder. moved is called, once and by any goroutine, as soon as something is seen to have moved.
func (s *Snapshot) Sweep(ctx context.Context, root string, memo *hashing.Memo, moved func()) (*Sweep, error) {
	top, err := hashing.OpenFolder(root)
	if err != nil {
		return nil, fmt.Errorf("look at the paths of a snapshot: %w", err)
	}
	defer func() { _ = top.Close() }()
	var (
		next     atomic.Int64
		sweeping sync.WaitGroup
		reading  sync.WaitGroup
		differ   = make(chan differing, 256)
		readers  = make([]reader, min(cores.Count(), (len(s.paths)+run-1)/run))
	)
	moved = sync.OnceFunc(moved)
	for i := range readers {
		readers[i] = reader{s: s, root: root, memo: memo, moved: moved}
		reading.Go(func() { readers[i].work(differ) })
		sweeping.Go(func() {
			w := sweeper{s: s, top: top, differ: differ, folders: make([]folder, len(s.folders))}
			hashing.WithOwnDescriptors(func() { w.work(ctx, &next) })
		})
	}
	sweeping.Wait()
	close(differ)
	reading.Wait()
	return gather(readers), ctx.Err()
}

// gather joins what the readers found.
func gather(readers []reader) *Sweep {
	all := &Sweep{}
	for i := range readers {
		all.Moved = append(all.Moved, readers[i].found.Moved...)
		all.Refreshed = append(all.Refreshed, readers[i].found.Refreshed...)
	}
	slices.Sort(all.Moved)
	slices.SortFunc(all.Refreshed, func(a, b Refreshed) int { return cmp.Compare(a.Path, b.Path) })
	return all
}

// keptOpen is how many folders a worker keeps open.
const keptOpen = 64

// run is how many paths a worker takes at once.
const run = 256

// sweeper takes the stats of paths. What descriptors it opens, only its own thread knows.
type sweeper struct {
	s       *Snapshot
	top     *hashing.Folder
	differ  chan<- differing
	folders []folder // by their numbers
	open    []uint32 // those that are
}

type folder struct {
	*hashing.Folder
	err error // why it cannot be opened
}

// work takes runs of paths until none is left.
func (w *sweeper) work(ctx context.Context, next *atomic.Int64) {
	defer w.leave()
	for total := int64(len(w.s.paths)); ctx.Err() == nil; {
		from := next.Add(run) - run
		if from >= total {
			return
		}
		for i := from; i < min(from+run, total); i++ {
			w.path(uint32(i))
		}
	}
}

// enter opens a folder. Where many are open, others are closed.
func (w *sweeper) enter(number uint32) *folder {
	f := &w.folders[number]
	if f.Folder != nil || f.err != nil {
		return f
	}
	if len(w.open) == keptOpen {
		w.leave()
	}
	name := w.s.string(w.s.folders[number].Name)
	if f.Folder, f.err = w.top.Open(name); errors.Is(f.err, unix.EMFILE) && len(w.open) > 0 {
		w.leave()
		f.Folder, f.err = w.top.Open(name)
	}
	if f.err == nil {
		w.open = append(w.open, number)
	}
	return f
}

// leave closes all folders.
func (w *sweeper) leave() {
	for _, number := range w.open {
		_ = w.folders[number].Close()
		w.folders[number].Folder = nil
	}
	w.open = w.open[:0]
}

func (w *sweeper) path(i uint32) {
	row := &w.s.paths[i]
	in := w.enter(row.Folder)
	st, err := hashing.Stat{}, in.err
	if err == nil {
		st, err = in.Stat(w.s.string(row.Name), row.Flags.has(follow))
	}
	switch {
	case err == nil && st == w.s.stats[i] && !row.Flags.has(racy):
	case row.Kind == Absent && nothing(err):
	default:
		w.differ <- differing{i, st, row.Kind == Absent || err != nil}
	}
}

// differing is a path whose stat does not show that it is as it was.
type differing struct {
	path  uint32
	stat  hashing.Stat
	moved bool // it certainly is not
}

// reader looks at such paths.
type reader struct {
	s     *Snapshot
	root  string
	memo  *hashing.Memo
	moved func()
	found Sweep
}

func (r *reader) work(differ <-chan differing) {
	for d := range differ {
		if now, ok := r.again(d); ok {
			r.found.Refreshed = append(r.found.Refreshed, Refreshed{d.path, now})
		} else {
			r.found.Moved = append(r.found.Moved, d.path)
			r.moved()
		}
	}
}

// again returns the new record of a path that shows what it showed.
func (r *reader) again(d differing) (now hashing.Record, ok bool) {
	if d.moved {
		return now, false
	}
	before := r.s.Path(d.path)
	now, err := look(place(r.root, before.Name), before.Kind, d.stat, r.memo)
	return now, err == nil && equal(before.Kind, before.Record, now)
}
