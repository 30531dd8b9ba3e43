package workspace

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

// treePlan turns one folder into another.
type treePlan struct {
	want hashing.Tree
	have hashing.Tree // what is there and calyx's own; nil: nothing may be there
}

// plan reads the listings of the folders to be written, and of those that are there instead.
func (r *restoring) plan(ctx context.Context) error {
	listings, err := r.listings(ctx)
	if err != nil {
		return err
	}
	r.trees = map[int]*treePlan{}
	for _, i := range r.wrong {
		o, f := r.outs[i], r.found[i]
		if !isTree(o.Value) {
			continue
		}
		plan := &treePlan{}
		if plan.want, err = checkedTree(o.Value.Digest, listings[o.Value.Digest]); err != nil {
			r.fail(i, fmt.Errorf("restore the output %q: %w", o.Path, err))
		}
		switch {
		case f.state != Ours:
		case f.tree != nil:
			plan.have = f.tree
		case f.isRow: // where its listing is lost, the folder is written anew
			plan.have, _ = checkedTree(f.row.Value.Digest, listings[f.row.Value.Digest])
		}
		r.trees[i] = plan
	}
	return nil
}

// listings reads the encoded listings, by their digests; those that are missing are not in it.
func (r *restoring) listings(ctx context.Context) (map[hashing.Digest][]byte, error) {
	found := map[hashing.Digest][]byte{}
	for _, i := range r.wrong {
		if isTree(r.outs[i].Value) {
			found[r.outs[i].Value.Digest] = nil
			if r.found[i].isRow {
				found[r.found[i].row.Value.Digest] = nil
			}
		}
	}
	digests := slices.Collect(maps.Keys(found))
	if len(digests) == 0 {
		return found, nil
	}
	blobs, err := r.w.store.Get(ctx, digests...)
	for i, blob := range blobs {
		found[digests[i]] = blob
	}
	return found, err
}

// checkedTree reads a listing that may come from anywhere: no name in it leads out of its folder. One that calyx did not write is
// as good as none.
func checkedTree(d hashing.Digest, blob []byte) (hashing.Tree, error) {
	if blob == nil {
		return nil, fmt.Errorf("the listing %v: %w", d, cas.ErrMissing)
	}
	t, err := hashing.DecodeTree(blob)
	if err == nil {
		err = t.Check()
	}
	if err != nil {
		err = fmt.Errorf("the listing %v: %w: %w", d, cas.ErrMissing, err)
	}
	return t, err
}

// apply removes what differs, makes folders and links, and returns the files that are to be written.
func (p *treePlan) apply(out int, at string) ([]fileJob, error) {
	if p.have == nil {
		if err := os.Mkdir(at, 0o777); err != nil {
			return nil, err
		}
	} else {
		makeWritable(at)
	}
	if err := p.remove(at); err != nil {
		return nil, err
	}
	var jobs []fileJob
	for _, e := range p.want { // parents come before what is in them
		to := filepath.Join(at, filepath.FromSlash(e.Path))
		had, there := p.have.Find(e.Path)
		var err error
		switch {
		case there && had == e:
		case e.IsFile():
			jobs = append(jobs, newJob(out, to, e.Digest, e.Kind == hashing.ExecEntry, there && had.IsFile()))
		case e.Kind == hashing.LinkEntry:
			err = os.Symlink(e.Target, to)
		default:
			err = os.Mkdir(to, 0o777)
		}
		if err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// remove takes away what is not wanted, or wanted as something else. A file that becomes another file is replaced later.
func (p *treePlan) remove(at string) error {
	for _, e := range slices.Backward(p.have) { // what is in a folder comes before it
		w, wanted := p.want.Find(e.Path)
		if wanted && (w == e || w.IsFile() && e.IsFile()) {
			continue
		}
		err := os.Remove(filepath.Join(at, filepath.FromSlash(e.Path)))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
