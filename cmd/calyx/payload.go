package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

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

// part makes v the part of its value that a target names.
func (s *session) part(ctx context.Context, v *executor.TargetValue, t valuePart) error {
	if t.Output == "" && t.Element == nil {
		return nil
	}
	p, err := s.engine.Payload(ctx, v.Value)
	if err != nil {
		return err
	}
	if t.Output == "" {
		return element(v, p, *t.Element)
	}
	if v.Value.Media == trace.MediaParts {
		parts, err := trace.Parts(p.Inline)
		if err == nil {
			v.Value, err = namedPart(parts, t.Output)
		}
		if err != nil {
			return err
		}
	}
	if t.within != "" {
		v.Value, err = s.engine.FileOf(ctx, v.Value, t.within)
		if errors.Is(err, executor.ErrNoPart) {
			return &executor.TargetError{Target: v.Target, Why: err.Error()}
		}
	}
	return err
}

// element makes v an element of the list that is its value.
func element(v *executor.TargetValue, p executor.Payload, at int) error {
	list, ok, err := jsonList(p)
	switch length := max(len(p.Items), len(list)); {
	case err != nil:
		return err
	case !ok:
		return &executor.TargetError{Target: v.Target, Why: "its value is no list"}
	case at < 0 || at >= length:
		return &executor.TargetError{Target: v.Target, Why: fmt.Sprintf("there is no such element: it has %d, from [0] on", length)}
	case len(p.Items) > 0:
		v.Value = p.Items[at].Value
		return nil
	}
	v.Value = trace.Value{Media: trace.MediaJSON}
	v.Inline, err = graph.JSON(list[at])
	return err
}

// jsonList is the list that a JSON value is. A list of values of their own is one, too, and has them in the payload.
func jsonList(p executor.Payload) (list []any, ok bool, err error) {
	if p.Value.Media != trace.MediaJSON {
		return nil, p.Value.Media == trace.MediaList, nil
	}
	r, _, closing, err := content(p)
	if err != nil {
		return nil, false, err
	}
	defer closing()
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, false, err
	}
	if v, err := graph.ParseJSON(text); err == nil {
		list, ok = v.([]any)
	}
	return list, ok, nil
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
	switch {
	case p.Path == "":
		return s.restoreTree(ctx, path, p.Inline)
	case liesIn(path, p.Path):
		return errors.New("it lies in that very folder, and the copy would be part of what is copied")
	}
	return os.CopyFS(path, os.DirFS(p.Path))
}

// liesIn reports whether a path that need not be there yet is a folder, or is in it.
func liesIn(path, folder string) bool {
	at, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	for !isFile(at, folder) {
		parent := filepath.Dir(at)
		if parent == at {
			return false
		}
		at = parent
	}
	return true
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
