package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Pebble can neither overwrite a damaged block nor merge it away: it would be met, and told, by every process that comes
// to own the database. So whoever meets one leaves a mark, and the next to open the database copies what can be read into
// a new one, which takes its place.

// mendBatch is how many bytes of rows are copied at once.
const mendBatch = 4 << 20

func markOf(path string) string     { return path + ".damaged" }
func mendedOf(path string) string   { return path + ".mended" }
func replacedOf(path string) string { return path + ".replaced" }

// foundDamaged tells what is damaged, once for each block, and leaves the mark. Where that cannot be written, the damage
// is told once more by the next process.
func (d *DB) foundDamaged(err error) {
	what, _, _ := strings.Cut(err.Error(), "\n") // what follows is Pebble's own affair
	if at := strings.Index(what, "pebble: "); at > 0 {
		what = what[at:]
	}
	if _, told := d.told.LoadOrStore(what, true); told {
		return
	}
	d.warn(fmt.Sprintf("a part of the cache %q is damaged (%s); it is left out, and what it held will be computed again",
		filepath.Dir(d.path), what))
	f, err := d.guard.FS.Create(markOf(d.path), vfs.WriteCategoryUnspecified)
	if err == nil {
		_ = f.Close()
	}
}

// mend replaces a marked database by what can be read of it. Where that fails (no room on the disk), the old one and the
// mark stay.
func mend(path string, o Options) {
	finishMending(path, o.FS)
	if _, err := o.FS.Stat(markOf(path)); err != nil {
		return
	}
	o.Warn = func(string) {} // it was told when it was found
	if copyReadable(path, o) != nil {
		_ = o.FS.RemoveAll(mendedOf(path))
		return
	}
	if o.FS.Rename(path, replacedOf(path)) == nil {
		finishMending(path, o.FS)
	}
}

// finishMending puts a complete copy in the place of what it was copied from, which has been moved away.
func finishMending(path string, fs vfs.FS) {
	if _, err := fs.Stat(replacedOf(path)); err != nil {
		return
	}
	if _, err := fs.Stat(path); errors.Is(err, os.ErrNotExist) && fs.Rename(mendedOf(path), path) == nil {
		_ = fs.Remove(markOf(path))
	}
	_ = fs.RemoveAll(replacedOf(path))
}

// copyReadable makes the copy, durably.
func copyReadable(path string, o Options) error {
	if err := o.FS.RemoveAll(mendedOf(path)); err != nil {
		return err
	}
	from, err := open(path, o)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := open(mendedOf(path), o)
	if err != nil {
		return err
	}
	err = to.copyFrom(from)
	if closeErr := to.Close(); err == nil {
		err = closeErr
	}
	return err
}

func (d *DB) copyFrom(from *DB) error {
	batch, totals := d.pebble.NewBatch(), Totals{}
	var failed error
	err := from.iterate(context.Background(), nil, nil, func(it *pebble.Iterator) bool {
		if e, err := DecodeEntry(it.Value()); err == nil && isBlob(it.Key()) {
			totals.add(e, 1)
		}
		if failed = batch.Set(it.Key(), it.Value(), nil); failed == nil && batch.Len() > mendBatch {
			failed = batch.Commit(pebble.NoSync)
			batch = d.pebble.NewBatch()
		}
		return failed == nil
	})
	if err == nil {
		err = failed
	}
	if err == nil {
		err = batch.Set([]byte(totalsKey), totals.encode(), nil)
	}
	if err == nil {
		err = batch.Commit(pebble.NoSync)
	}
	return err
}
