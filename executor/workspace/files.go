package workspace

import (
	"context"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

// fileJob is a file to be written from the cache.
type fileJob struct {
	out int // for whom
	cas.Restoration
}

// newJob is the job for a file of an output; over says that a file of calyx's own stands there.
func newJob(out int, at string, d hashing.Digest, exec, over bool) fileJob {
	perm := uint32(0o644)
	if exec {
		perm = 0o755
	}
	return fileJob{out, cas.Restoration{Digest: d, Path: at, Perm: perm, Over: over}}
}

// writeFiles writes files, and returns what went wrong by the number of the output.
func (w *Workspace) writeFiles(ctx context.Context, jobs []fileJob) map[int]error {
	files := make([]cas.Restoration, len(jobs))
	for i, j := range jobs {
		files[i] = j.Restoration
	}
	stats, err := w.store.RestoreAll(ctx, files...)
	if err != nil {
		return w.writeEach(ctx, jobs)
	}
	for i, f := range files {
		w.wrote(f, stats[i])
	}
	return nil
}

// writeEach writes file by file, since something went wrong and it matters with which.
func (w *Workspace) writeEach(ctx context.Context, jobs []fileJob) map[int]error {
	failed := map[int]error{}
	for _, j := range jobs {
		st, err := w.store.Restore(ctx, j.Digest, j.Path, j.Perm)
		if err == nil {
			w.wrote(j.Restoration, st)
		} else if failed[j.out] == nil { // the first says enough
			failed[j.out] = err
		}
	}
	return failed
}

func (w *Workspace) wrote(f cas.Restoration, st hashing.Stat) {
	w.memo.Seed(f.Path, hashing.Record{Digest: f.Digest, Stat: st, Racy: true})
}
