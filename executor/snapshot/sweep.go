package snapshot

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

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
		next    atomic.Int64
		wg      sync.WaitGroup
		workers = make([]sweeper, cores.Count())
	)
	moved = sync.OnceFunc(moved)
	for i := range workers {
		workers[i] = sweeper{s: s, root: root, top: top, memo: memo, moved: moved}
		wg.Go(func() { workers[i].work(ctx, &next) })
	}
	wg.Wait()
	return gather(workers), ctx.Err()
}

// gather joins what the workers found.
func gather(workers []sweeper) *Sweep {
	all := &Sweep{}
	for i := range workers {
		all.Moved = append(all.Moved, workers[i].found.Moved...)
		all.Refreshed = append(all.Refreshed, workers[i].found.Refreshed...)
	}
	slices.Sort(all.Moved)
	slices.SortFunc(all.Refreshed, func(a, b Refreshed) int { return cmp.Compare(a.Path, b.Path) })
	return all
}

// keptOpen is how many folders a worker keeps open.
const keptOpen = 64

// sweeper is one worker of a sweep.
type sweeper struct {
	s       *Snapshot
	root    string
	top     *hashing.Folder
	memo    *hashing.Memo
	moved   func()
	found   Sweep
	folders []folder // by their numbers
	open    []uint32 // those that are
}

type folder struct {
	*hashing.Folder
	err error // why it cannot be opened
}

// work takes runs of paths until none is left.
func (w *sweeper) work(ctx context.Context, next *atomic.Int64) {
	const run = 256
	defer w.leave()
	w.folders = make([]folder, len(w.s.folders))
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
	f.Folder, f.err = w.top.Open(w.s.string(w.s.folders[number].Name))
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
	case row.Kind == Absent || err != nil:
		w.move(i)
	default:
		w.again(i, st)
	}
}

// again looks at a path whose stat does not show that it is as it was.
func (w *sweeper) again(i uint32, st hashing.Stat) {
	before := w.s.Path(i)
	now, err := look(place(w.root, before.Name), before.Kind, st, w.memo)
	if err != nil || !equal(before.Kind, before.Record, now) {
		w.move(i)
		return
	}
	w.found.Refreshed = append(w.found.Refreshed, Refreshed{i, now})
}

func (w *sweeper) move(i uint32) {
	w.found.Moved = append(w.found.Moved, i)
	w.moved()
}
