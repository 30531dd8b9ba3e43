package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/hashing"
)

// parts remembers the named parts of values, which are small and asked for often. It is safe for concurrent use.
type parts struct {
	mu    sync.Mutex
	known map[hashing.Digest][]trace.Named
}

// trees remembers the listings that were asked for last: who reads a folder file by file asks for the same one over and
// over, and it may be large. It is safe for concurrent use.
type trees struct {
	mu    sync.Mutex
	known [4]struct {
		digest hashing.Digest
		tree   hashing.Tree
	}
	next int // is forgotten next
}

func (t *trees) find(d hashing.Digest) (hashing.Tree, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.known {
		if k.tree != nil && k.digest == d {
			return k.tree, true
		}
	}
	return nil, false
}

func (t *trees) keep(d hashing.Digest, tree hashing.Tree) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known[t.next].digest, t.known[t.next].tree = d, tree
	t.next = (t.next + 1) % len(t.known)
}

// partsOf returns the named parts of a value of several outputs.
func (e *Engine) partsOf(ctx context.Context, v trace.Value) ([]trace.Named, error) {
	e.parts.mu.Lock()
	known, ok := e.parts.known[v.Digest]
	e.parts.mu.Unlock()
	if ok {
		return known, nil
	}
	blob, err := e.content(ctx, v)
	if err != nil {
		return nil, err
	}
	read, err := trace.Parts(blob)
	if err != nil {
		return nil, err
	}
	e.parts.mu.Lock()
	e.parts.known[v.Digest] = read
	e.parts.mu.Unlock()
	return read, nil
}

// outputValue is the value of one output of a step.
func (l *loop) outputValue(n *node, output string) (trace.Value, error) {
	if n.isStored() && len(n.leaves) > 0 && n.leaves[0].tree != nil {
		v, err := l.storedFile(n, output)
		if err == nil && v.absent {
			err = fmt.Errorf("%q: %w", output, ErrNoPart)
		}
		return v.value, err
	}
	if n.value.Media == trace.MediaParts {
		v, err := l.fileOfTree(l.ctx, n.value, output)
		if errors.Is(err, ErrNoPart) {
			return l.outputAt(n, output)
		}
		return v, err
	}
	outs := n.outs()
	if len(outs) == 1 && (outs[0].Name == output || outs[0].Path == output) {
		return n.value, nil
	}
	return l.fileOfTree(l.ctx, n.value, output)
}

// outputAt is the value of the output, or of the file in an output folder, that stands at a path.
func (l *loop) outputAt(n *node, path string) (trace.Value, error) {
	for _, o := range n.outs() {
		switch {
		case o.Path == path:
			return l.declaredOutput(n, o.Name)
		case len(path) > len(o.Path) && path[:len(o.Path)+1] == o.Path+"/":
			folder, err := l.declaredOutput(n, o.Name)
			if err != nil {
				return folder, err
			}
			return l.fileOfTree(l.ctx, folder, path[len(o.Path)+1:])
		}
	}
	return trace.Value{}, fmt.Errorf("%q: %w", path, ErrNoPart)
}

// declaredOutput is the value of one of the outputs that the step declares, by its name.
func (l *loop) declaredOutput(n *node, name string) (trace.Value, error) {
	if len(n.outs()) == 1 {
		return n.value, nil
	}
	return l.fileOfTree(l.ctx, n.value, name)
}

// ErrNoPart says that a value has no part, or a folder no file, of the name that was asked for.
var ErrNoPart = errors.New("there is no such part")

// fileOfTree is one file of a folder, or one part of a value that has several.
func (l *loop) fileOfTree(ctx context.Context, v trace.Value, name string) (trace.Value, error) {
	return l.e.FileOf(ctx, v, name)
}

// FileOf is one file of a folder that is a value, or one part of a value that has several. The store is open.
func (e *Engine) FileOf(ctx context.Context, v trace.Value, name string) (trace.Value, error) {
	switch v.Media {
	case trace.MediaParts:
		named, err := e.partsOf(ctx, v)
		if err != nil {
			return trace.Value{}, err
		}
		for _, p := range named {
			if p.Name == name {
				return p.Value, nil
			}
		}
	case trace.MediaTree:
		tree, err := e.tree(ctx, v.Digest)
		if err != nil {
			return trace.Value{}, err
		}
		if entry, ok := tree.Find(name); ok && entry.IsFile() {
			return entryValue(entry), nil
		}
	}
	return trace.Value{}, fmt.Errorf("%q: %w", name, ErrNoPart)
}

// items reads the elements of a list of values from the cache.
func (e *Engine) items(ctx context.Context, v trace.Value) ([]trace.Value, error) {
	blob, err := e.content(ctx, v)
	if err != nil {
		return nil, err
	}
	return trace.Items(blob)
}

// tree reads a listing from the cache. Nobody may change it.
func (e *Engine) tree(ctx context.Context, d hashing.Digest) (hashing.Tree, error) {
	if known, ok := e.trees.find(d); ok {
		return known, nil
	}
	blob, err := e.content(ctx, trace.Value{Media: trace.MediaTree, Digest: d, Size: 1})
	if err != nil {
		return nil, err
	}
	tree, err := hashing.DecodeTree(blob)
	if err != nil { // calyx did not write it: it is as good as none
		return nil, fmt.Errorf("the listing %v: %w: %w", d, cas.ErrMissing, err)
	}
	e.trees.keep(d, tree)
	return tree, nil
}

// loadInline returns the node's inline JSON.
func (n *node) loadInline() []byte {
	n.inlineMu.Lock()
	defer n.inlineMu.Unlock()
	return n.inline
}

// storeInline sets it; several workers may read the same value at once.
func (n *node) storeInline(text []byte) {
	n.inlineMu.Lock()
	defer n.inlineMu.Unlock()
	n.inline = text
}
