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
		workers[i] = sweeper{s: s, root: root, top: top, memo: memo, moved: moved, at: -1}
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

// sweeper is one worker of a sweep. It keeps the folder of the last path open.
type sweeper struct {
	s      *Snapshot
	root   string
	top    *hashing.Folder
	memo   *hashing.Memo
	moved  func()
	found  Sweep
	at     int // the folder's number
	folder *hashing.Folder
	err    error // why the folder is not open
}

// work takes runs of paths until none is left.
func (w *sweeper) work(ctx context.Context, next *atomic.Int64) {
	const run = 256
	defer w.leave()
	for total := int64(len(w.s.paths)); ctx.Err() == nil; {
		from := next.Add(run) - run
		if from >= total {
			return
		}
		w.sweep(uint32(from), uint32(min(from+run, total)))
	}
}

func (w *sweeper) sweep(from, to uint32) {
	for f := w.s.folderOf(from); from < to; f++ {
		w.enter(f)
		for end := min(to, w.s.folders[f].Paths.To); from < end; from++ {
			w.path(from)
		}
	}
}

func (w *sweeper) enter(folder int) {
	if w.at == folder {
		return
	}
	w.leave()
	w.at = folder
	w.folder, w.err = w.top.Open(w.s.string(w.s.folders[folder].Name))
}

func (w *sweeper) leave() {
	if w.folder != nil {
		_ = w.folder.Close()
	}
	w.folder = nil
}

func (w *sweeper) path(i uint32) {
	row := &w.s.paths[i]
	st, err := hashing.Stat{}, w.err
	if err == nil {
		st, err = w.folder.Stat(w.s.string(row.Name), row.Flags.has(follow))
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
