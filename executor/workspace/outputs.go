package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/hashing"
)

// Prepare makes room for outputs that are about to be written: their parent folders are there afterwards, and nothing at
// their paths. The caller holds their locks.
func (w *Workspace) Prepare(ctx context.Context, outs ...Output) error {
	for _, o := range outs {
		s, err := w.Look(ctx, o)
		if err != nil {
			return err
		}
		if err := w.clear(ctx, o, s); err != nil {
			return err
		}
		if err := makeParent(w.abs(o.Path)); err != nil {
			return err
		}
	}
	return w.journal.note(pathsOf(outs)...)
}

func makeParent(at string) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
		return fmt.Errorf("make the folder of an output: %w", err)
	}
	return nil
}

func pathsOf(outs []Output) []string {
	paths := make([]string, len(outs))
	for i, o := range outs {
		paths[i] = o.Path
	}
	return paths
}

// Captured is an output as a step left it.
type Captured struct {
	Output
	Blobs [][]byte // small contents, still to be stored
}

// Capture digests the outputs that a step wrote and stores what is large; what is small comes back to be stored with the
// step's record.
func (w *Workspace) Capture(ctx context.Context, outs ...Output) ([]Captured, error) {
	all := make([]Captured, len(outs))
	for i, o := range outs {
		c := Captured{Output: o}
		if err := w.capture(ctx, &c); err != nil {
			return nil, err
		}
		all[i] = c
	}
	return all, nil
}

func (w *Workspace) capture(ctx context.Context, c *Captured) error {
	at := w.abs(c.Path)
	st, err := hashing.Lstat(at)
	switch {
	case isAbsent(err):
		return fmt.Errorf("the step did not write its output %q%s", c.Path, w.besides(c.Path))
	case err != nil:
		return err
	case c.Dir && !st.IsDir():
		return fmt.Errorf("the output %q is to be a folder, and the step made it something else (outdir() declares folders, out() files)", c.Path)
	case st.IsDir():
		if err := w.captureTree(ctx, at, c); err != nil {
			return err
		}
		c.Dir = true
		return nil
	case !st.IsRegular():
		return fmt.Errorf("output %q: %w", c.Path, &hashing.TypeError{Path: at, Mode: st.Mode})
	}
	return w.captureFile(ctx, at, c)
}

// besides names what a step wrote beside an output that it did not.
func (w *Workspace) besides(p string) string {
	names, err := os.ReadDir(filepath.Dir(w.abs(p)))
	if err != nil || len(names) == 0 || len(names) > 20 {
		return ""
	}
	var list []string
	for _, n := range names {
		list = append(list, n.Name())
	}
	return fmt.Sprintf(" (in %q there are %s)", path.Dir(p), strings.Join(list, ", "))
}

func (w *Workspace) captureFile(ctx context.Context, at string, c *Captured) error {
	put, err := w.store.PutFile(ctx, at)
	if err != nil {
		return fmt.Errorf("keep the output %q: %w", c.Path, err)
	}
	// Its times are those of a moment ago: it is read once more when it is looked at next.
	w.memo.Seed(at, hashing.Record{Digest: put.Digest, Stat: put.Stat, Racy: true})
	c.Value = trace.Value{Media: trace.MediaBinary, Digest: put.Digest, Size: put.Size, Exec: put.Stat.IsExec()}
	if put.Inline != nil {
		c.Blobs = append(c.Blobs, put.Inline)
	}
	return nil
}

func (w *Workspace) captureTree(ctx context.Context, at string, c *Captured) error {
	read, err := hashing.ReadTree(ctx, at, hashing.TreeOptions{Memo: w.memo})
	if err != nil {
		return fmt.Errorf("output %q: %w", c.Path, err)
	}
	var mu sync.Mutex
	err = parallel(len(read.Tree), func(i int) error {
		e := &read.Tree[i]
		if !e.IsFile() {
			return nil
		}
		put, err := w.store.PutFile(ctx, filepath.Join(at, filepath.FromSlash(e.Path)))
		if err != nil {
			return fmt.Errorf("keep the output %q: %w", path.Join(c.Path, e.Path), err)
		}
		e.Digest, e.Size = put.Digest, put.Size
		if put.Inline != nil {
			mu.Lock()
			c.Blobs = append(c.Blobs, put.Inline)
			mu.Unlock()
		}
		return nil
	})
	if err != nil {
		return err
	}
	encoded := read.Tree.Encode()
	c.Value = trace.Value{Media: trace.MediaTree, Digest: hashing.Sum(encoded), Size: read.Tree.Size()}
	c.Blobs = append(c.Blobs, encoded)
	return nil
}

