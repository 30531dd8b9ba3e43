package executor

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/executor/still"
	"github.com/calyx-build/calyx/hashing"
)

// Where stored values change to and fro, the snapshot of the state that is left is kept, so that coming back to it is no
// more than comparing the paths that it names and writing the outputs.

// mostEarlier is how many earlier states are kept of an instance and its targets.
const mostEarlier = 3

// earlierFile is where the snapshot of a build of these targets is kept when the values change that were set then.
func (e *Engine) earlierFile(o Options, set hashing.Digest) string {
	return e.question(o).File() + "-" + set.Hex()[:16]
}

// earlier makes a baseline of the snapshot of an earlier state whose facts hold again, where s is that of the state that is
// left. What s knows of paths is remembered in any case.
func (e *Engine) earlier(ctx context.Context, o Options, s *snapshot.Snapshot, began time.Time) *baseline {
	e.left = stateOf(s)
	e.remember(s, nil)
	q := e.question(o)
	kept, note, ok := q.Open(e.earlierFile(o, e.stateDigest()))
	if !ok {
		return nil
	}
	var b *baseline
	if !note.Dirty && !still.IsExpired(kept, began) && q.SameFacts(kept, e.state) {
		if swept, err := kept.Sweep(ctx, e.cfg.Root, e.memo, func() {}); err == nil {
			leaves, _ := kept.Touched(swept.Moved) // outputs are those of the other state
			b = newBaseline(kept, swept, kept.Reach(leaves, nil), note)
		}
	}
	if b == nil {
		_ = kept.Close()
		return nil
	}
	b.left = s
	return b
}

// stateOf is the digest of the values that were set when a snapshot was made.
func stateOf(s *snapshot.Snapshot) hashing.Digest {
	for _, i := range s.Node(0).Leaves {
		if leaf := s.Leaf(i); leaf.Kind == still.State {
			return leaf.Digest
		}
	}
	return hashing.Digest{}
}

// keepLeft keeps the snapshot of the state that was left, and as many as may be of those before it.
func (e *Engine) keepLeft(o Options) {
	if e.left.IsZero() || e.left == e.stateDigest() {
		return
	}
	q := e.question(o)
	if os.Rename(q.File(), e.earlierFile(o, e.left)) != nil {
		return
	}
	entries, _ := os.ReadDir(q.Folder()) // what is not seen stays
	var kept []os.FileInfo
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && strings.HasPrefix(entry.Name(), filepath.Base(q.File())+"-") {
			kept = append(kept, info)
		}
	}
	slices.SortFunc(kept, func(a, b os.FileInfo) int { return cmp.Compare(b.ModTime().UnixNano(), a.ModTime().UnixNano()) })
	for _, info := range kept[min(len(kept), mostEarlier):] {
		_ = os.Remove(filepath.Join(q.Folder(), info.Name()))
	}
}
