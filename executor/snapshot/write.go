package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"github.com/calyx-build/calyx/hashing"
)

// Write writes the snapshot to the file at path, whole or not at all.
func (e *Edit) Write(path string, h Head) error {
	c, err := e.encode(h)
	if err == nil {
		err = replace(path, c.writeSealed)
	}
	if err != nil {
		return fmt.Errorf("write snapshot %q: %w", path, err)
	}
	return nil
}

// Snapshot returns the snapshot that Write would write. It needs no Close.
func (e *Edit) Snapshot(h Head) (*Snapshot, error) {
	c, err := e.encode(h)
	if err != nil {
		return nil, err
	}
	return parse(c.bytes())
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
	write := func(f *os.File) error {
		_, err := f.Write(file)
		return err
	}
	if err := replace(path, write); err != nil {
		return fmt.Errorf("write snapshot %q: %w", path, err)
	}
	return nil
}

// writeSealed writes the file; what was written is read again for the checksum, by all cores.
func (c *content) writeSealed(f *os.File) error {
	if err := c.write(f); err != nil {
		return err
	}
	for _, o := range c.over {
		if _, err := f.WriteAt(o.row, c.where(o)); err != nil {
			return err
		}
	}
	size := int64(c.size) - int64(preambleSize)
	sum, err := hashing.SumAt(io.NewSectionReader(f, int64(preambleSize), size), size)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(bytesOf([]preamble{preambleOf(sum)}), 0)
	return err
}

// replace puts at path what write writes. It is not synchronised: after a crash a torn file does not fit its checksum.
func replace(path string, write func(*os.File) error) error {
	dir, prefix := filepath.Dir(path), filepath.Base(path)+".new-"
	removeAbandoned(dir, prefix)
	f, err := os.CreateTemp(dir, prefix+"*")
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// abandoned is the age at which a temporary file's writer was surely killed: writing takes a second at most.
const abandoned = time.Hour

// removeAbandoned removes what killed writers left behind. That it fails matters to nobody.
func removeAbandoned(dir, prefix string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > abandoned {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
