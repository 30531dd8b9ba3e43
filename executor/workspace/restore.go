package workspace

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

// Restored tells what Restore did for one output.
type Restored struct {
	Was State // before
	// Written is true where the path did not hold what it should.
	Written bool
	// Err wraps cas.ErrMissing where the cache has lost something, and is a *ForeignError where something is in the way.
	Err error
}

// Restore is RestoreAll for outputs of which most are probably right, and known to this process to be so: those it does not
// adopt. It returns how many it wrote, and the errors joined.
func (w *Workspace) Restore(ctx context.Context, outs ...Output) (written int, err error) {
	here := make([]found, len(outs))
	if _, err := w.lookHere(ctx, outs, here); err != nil {
		return 0, err
	}
	var open []Output
	for i, f := range here {
		if f.state != Right {
			open = append(open, outs[i])
		}
	}
	all, err := w.RestoreAll(ctx, open)
	for _, r := range all {
		if r.Written {
			written++
		}
		err = errors.Join(err, r.Err)
	}
	return written, err
}

// RestoreAll makes the outputs' paths hold what they should, from the cache where they do not, with a few questions to the
// store however many outputs there are. What is in the way is treated as Prepare treats it; what is equal already is
// adopted. In folders only what differs is touched, and files of more than a page appear at once, whole. What went wrong with one output
// leaves the others alone; the error is one that concerns all. The caller holds the locks.
func (w *Workspace) RestoreAll(ctx context.Context, outs []Output) ([]Restored, error) {
	r := restoring{w: w, outs: outs, done: make([]Restored, len(outs))}
	if len(outs) == 0 {
		return r.done, nil
	}
	err := r.find(ctx)
	if err == nil {
		err = r.makeRoom(ctx)
	}
	if err == nil {
		r.write(ctx)
		err = r.record(ctx)
	}
	return r.done, err
}

// restoring is one call of RestoreAll.
type restoring struct {
	w     *Workspace
	outs  []Output
	found []found
	done  []Restored
	wrong []int // numbers of the outputs to be written
	adopt []int // numbers of those to be recorded alone
	trees map[int]*treePlan
}

func (r *restoring) find(ctx context.Context) error {
	var err error
	if r.found, err = r.w.lookUp(ctx, r.outs); err != nil {
		return err
	}
	for i, f := range r.found {
		r.done[i].Was = f.state
		switch f.state {
		case Right:
		case Equal:
			r.adopt = append(r.adopt, i)
		default:
			r.wrong = append(r.wrong, i)
		}
	}
	return nil
}

// fail notes what went wrong with an output. It is called from one goroutine at a time.
func (r *restoring) fail(i int, err error) { r.done[i].Err = errors.Join(r.done[i].Err, err) }

// makeRoom plans the folders, and clears what cannot be changed in place.
func (r *restoring) makeRoom(ctx context.Context) error {
	if err := r.plan(ctx); err != nil {
		return err
	}
	paths := make([]string, 0, len(r.wrong))
	parents := map[string]bool{}
	for _, i := range r.wrong {
		if r.done[i].Err != nil {
			continue
		}
		o := r.outs[i]
		if !r.inPlace(i) {
			if err := r.w.clear(o, r.found[i].state); err != nil {
				r.fail(i, err)
				continue
			}
		}
		if parent := path.Dir(o.Path); !parents[parent] {
			if err := r.w.makeParent(o); err != nil {
				r.fail(i, err)
				continue
			}
			parents[parent] = true
		}
		paths = append(paths, o.Path)
	}
	return r.w.journal.note(thisProcess, paths...)
}

// inPlace reports whether what is at an output's path is calyx's own and can be turned into what it should be.
func (r *restoring) inPlace(i int) bool {
	f := r.found[i]
	if f.state != Ours {
		return false
	}
	if plan := r.trees[i]; plan != nil {
		return plan.have != nil
	}
	return f.stat.IsRegular()
}

// write writes files and folders.
func (r *restoring) write(ctx context.Context) {
	var jobs []fileJob
	for _, i := range r.wrong {
		switch o, plan := r.outs[i], r.trees[i]; {
		case r.done[i].Err != nil:
		case plan == nil:
			jobs = append(jobs, newJob(i, r.w.abs(o.Path), o.Value.Digest, o.Value.Exec, r.inPlace(i)))
		default:
			files, err := plan.apply(i, r.w.abs(o.Path))
			if err != nil {
				r.fail(i, fmt.Errorf("restore the output %q: %w", o.Path, err))
			}
			jobs = append(jobs, files...)
		}
	}
	for i, err := range r.w.writeFiles(ctx, jobs) {
		r.fail(i, fmt.Errorf("restore the output %q: %w", r.outs[i].Path, err))
	}
	for i, plan := range r.trees {
		if r.done[i].Err == nil {
			r.seedTree(ctx, i, plan)
		}
	}
}

// seedTree remembers a folder that was just written by its stats.
func (r *restoring) seedTree(ctx context.Context, i int, plan *treePlan) {
	at := r.w.abs(r.outs[i].Path)
	items, err := walk(ctx, at)
	if err == nil && len(items) != len(plan.want) {
		err = hashing.ErrChanged
	}
	if err != nil {
		r.fail(i, fmt.Errorf("restore the output %q: %w", r.outs[i].Path, err))
		return
	}
	r.w.trees.seed(r.outs[i].Path, r.outs[i].Value.Digest, stamp{Listing: listing(items), Racy: true})
}

// record notes what calyx wrote, and what it adopted.
func (r *restoring) record(ctx context.Context) error {
	for _, i := range r.wrong {
		r.done[i].Written = r.done[i].Err == nil
	}
	var txns []cas.Txn
	for numbers := range slices.Chunk(slices.Concat(r.adopt, r.wrong), rowsAtOnce) {
		var txn cas.Txn
		for _, i := range numbers {
			if r.done[i].Err == nil {
				txn.Put = append(txn.Put, r.w.Row(r.outs[i]))
			}
		}
		txns = append(txns, txn)
	}
	if len(txns) == 0 {
		return nil
	}
	if _, err := r.w.store.Apply(ctx, txns...); err != nil {
		return fmt.Errorf("record the restored outputs: %w", err)
	}
	for i := range r.outs {
		if r.done[i].Written || r.found[i].state == Equal {
			r.w.Settle(r.outs[i])
		}
	}
	return nil
}

// rowsAtOnce is how many rows one transaction puts, so that none becomes too large for a message.
const rowsAtOnce = 1000
