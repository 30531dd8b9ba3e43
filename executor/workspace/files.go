package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/hashing"
)

// fileJob is a file to be written from the cache.
type fileJob struct {
	out    int // for whom
	at     string
	digest hashing.Digest
	size   int64
	perm   uint32
}

// A batch of small files is fetched with one question to the store.
const (
	batchFiles = 256
	batchBytes = 2 << 20
)

// writeFiles writes files, from all cores, and returns what went wrong by the number of the output. Small ones are fetched
// together; a large one the store copies by itself, or shares the blocks of.
func (w *Workspace) writeFiles(ctx context.Context, jobs []fileJob) map[int]error {
	var mu sync.Mutex
	failed := map[int]error{}
	fail := func(j fileJob, err error) {
		mu.Lock()
		defer mu.Unlock()
		if failed[j.out] == nil { // the first says enough
			failed[j.out] = err
		}
	}
	batches := batched(jobs)
	_ = parallelBy(len(batches), 1, func(i int) error { // errors go to the files' outputs
		w.writeBatch(ctx, batches[i], fail)
		return nil
	})
	return failed
}

func batched(jobs []fileJob) (batches [][]fileJob) {
	var size int64
	from := 0
	for i, j := range jobs {
		if i > from && (i-from == batchFiles || size+j.size > batchBytes) {
			batches = append(batches, jobs[from:i])
			from, size = i, 0
		}
		size += j.size
	}
	if from < len(jobs) {
		batches = append(batches, jobs[from:])
	}
	return batches
}

func (w *Workspace) writeBatch(ctx context.Context, jobs []fileJob, fail func(fileJob, error)) {
	var digests []hashing.Digest
	for _, j := range jobs {
		if j.size <= cas.InlineLimit {
			digests = append(digests, j.digest)
		}
	}
	var blobs [][]byte
	var err error
	if len(digests) > 0 {
		blobs, err = w.store.Get(ctx, digests...)
	}
	for _, j := range jobs {
		one := err
		switch {
		case one != nil:
		case j.size > cas.InlineLimit:
			one = w.writeLarge(ctx, j)
		default:
			one = w.writeSmall(j, blobs[0])
			blobs = blobs[1:]
		}
		if one != nil {
			fail(j, one)
		}
	}
}

func (w *Workspace) writeSmall(j fileJob, content []byte) error {
	if content == nil {
		return fmt.Errorf("blob %v: %w", j.digest, cas.ErrMissing)
	}
	stage := w.stage()
	err := writeNew(stage, content, j.perm)
	if err == nil {
		err = w.place(stage, j)
	}
	if errors.Is(err, syscall.EXDEV) { // the output lies on another file system than `.calyx`
		stage = beside(j.at, stage)
		if err = writeNew(stage, content, j.perm); err == nil {
			err = w.place(stage, j)
		}
	}
	return err
}

func (w *Workspace) writeLarge(ctx context.Context, j fileJob) error {
	stage := w.stage()
	_, err := w.store.Restore(ctx, j.digest, stage, j.perm)
	if err == nil {
		err = w.place(stage, j)
	}
	if errors.Is(err, syscall.EXDEV) {
		stage = beside(j.at, stage)
		if _, err = w.store.Restore(ctx, j.digest, stage, j.perm); err == nil {
			err = w.place(stage, j)
		}
	}
	return err
}

// stageName is the folder, in this process's scratch folder, in which files are written before they have their place.
// There they are in nobody's way, and what a killed process leaves is swept.
const stageName = "stage"

func (w *Workspace) stage() string {
	return filepath.Join(w.scratch, stageName, strconv.FormatInt(w.count.Add(1), 36))
}

func beside(at, stage string) string {
	return filepath.Join(filepath.Dir(at), ".calyx-"+strconv.Itoa(os.Getpid())+"-"+filepath.Base(stage))
}

// writeNew writes a small file with plain system calls: package os would register every one with the poller.
func writeNew(path string, content []byte, perm uint32) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, perm)
	if err != nil {
		return &os.PathError{Op: "create", Path: path, Err: err}
	}
	for len(content) > 0 && err == nil {
		var n int
		n, err = unix.Write(fd, content)
		content = content[max(n, 0):]
		if errors.Is(err, unix.EINTR) {
			err = nil
		}
	}
	if err = errors.Join(err, unix.Close(fd)); err != nil {
		_ = os.Remove(path)
		return &os.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}

// place moves a staged file to where it belongs, and remembers it. Moving it changes its times, so its stat is taken last.
func (w *Workspace) place(stage string, j fileJob) error {
	err := os.Rename(stage, j.at)
	if err != nil {
		_ = os.Remove(stage)
		return err
	}
	st, err := hashing.Lstat(j.at)
	if err == nil && st.Mode&0o777 != j.perm { // the umask
		if err = os.Chmod(j.at, os.FileMode(j.perm)); err == nil {
			st, err = hashing.Lstat(j.at)
		}
	}
	if err == nil {
		w.memo.Seed(j.at, hashing.Record{Digest: j.digest, Stat: st, Racy: true})
	}
	return err
}