// parallel calls f for every number below n from all cores, and returns the errors.
func parallel(n int, f func(i int) error) error {
	if n == 1 {
		return f(0)
	}
	errs := make([]error, n)
	var wg sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), n)
	for first := range workers {
		wg.Go(func() {
			for i := first; i < n; i += workers {
				errs[i] = f(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Settle says that the records of outputs are committed.
func (w *Workspace) Settle(outs ...Output) { w.journal.settle(pathsOf(outs)...) }

// Restore makes the outputs' paths hold what they should, from the cache where they do not. Each path is replaced under
// the rules of Prepare. The error wraps cas.ErrMissing where the cache has lost something. The caller holds the locks.
func (w *Workspace) Restore(ctx context.Context, outs ...Output) (restored int, err error) {
	var wrong []Output
	var rows []cas.Row
	for _, o := range outs {
		s, err := w.Look(ctx, o)
		if err != nil {
			return 0, err
		}
		if s == Right {
			continue
		}
		if err := w.clear(ctx, o, s); err != nil {
			return 0, err
		}
		wrong = append(wrong, o)
		rows = append(rows, w.Row(o))
	}
	if len(wrong) == 0 {
		return 0, nil
	}
	if err := w.journal.note(pathsOf(wrong)...); err != nil {
		return 0, err
	}
	if err := parallel(len(wrong), func(i int) error { return w.write(ctx, wrong[i]) }); err != nil {
		return 0, err
	}
	if _, err := w.store.Commit(ctx, cas.Txn{Put: rows}); err != nil {
		return 0, err
	}
	w.Settle(wrong...)
	return len(wrong), nil
}

func (w *Workspace) write(ctx context.Context, o Output) error {
	at := w.abs(o.Path)
	if err := makeParent(at); err != nil {
		return err
	}
	if o.Value.Media == trace.MediaTree {
		return w.writeTree(ctx, at, o)
	}
	return w.writeFile(ctx, at, o.Value.Digest, o.Value.Exec)
}

func (w *Workspace) writeFile(ctx context.Context, at string, d hashing.Digest, exec bool) error {
	perm := uint32(0o644)
	if exec {
		perm = 0o755
	}
	st, err := w.store.Restore(ctx, d, at, perm)
	if err != nil {
		return fmt.Errorf("restore %q: %w", at, err)
	}
	w.memo.Seed(at, hashing.Record{Digest: d, Stat: st, Racy: true})
	return nil
}

// writeTree writes a folder. Nothing is there before, and the listing was checked, so no name in it can lead elsewhere.
func (w *Workspace) writeTree(ctx context.Context, at string, o Output) error {
	tree, err := w.Tree(ctx, o.Value.Digest)
	if err != nil {
		return fmt.Errorf("restore %q: %w", o.Path, err)
	}
	if err := tree.Check(); err != nil {
		return fmt.Errorf("restore %q: %w", o.Path, err)
	}
	if err := os.Mkdir(at, 0o777); err != nil {
		return err
	}
	var files, links []hashing.Entry
	for _, e := range tree { // parents come before what is in them
		switch {
		case e.IsFile():
			files = append(files, e)
		case e.Kind == hashing.LinkEntry:
			links = append(links, e)
		default:
			if err := os.Mkdir(filepath.Join(at, filepath.FromSlash(e.Path)), 0o777); err != nil {
				return err
			}
		}
	}
	err = parallel(len(files), func(i int) error {
		e := files[i]
		return w.writeFile(ctx, filepath.Join(at, filepath.FromSlash(e.Path)), e.Digest, e.Kind == hashing.ExecEntry)
	})
	for _, e := range links {
		err = errors.Join(err, os.Symlink(e.Target, filepath.Join(at, filepath.FromSlash(e.Path))))
	}
	return err
}

// Tree reads a listing from the cache.
func (w *Workspace) Tree(ctx context.Context, d hashing.Digest) (hashing.Tree, error) {
	found, err := w.store.Get(ctx, d)
	if err != nil {
		return nil, err
	}
	if found[0] == nil {
		return nil, fmt.Errorf("the listing %v: %w", d, cas.ErrMissing)
	}
	return hashing.DecodeTree(found[0])
}

// Fail moves what a failed step left at its outputs to `.calyx/failed`, in place of what an earlier failure of that node
// left there.
func (w *Workspace) Fail(node string, outs ...Output) error {
	to := filepath.Join(w.own("failed"), strings.Map(fileNameRune, node))
	err := removeAll(to)
	for _, o := range outs {
		at := w.abs(o.Path)
		if _, statErr := os.Lstat(at); statErr != nil {
			continue
		}
		err = errors.Join(err, os.MkdirAll(to, 0o777), os.Rename(at, filepath.Join(to, filepath.Base(at))))
	}
	if err == nil {
		w.Settle(outs...)
	}
	return err
}

func fileNameRune(r rune) rune {
	if r == '/' || r == 0 {
		return '_'
	}
	return r
}

// Recorded calls yield for every path that calyx recorded writing, with its step, in the order of the paths.
func (w *Workspace) Recorded(ctx context.Context, yield func(o Output) bool) error {
	prefix := w.key("")
	return w.store.Scan(ctx, prefix, func(key, value []byte) bool {
		o, ok := decodeRow(string(key[len(prefix):]), value)
		return !ok || yield(o)
	})
}

// Remove removes outputs that stand as calyx wrote them, and returns their paths; what somebody edited stays.
func (w *Workspace) Remove(ctx context.Context, outs ...Output) ([]string, error) {
	var gone []string
	var rows []cas.Row
	for _, o := range outs {
		s, err := w.whose(ctx, o.Path)
		if err != nil {
			return gone, err
		}
		_, statErr := os.Lstat(w.abs(o.Path))
		if s == Ours && statErr == nil {
			if err := removeAll(w.abs(o.Path)); err != nil {
				return gone, fmt.Errorf("remove %q: %w", o.Path, err)
			}
			gone = append(gone, o.Path)
			w.removeEmptyParents(o.Path)
		}
		if s == Ours || isAbsent(statErr) {
			rows = append(rows, cas.Row{Key: w.key(o.Path)})
		}
	}
	if len(rows) > 0 {
		if _, err := w.store.Commit(ctx, cas.Txn{Put: rows}); err != nil {
			return gone, err
		}
	}
	slices.Sort(gone)
	return gone, nil
}

// removeEmptyParents removes the folders that were made for an output and hold nothing any more.
func (w *Workspace) removeEmptyParents(p string) {
	for dir := path.Dir(p); dir != "." && dir != "/" && !path.IsAbs(dir); dir = path.Dir(dir) {
		if os.Remove(w.abs(dir)) != nil {
			return
		}
	}
}

// There reports whether anything stands at an output's path.
func (w *Workspace) There(o Output) bool {
	_, err := os.Lstat(w.abs(o.Path))
	return err == nil
}

// Write writes a folder from the cache to a path where nothing is, outside the workspace's outputs.
func (w *Workspace) Write(ctx context.Context, at string, v trace.Value) error {
	return w.writeTree(ctx, at, Output{Path: at, Value: v})
}

// Shared returns a folder with the content of a tree, written once as long as the workspace is in use. Nobody may change it.
func (w *Workspace) Shared(ctx context.Context, v trace.Value) (string, error) {
	at := filepath.Join(w.scratch, "trees", v.Digest.Hex())
	w.sharing.Lock()
	defer w.sharing.Unlock()
	if _, err := os.Lstat(at); err == nil {
		return at, nil
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return "", err
	}
	err := w.Write(ctx, at, v)
	if err != nil {
		err = errors.Join(err, removeAll(at))
	}
	return at, err
}
