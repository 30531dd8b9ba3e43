package workspace

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/cores"
)

// Captured is an output as a step left it.
type Captured struct {
	Output
	Blobs [][]byte // small contents, still to be stored; of a folder its listing is the last
}

// Capture digests the outputs that a step wrote and stores what is large; what is small comes back to be stored with the
// step's record. The caller holds their locks. A file's media type is left for the caller to say.
func (w *Workspace) Capture(ctx context.Context, outs ...Output) ([]Captured, error) {
	all := make([]Captured, len(outs))
	err := cores.Each(len(outs), func(i int) error {
		all[i].Output = outs[i]
		return w.capture(ctx, &all[i])
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (w *Workspace) capture(ctx context.Context, c *Captured) error {
	at := w.abs(c.Path)
	st, err := hashing.Lstat(at)
	switch {
	case isAbsent(err):
		return fmt.Errorf("the step did not write its output %q%s", c.Path, w.instead(c.Path))
	case err != nil:
		return fmt.Errorf("keep the output %q: %w", c.Path, err)
	case c.Dir && !st.IsDir():
		return fmt.Errorf("the output %q is declared as a folder, and the step wrote something else there (outdir() declares a folder, out() a file)", c.Path)
	case st.IsDir():
		c.Dir = true
		return w.captureFolder(ctx, at, c)
	case !st.IsRegular():
		return fmt.Errorf("keep the output %q: %w", c.Path, &hashing.TypeError{Path: at, Mode: st.Mode})
	}
	return w.captureFile(ctx, at, c)
}

// mostListed is how many names a message lists.
const mostListed = 8

// instead says what a step wrote beside an output that it did not write: a similar name first of all.
func (w *Workspace) instead(p string) string {
	names, err := os.ReadDir(filepath.Dir(w.abs(p)))
	if err != nil || len(names) == 0 {
		return ""
	}
	var list []string
	for _, n := range names {
		if strings.EqualFold(n.Name(), path.Base(p)) {
			return fmt.Sprintf(" (there is %q)", path.Join(path.Dir(p), n.Name()))
		}
		if n.Name() != Folder {
			list = append(list, n.Name())
		}
	}
	if near := graph.Nearest(path.Base(p), list); near != "" {
		return fmt.Sprintf(" (there is %q)", path.Join(path.Dir(p), near))
	}
	more := ""
	if len(list) > mostListed {
		list, more = list[:mostListed], ", …"
	}
	return fmt.Sprintf(" (in %q there are %q%s)", path.Dir(p), list, more)
}

func (w *Workspace) captureFile(ctx context.Context, at string, c *Captured) error {
	now := w.clock()
	put, err := w.store.PutFile(ctx, at)
	if err != nil {
		return fmt.Errorf("keep the output %q: %w", c.Path, err)
	}
	r := hashing.Record{Digest: put.Digest, Stat: put.Stat, Racy: put.Stat.IsRacy(now)}
	w.memo.Seed(at, r)
	c.Value = trace.Value{Media: trace.MediaBinary, Digest: put.Digest, Size: put.Size, Exec: put.Stat.IsExec()}
	c.stamp = fileStamp(r)
	if put.Inline != nil {
		c.Blobs = append(c.Blobs, put.Inline)
	}
	return nil
}

func (w *Workspace) captureFolder(ctx context.Context, at string, c *Captured) error {
	items, err := walk(ctx, at)
	if err != nil {
		return fmt.Errorf("keep the output %q: %w", c.Path, err)
	}
	f := folderCapture{w: w, items: items, now: w.clock()}
	c.stamp = stamp{Listing: listing(items)}
	tree, err := treeOf(at, items, func(i int, file string) (hashing.Digest, int64, error) { return f.put(ctx, i, file) })
	if err == nil {
		err = tree.Check()
	}
	if err != nil {
		return fmt.Errorf("keep the output %q: %w", c.Path, err)
	}
	c.stamp.Racy = f.racy || linksAreRacy(items, f.now)
	encoded := tree.Encode()
	c.Value = trace.Value{Media: trace.MediaTree, Digest: hashing.Sum(encoded), Size: tree.Size()}
	f.blobs = append(f.blobs, encoded)
	c.Blobs = f.blobs
	w.trees.seed(c.Path, c.Value.Digest, c.stamp)
	return nil
}

// folderCapture stores the files of a folder, from all cores.
type folderCapture struct {
	w     *Workspace
	items []item
	now   int64

	mu    sync.Mutex
	blobs [][]byte
	bytes int
	racy  bool
}

// aheadBytes is how much small content may wait for the step's record; more is stored before it.
const aheadBytes = 4 << 20

func (f *folderCapture) put(ctx context.Context, i int, file string) (hashing.Digest, int64, error) {
	put, err := f.w.store.PutFile(ctx, file)
	if err != nil {
		return hashing.Digest{}, 0, err
	}
	// A file that changed since it was listed is not the one by whose stat it would be recognised.
	r := hashing.Record{Digest: put.Digest, Stat: put.Stat, Racy: put.Stat.IsRacy(f.now) || put.Stat != f.items[i].stat}
	f.w.memo.Seed(file, r)
	if ahead := f.add(r, put.Inline); len(ahead) > 0 {
		_, err = f.w.store.Apply(ctx, cas.Txn{Blobs: ahead})
	}
	return put.Digest, put.Size, err
}

// add takes one file's content, and returns what is to be stored now.
func (f *folderCapture) add(r hashing.Record, content []byte) (ahead [][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.racy = f.racy || r.Racy
	if content == nil {
		return nil
	}
	f.blobs = append(f.blobs, content)
	f.bytes += len(content)
	if f.bytes > aheadBytes {
		ahead, f.blobs, f.bytes = f.blobs, nil, 0
	}
	return ahead
}
