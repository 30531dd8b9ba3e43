package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
)

// load makes the content of a target's value available: what is in memory or in the workspace already, else from the
// store.
func (s *session) load(ctx context.Context, v executor.TargetValue) (executor.Payload, error) {
	p := executor.Payload{Value: v.Value, Inline: v.Inline, Path: v.Path}
	switch {
	case v.Value.Media == trace.MediaNone:
		return p, nil
	case v.Tree != nil:
		p.Inline = v.Tree.Encode()
		return p, nil
	case v.Value.Media == trace.MediaTree:
		stored, err := s.engine.Payload(ctx, v.Value)
		p.Inline = stored.Inline
		return p, err
	case v.Items != nil:
		var err error
		p.Items, err = s.storedAll(ctx, v.Items)
		return p, err
	case v.Inline != nil || v.Path != "":
		return p, nil
	}
	return s.stored(ctx, v.Value)
}

// stored loads a value from the store, with its elements.
func (s *session) stored(ctx context.Context, v trace.Value) (executor.Payload, error) {
	p, err := s.engine.Payload(ctx, v)
	if err != nil || v.Media != trace.MediaList {
		return p, err
	}
	items := make([]trace.Value, len(p.Items))
	for i, item := range p.Items {
		items[i] = item.Value
	}
	p.Items, err = s.storedAll(ctx, items)
	return p, err
}

func (s *session) storedAll(ctx context.Context, values []trace.Value) ([]executor.Payload, error) {
	var all []executor.Payload
	for _, v := range values {
		p, err := s.stored(ctx, v)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// part returns the part of a value that a target names.
func (s *session) part(ctx context.Context, v trace.Value, t graph.Target) (trace.Value, error) {
	if t.Output == "" && t.Element == nil {
		return v, nil
	}
	p, err := s.engine.Payload(ctx, v)
	if err != nil {
		return v, err
	}
	switch {
	case t.Output != "" && v.Media == trace.MediaParts:
		parts, err := trace.Parts(p.Inline)
		if err != nil {
			return v, err
		}
		return namedPart(parts, t.Output)
	case t.Output != "":
		return v, nil // the only output
	case v.Media == trace.MediaList:
		if *t.Element >= 0 && *t.Element < len(p.Items) {
			return p.Items[*t.Element].Value, nil
		}
		return v, fmt.Errorf("there is no element %d", *t.Element)
	}
	return v, fmt.Errorf("the value is no list")
}

func namedPart(parts []trace.Named, name string) (trace.Value, error) {
	var names []string
	for _, p := range parts {
		if p.Name == name {
			return p.Value, nil
		}
		names = append(names, p.Name)
	}
	return trace.Value{}, usage(didYouMean(name, names), "there is no output %q", name)
}

// writeTree writes a folder to a path where nothing is, or an empty folder: copied from where it stands, or from the
// store.
func (s *session) writeTree(ctx context.Context, path string, p executor.Payload) error {
	if err := mustBeEmpty(path); err != nil {
		return err
	}
	if p.Path != "" {
		return os.CopyFS(path, os.DirFS(p.Path))
	}
	return s.restoreTree(ctx, path, p.Inline)
}

// mustBeEmpty makes sure that nothing is at a path, or an empty folder.
func mustBeEmpty(path string) error {
	names, err := os.ReadDir(path)
	switch {
	case err == nil && len(names) > 0:
		return errors.New("there is a folder that is not empty")
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}
