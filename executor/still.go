package executor

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/executor/still"
	"github.com/calyx-build/calyx/graph/state"
	"github.com/calyx-build/calyx/hashing"
)

// stillOffers is the node of a snapshot that holds what the descriptions of used plugins hang on. It is no fact: where a plugin
// declares the same as before, the graph is what it was.
const stillOffers = "//offers"

// question is which build is meant when snapshots are asked.
func (e *Engine) question(o Options) *still.Question {
	return &still.Question{
		Root: e.cfg.Root, Calyxfile: e.cfg.Calyxfile, Instance: e.cfg.Instance, CacheDir: e.cfg.CacheDir, Version: e.cfg.Version,
		Targets: o.Targets, Lookup: e.environ.lookup,
		Stored: func(backend string) (map[string]any, error) {
			err := e.loadState(backend)
			return e.state, err
		},
	}
}

// forgetOthers removes the snapshots of builds of other targets: what they say of a node's value may be true no longer.
func (e *Engine) forgetOthers(o Options) {
	if e.cfg.Program != nil {
		return // nobody keeps snapshots of it
	}
	q := e.question(o)
	own := filepath.Base(q.File())
	entries, _ := os.ReadDir(q.Folder()) // no folder, no snapshots
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), own) || !o.mayBeStill() {
			_ = os.Remove(filepath.Join(q.Folder(), entry.Name()))
		}
	}
}

// mayBeStill reports whether a snapshot can answer what the options ask for.
func (o Options) mayBeStill() bool {
	return len(o.Set) == 0 && !o.Force && !o.ForceAll && !o.Values && !o.Verbose
}

// still answers a build from the last one's snapshot, where nothing that it depended on has moved. Where something has, what
// the snapshot knows of all else spares looking it up again: then there is a baseline, if the graph itself is as it was, or
// if it is as it was in an earlier state.
func (e *Engine) still(ctx context.Context, o Options, began time.Time) (sum Summary, nothing bool, base *baseline) {
	q := e.question(o)
	look := e.lastLook(ctx, q)
	s := look.Snapshot
	if s == nil {
		return Summary{}, false, nil
	}
	defer func() {
		if base == nil {
			_ = s.Close()
		}
	}()
	switch {
	case !look.SameFacts:
		return Summary{}, false, e.earlier(ctx, o, s, began)
	case look.Swept == nil:
		return Summary{}, false, nil
	case still.IsExpired(s, began):
		e.remember(s, look.Swept)
		return Summary{}, false, nil
	case !look.NothingMoved(began):
		e.openSoon(ctx)
		if base = newBaseline(s, look.Swept, s.Reach(s.Touched(look.Swept.Moved)), look.Note); base == nil {
			e.remember(s, look.Swept)
		}
		return Summary{}, false, base
	}
	look.Keep(q)
	sum = Summary{NothingMoved: true}
	sum.Run, sum.OK, sum.Fresh = trace.NewRunID(began), true, look.Note.Fresh
	sum.Ended = e.cfg.Now()
	sum.Seconds = sum.Ended.Sub(began).Seconds()
	if o.Observer != nil {
		o.Observer.Event(RunStarted{Run: sum.Run, Started: began, Targets: o.Targets, Instance: e.cfg.Instance, Jobs: o.slots(), Still: true})
		o.Observer.Event(sum.RunEnded)
	}
	return sum, true, nil
}

// lastLook looks at what the last build depended on, or takes the look at it that was begun ahead of this engine.
func (e *Engine) lastLook(ctx context.Context, q *still.Question) still.Look {
	moved := func() { e.openSoon(ctx) }
	if e.cfg.Ahead == nil {
		return still.Ask(ctx, q, e.memo, moved)
	}
	look, memo, ok := e.cfg.Ahead(q, moved)
	if !ok {
		return still.Ask(ctx, q, e.memo, moved)
	}
	for path, r := range memo.All() {
		e.memo.Seed(path, r)
	}
	if e.state == nil {
		e.state = look.Set
	}
	return look
}

func (e *Engine) stateDigest() hashing.Digest {
	d, _ := state.Digest(e.state) // one that cannot be taken is equal to none
	return d
}

// recall remembers the digests of the last build's files where its snapshot answers nothing else.
func (e *Engine) recall(o Options) {
	q := e.question(o)
	if s, _, ok := q.Open(q.File()); ok {
		e.remember(s, nil)
		_ = s.Close()
	}
}

// remember seeds the memory of files with what did not move. A nil swept: with everything, since nobody looked yet.
func (e *Engine) remember(s *snapshot.Snapshot, swept *snapshot.Sweep) {
	moved := map[uint32]bool{}
	if swept != nil {
		for _, i := range swept.Moved {
			moved[i] = true
		}
	}
	for i := range uint32(s.NumPaths()) {
		if !moved[i] {
			e.rememberPath(s.Path(i))
		}
	}
}

func (e *Engine) rememberPath(p snapshot.Path) {
	at := e.abs(p.Name)
	if p.Kind != snapshot.File {
		return
	}
	if _, known := e.memo.Known(at); !known {
		e.memo.Seed(strings.Clone(at), p.Record)
	}
}
