package hashing

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/calyx-build/calyx/hashing/cores"
)

// Files returns the records of many files, as File does, read from all cores. Files of one folder that follow one another
// in paths are read through one handle on it. Where some cannot be read, the error is that of the first of them.
func (m *Memo) Files(ctx context.Context, paths []string) ([]Record, error) {
	records := make([]Record, len(paths))
	errs := make([]error, len(paths))
	const run = 64
	_ = cores.EachFrom(cores.Count(), (len(paths)+run-1)/run, func(n int) error {
		var r folderReader
		defer r.close()
		for i := n * run; i < min((n+1)*run, len(paths)); i++ {
			if errs[i] = ctx.Err(); errs[i] != nil {
				break
			}
			records[i], errs[i] = r.file(m, paths[i])
		}
		return nil // the others are read as well
	})
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return nil, errs[i]
	}
	return records, nil
}

// folderReader reads files one after the other and keeps the folder of the last one open.
type folderReader struct {
	path   string
	folder *Folder
}

func (r *folderReader) close() {
	if r.folder != nil {
		_ = r.folder.Close()
	}
}

func (r *folderReader) file(m *Memo, path string) (Record, error) {
	if err := r.enter(filepath.Dir(path)); err != nil {
		return m.File(path) // the folder may be entered, but not listed
	}
	name := filepath.Base(path)
	if known, ok := m.Known(path); ok && !known.Racy {
		if st, err := r.folder.Stat(name, true); err == nil && st == known.Stat {
			return known, nil
		}
	}
	record, err := r.folder.Record(name, m.clock)
	if err == nil {
		m.Seed(path, record)
	}
	return record, err
}

func (r *folderReader) enter(path string) error {
	if r.folder != nil && r.path == path {
		return nil
	}
	r.close()
	var err error
	r.path = path
	r.folder, err = OpenFolder(path)
	return err
}
