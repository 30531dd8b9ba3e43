package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/archive"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
)

// exportCache writes what the targets need into an archive.
func (a *app) exportCache(ctx context.Context, s *session, targets []string, path string) error {
	survey, err := a.surveyTargets(ctx, s, targets)
	if err != nil {
		return err
	}
	traces, left, err := s.tracesOf(ctx, survey)
	if err != nil {
		return err
	}
	cargo := newCargo(s)
	for _, t := range traces {
		if err := cargo.add(ctx, t); err != nil {
			return err
		}
	}
	store, err := s.store(ctx)
	if err != nil {
		return err
	}
	sum, err := writeArchive(ctx, store, path, cargo)
	if err != nil {
		return err
	}
	if left > 0 {
		a.warn(fmt.Sprintf("%s out of date and left out of the archive", console.CountIs(left, "step")), "`calyx build` brings them up to date")
	}
	a.say("wrote %s: %s, %s in %s", console.Line(path), console.Count(len(traces), "result"), console.Size(sum.Bytes), console.Count(sum.Blobs, "blob"))
	return nil
}

// pluginRecord begins the name under which the engine keeps the record of a plugin's description.
const pluginRecord = "//plugin/"

// tracesOf returns the traces that a build would take the results of the steps in a survey from, wherever their outputs are, and those
// of the descriptions of their plugins, and how many steps it would run.
func (s *session) tracesOf(ctx context.Context, survey *executor.Survey) (traces []*trace.Trace, left int, err error) {
	records, err := s.engine.Records(ctx)
	if err != nil {
		return nil, 0, err
	}
	plugins := map[string]bool{}
	for _, f := range survey.Nodes {
		switch {
		case f.Step == nil:
		case f.Reused == nil:
			left++
		default:
			traces = append(traces, f.Reused)
			if f.Step.Call != nil {
				plugins[pluginRecord+f.Step.Call.Plugin] = true
			}
		}
	}
	for name := range plugins {
		if r := records[name]; r != nil {
			traces = append(traces, &r.Trace)
		}
	}
	return traces, left, nil
}

// cargo is what goes into an archive: each blob once.
type cargo struct {
	session *session
	seen    map[hashing.Digest]bool
	blobs   []hashing.Digest
	rows    []cas.Row
}

func newCargo(s *session) *cargo { return &cargo{session: s, seen: map[hashing.Digest]bool{}} }

// add packs a trace, its result and what it printed.
func (c *cargo) add(ctx context.Context, t *trace.Trace) error {
	rows, err := t.Rows()
	if err != nil {
		return err
	}
	c.rows = append(c.rows, rows...)
	for _, stage := range t.Stages {
		for _, o := range stage {
			if set, ok := o.OutsideSet(); ok {
				c.blob(set)
			}
		}
	}
	return errors.Join(c.value(ctx, t.Result.Value), c.value(ctx, t.Result.Log))
}

func (c *cargo) blob(d hashing.Digest) {
	if !d.IsZero() && !c.seen[d] {
		c.seen[d] = true
		c.blobs = append(c.blobs, d)
	}
}

// value packs a value with all that it consists of.
func (c *cargo) value(ctx context.Context, v trace.Value) error {
	if v.Digest.IsZero() || c.seen[v.Digest] {
		return nil
	}
	c.blob(v.Digest)
	switch v.Media {
	case trace.MediaTree, trace.MediaParts, trace.MediaList:
		p, err := c.session.stored(ctx, v)
		if err != nil {
			return err
		}
		return c.members(ctx, v.Media, p)
	}
	return nil
}

func (c *cargo) members(ctx context.Context, media string, p executor.Payload) error {
	switch media {
	case trace.MediaTree:
		tree, err := hashing.DecodeTree(p.Inline)
		for _, e := range tree {
			c.blob(e.Digest)
		}
		return err
	case trace.MediaParts:
		parts, err := trace.Parts(p.Inline)
		for _, part := range parts {
			err = errors.Join(err, c.value(ctx, part.Value))
		}
		return err
	}
	var err error
	for _, item := range p.Items {
		err = errors.Join(err, c.value(ctx, item.Value))
	}
	return err
}

// writeArchive writes a whole archive or none. Where a device or a pipe stands, it gets the bytes: nothing can be put in its place.
func writeArchive(ctx context.Context, store cas.Store, path string, c *cargo) (archive.Summary, error) {
	switch st, err := os.Stat(path); {
	case err == nil && st.IsDir():
		return archive.Summary{}, usage("calyx cache export -o FILE", "write the archive %q: it is a folder", path)
	case err == nil && !st.Mode().IsRegular():
		return streamArchive(ctx, store, path, c)
	}
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return archive.Summary{}, usage("", "write the archive %q: %w", path, causeOf(err))
	}
	defer func() { _ = f.Cleanup() }() // after an error; else there is nothing left to clean up
	sum, err := archive.Export(ctx, store, f, c.blobs, c.rows)
	if err == nil {
		err = f.CloseAtomicallyReplace()
	}
	return sum, err
}

func streamArchive(ctx context.Context, store cas.Store, path string, c *cargo) (archive.Summary, error) {
	f, err := os.OpenFile(filepath.Clean(path), os.O_WRONLY, 0)
	if err != nil {
		return archive.Summary{}, usage("", "write the archive %q: %w", path, causeOf(err))
	}
	sum, err := archive.Export(ctx, store, f, c.blobs, c.rows)
	return sum, errors.Join(err, f.Close())
}

// importCache takes an archive's results into the cache.
func (a *app) importCache(ctx context.Context, store cas.Store, path string) error {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return usage("", "read the archive %q: %w", path, causeOf(err))
	}
	defer func() { _ = f.Close() }() // it was only read
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return usage("calyx cache export -o FILE", "read the archive %q: it is a folder; an archive is the file that calyx cache export writes", path)
	}
	sum, err := archive.Import(ctx, store, f, trace.IsRow)
	if err != nil {
		return fmt.Errorf("import %q: %w", path, err)
	}
	a.say("took %s and %s in %s", console.Count(sum.Rows-sum.Kept, "trace row"), console.Size(sum.Bytes), console.Count(sum.Blobs, "blob"))
	return nil
}
