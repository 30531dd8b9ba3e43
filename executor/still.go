package executor

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/hashing"
)

// The kinds of leaves in a snapshot.
const (
	stillPaths    uint8 = iota + 1 // paths that something looked at
	stillVariable                  // Subject: its name
	stillState                     // the values that were set
)

// stillFacts is the first node of a snapshot. It holds what concerns the whole build: what the evaluation read, variables, and
// the values that were set.
const stillFacts = "//facts"

// stillOffers is the node of a snapshot that holds what the descriptions of used plugins hang on. It is no fact: where a plugin
// declares the same as before, the graph is what it was.
const stillOffers = "//offers"

// stillNote is what a snapshot keeps for the engine.
type stillNote struct {
	Backend string `json:"backend"`
	Run     string `json:"run"`
	Fresh   int    `json:"fresh"` // steps
	Dirty   bool   `json:"dirty"` // some node has no result
	// Offers is the digest of what the plugins declared that the evaluation used.
	Offers hashing.Digest `json:"offers"`
	// Generation is the store's, from before anything was looked up in it.
	Generation trace.Generation `json:"generation"`
}

// stillFolder is where the snapshots of an instance are kept.
func (e *Engine) stillFolder() string {
	name := hashing.Sum([]byte(e.cfg.Calyxfile + "\x00" + e.cfg.Instance)).Hex()[:16]
	return filepath.Join(e.cfg.Root, ".calyx", "snapshots", name)
}

// stillFile is where the snapshot of a build of these targets is kept.
func (e *Engine) stillFile(o Options) string {
	return filepath.Join(e.stillFolder(), hashing.Sum([]byte(strings.Join(o.Targets, "\x00"))).Hex()[:16])
}

// forgetOthers removes the snapshots of builds of other targets: what they say of a node's value may be true no longer.
func (e *Engine) forgetOthers(o Options) {
	if e.cfg.Program != nil {
		return // nobody keeps snapshots of it
	}
	own := filepath.Base(e.stillFile(o))
	entries, _ := os.ReadDir(e.stillFolder()) // no folder, no snapshots
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), own) || !o.mayBeStill() {
			_ = os.Remove(filepath.Join(e.stillFolder(), entry.Name()))
		}
	}
}

// binding is everything that must be equal for a snapshot to say anything.
func (e *Engine) binding(o Options) hashing.Digest {
	search, _ := e.environ.lookup("PATH")
	words := append([]string{keyVersion, e.cfg.Version, e.cfg.Root, e.cfg.CacheDir, e.cfg.Calyxfile, e.cfg.Instance, search}, o.Targets...)
	return hashing.Sum([]byte(strings.Join(words, "\x00")))
}

// mayBeStill reports whether a snapshot can answer what the options ask for.
func (o Options) mayBeStill() bool {
	return len(o.Set) == 0 && !o.Force && !o.ForceAll && !o.Values && !o.Verbose
}

// still answers a build from the last one's snapshot, where nothing that it depended on has moved. Where something has, what
// the snapshot knows of all else spares looking it up again: then there is a baseline, if the graph itself is as it was, or
// if it is as it was in an earlier state.
func (e *Engine) still(ctx context.Context, o Options, began time.Time) (sum Summary, still bool, base *baseline) {
	file := e.stillFile(o)
	s, note, ok := e.openSnapshot(file, o)
	if !ok {
		return Summary{}, false, nil
	}
	defer func() {
		if base == nil {
			_ = s.Close()
		}
	}()
	if !e.sameFacts(s, note) {
		return Summary{}, false, e.earlier(ctx, o, s, began)
	}
	swept, err := s.Sweep(ctx, e.cfg.Root, e.memo, func() { e.openSoon(ctx) })
	if err != nil {
		return Summary{}, false, nil
	}
	switch expired := isExpired(s, began); {
	case expired:
		e.remember(s, swept)
		return Summary{}, false, nil
	case !swept.Still() || note.Dirty:
		e.openSoon(ctx)
		if base = newBaseline(s, swept, s.Reach(s.Touched(swept.Moved)), note); base == nil {
			e.remember(s, swept)
		}
		return Summary{}, false, base
	}
	if len(swept.Refreshed) > 0 {
		_ = s.Refresh(file, swept.Refreshed) // else the same files are read again next time
	}
	sum = Summary{NothingMoved: true}
	sum.Run, sum.OK, sum.Fresh = NewRunID(began), true, note.Fresh
	sum.Ended = e.cfg.Now()
	sum.Seconds = sum.Ended.Sub(began).Seconds()
	if o.Observer != nil {
		o.Observer.Event(RunStarted{Run: sum.Run, Started: began, Targets: o.Targets, Instance: e.cfg.Instance, Jobs: o.slots(), Still: true})
		o.Observer.Event(sum.RunEnded)
	}
	return sum, true, nil
}

// openSnapshot opens a snapshot that may say something about a build.
func (e *Engine) openSnapshot(file string, o Options) (*snapshot.Snapshot, stillNote, bool) {
	var note stillNote
	s, err := snapshot.Open(file)
	if err != nil {
		return nil, note, false
	}
	if s.Head().Binding != e.binding(o) || json.Unmarshal(s.Head().Note, &note) != nil {
		_ = s.Close()
		return nil, note, false
	}
	return s, note, true
}

func isExpired(s *snapshot.Snapshot, now time.Time) bool {
	at := s.Head().Expires
	return !at.IsZero() && !now.Before(at)
}

// sameFacts compares the variables and the values that were set.
func (e *Engine) sameFacts(s *snapshot.Snapshot, note stillNote) bool {
	if e.loadState(note.Backend) != nil {
		return false
	}
	if s.NumNodes() == 0 || s.Node(0).Name != stillFacts {
		return false
	}
	facts := s.Node(0)
	for _, i := range facts.Leaves {
		switch leaf := s.Leaf(i); leaf.Kind {
		case stillVariable:
			if leaf.Digest != e.variable(leaf.Subject) {
				return false
			}
		case stillState:
			if leaf.Digest != e.stateDigest() {
				return false
			}
		}
	}
	return true
}

func (e *Engine) variable(name string) hashing.Digest {
	text, ok := e.environ.lookup(name)
	return hashing.Sum([]byte(present(text, ok)))
}

func (e *Engine) stateDigest() hashing.Digest {
	var all hashing.Map
	for _, name := range sortedKeys(e.state) {
		all = append(all, hashing.Pair{Key: name, Value: e.state[name]})
	}
	encoded, err := hashing.Canonical(all)
	if err != nil {
		return hashing.Digest{}
	}
	return hashing.Sum(encoded)
}

// recall remembers the digests of the last build's files where its snapshot answers nothing else.
func (e *Engine) recall(o Options) {
	if s, _, ok := e.openSnapshot(e.stillFile(o), o); ok {
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
