package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"github.com/calyx-build/calyx/hashing"
)

// Write writes the snapshot to the file at path, whole or not at all.
func (e *Edit) Write(path string, h Head) error {
	file, err := e.encode(h)
	if err == nil {
		err = replace(path, file)
	}
	if err != nil {
		return fmt.Errorf("write snapshot %q: %w", path, err)
	}
	return nil
}

// Refresh writes the snapshot to the file at path once more, with new records of some paths.
func (s *Snapshot) Refresh(path string, refreshed []Refreshed) error {
	file := bytes.Clone(s.data)
	at := (*head)(unsafe.Pointer(&file[preambleSize])).Sections
	paths := rowsOf[pathRow](file[at[pathSection].From:at[pathSection].To])
	stats := rowsOf[hashing.Stat](file[at[statSection].From:at[statSection].To])
	for _, r := range refreshed {
		stats[r.Path] = r.Record.Stat
		paths[r.Path].Flags.set(racy, r.Record.Racy)
	}
	seal(file)
	if err := replace(path, file); err != nil {
		return fmt.Errorf("write snapshot %q: %w", path, err)
	}
	return nil
}

// replace puts the content at path. It is not synchronised: after a crash a torn file does not fit its checksum.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
