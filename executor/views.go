package executor

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// view is what one request saw: a digest, and how to hand it over.
type view struct {
	digest hashing.Digest
	value  trace.Value // what the payload is of; Media empty: inline
	inline []byte
	path   string // of a source file or folder in the workspace
	name   string // of the file, where it has one
	absent bool
	items  []trace.Value
}

// views computes the digests of what was asked for. The nodes and leaves have ended well; then runs on the loop.
func (l *loop) views(t *targets, then func(digests []hashing.Digest, err error)) {
	plain := make([]hashing.Digest, len(t.requests))
	for i, r := range t.requests {
		d, ok := l.plainView(r, t.node[i], t.leaf[i])
		if !ok {
			l.slowViews(t, then)
			return
		}
		plain[i] = d
	}
	then(plain, nil)
}

// plainView answers from what is in memory.
func (l *loop) plainView(r trace.Request, n *node, f *leaf) (hashing.Digest, bool) {
	switch {
	case n != nil && n.isAbsent():
		return absentDigest, true
	case n != nil && r.Kind != trace.Exists && r.View == "" && (r.Kind != trace.File || r.Subject == n.onlyOutput()):
		return wholeDigest(n.value), true
	case n == nil:
		return f.digest, true
	}
	return hashing.Digest{}, false
}

// wholeDigest is the digest of the view of a whole value.
func wholeDigest(v trace.Value) hashing.Digest {
	return hashing.Sum([]byte(v.Media + "\x00" + v.Digest.String() + executable(v)))
}

func existsDigest(what string) hashing.Digest { return hashing.Sum([]byte("exists " + what)) }

func (n *node) onlyOutput() string {
	if outs := n.outs(); len(outs) == 1 {
		return outs[0].Path
	}
	return ""
}

func (l *loop) slowViews(t *targets, then func([]hashing.Digest, error)) {
	l.async(func() func() {
		digests := make([]hashing.Digest, len(t.requests))
		var err error
		for i := range t.requests {
			v, e := l.view(t.requests[i], t.node[i], t.leaf[i])
			digests[i] = v.digest
			if err == nil {
				err = e
			}
		}
		return func() { then(digests, err) }
	})
}

// view takes one view. It runs on a worker.
func (l *loop) view(r trace.Request, n *node, f *leaf) (view, error) {
	if n == nil {
		return l.leafView(f)
	}
	if n.isAbsent() {
		return view{digest: absentDigest, absent: true}, nil
	}
	v := n.value
	if r.Kind == trace.Exists || r.Kind == trace.File {
		var err error
		if v, err = l.outputAt(n, r.Subject); isMissing(err) {
			return view{}, err
		} else if err != nil {
			return view{digest: existsDigest(""), inline: mustJSON(""), absent: r.Kind == trace.File}, nil
		}
	}
	if r.Kind == trace.Exists {
		what := "file"
		if v.Media == trace.MediaTree {
			what = "folder"
		}
		return view{digest: existsDigest(what), inline: mustJSON(what)}, nil
	}
	return l.valueView(l.ctx, n, v, r.View)
}

// leafView hands over a file, a listing, a variable.
func (l *loop) leafView(f *leaf) (view, error) {
	v := view{digest: f.digest, absent: f.absent && f.kind != leafExists, value: f.value, inline: f.inline}
	if f.inline != nil {
		v.value = jsonValue(f.inline)
	}
	if f.kind == leafFile && !f.absent {
		v.path = l.e.abs(f.subject)
	}
	return v, f.err
}

// handed is a value of a node as a function gets it: a source by its path in the workspace, an output from the cache, since
// another process may be writing what stands at its path.
func (l *loop) handed(n *node, v trace.Value) view {
	seen := view{digest: wholeDigest(v), value: v, inline: n.inlineOf(v), path: l.workspacePath(n, v), items: l.listItems(n)}
	if n.isStep() && seen.path != "" {
		seen.path, seen.name = "", path.Base(seen.path)
	}
	return seen
}

// valueView takes a view of a node's value. Views are a closed list (design: "Views").
func (l *loop) valueView(ctx context.Context, n *node, v trace.Value, name string) (view, error) {
	kind, arg, _ := strings.Cut(name, ":")
	switch kind {
	case "", "bytes":
		seen := l.handed(n, v)
		if kind == "bytes" {
			seen.digest, seen.items = v.Digest, nil
		}
		return seen, nil
	case "file":
		if n.isStored() && len(n.leaves) > 0 && n.leaves[0].tree != nil {
			return l.storedFile(n, arg)
		}
		part, err := l.fileOfTree(ctx, v, arg)
		if isMissing(err) {
			return view{}, err
		}
		if err != nil {
			return view{digest: existsDigest("nothing"), absent: true}, nil
		}
		return view{digest: wholeDigest(part), value: part}, nil
	case "exists":
		return view{digest: existsDigest("value"), inline: []byte("true")}, nil
	case "keys":
		if v.Media == trace.MediaTree {
			return l.treeNames(ctx, n, v)
		}
		return l.jsonView(ctx, n, v, kind, arg)
	case "length", "item", "shape":
		return l.jsonView(ctx, n, v, kind, arg)
	}
	return view{}, fmt.Errorf("there is no view %q", name)
}

// storedFile takes one file of a stored folder or pattern, which stands in the workspace.
func (l *loop) storedFile(n *node, name string) (view, error) {
	f := n.leaves[0]
	e, ok := f.tree.Find(strings.TrimPrefix(name, "/"))
	if !ok || !e.IsFile() {
		return view{digest: existsDigest("nothing"), absent: true}, nil
	}
	v := entryValue(e)
	return view{digest: wholeDigest(v), value: v, path: l.e.abs(f.pathOf(name))}, nil
}

// treeNames takes the view of the names in a folder, or of the files that a stored pattern matches: the paths of all files.
func (l *loop) treeNames(ctx context.Context, n *node, v trace.Value) (view, error) {
	var tree hashing.Tree
	if n.isStored() && len(n.leaves) > 0 && n.leaves[0].tree != nil {
		tree = n.leaves[0].tree
	} else {
		var err error
		if tree, err = l.e.tree(ctx, v.Digest); err != nil {
			return view{}, err
		}
	}
	names := []any{}
	for _, e := range tree {
		if e.IsFile() {
			names = append(names, strings.TrimPrefix(e.Path, "/"))
		}
	}
	return scalarView(names), nil
}

// jsonView takes a view of a list or dictionary in JSON, or the length of a list of values or of bytes.
func (l *loop) jsonView(ctx context.Context, n *node, v trace.Value, kind, arg string) (view, error) {
	if items := l.listItems(n); items != nil {
		return listView(items, kind, arg)
	}
	if v.Media == trace.MediaList {
		items, err := l.e.items(ctx, v)
		if err != nil {
			return view{}, err
		}
		return listView(items, kind, arg)
	}
	if v.Media != trace.MediaJSON {
		if kind == "length" {
			return scalarView(v.Size), nil
		}
		return view{}, fmt.Errorf("a value of type %s has no view %q", v.Media, kind)
	}
	text := n.inlineOf(v) // a parameter's value is in no blob
	if text == nil {
		var err error
		if text, err = l.e.content(ctx, v); err != nil {
			return view{}, err
		}
	}
	parsed, err := graph.ParseJSON(text)
	if err != nil {
		return view{}, err
	}
	switch kind {
	case "length":
		return lengthView(parsed)
	case "keys":
		return keysView(parsed)
	case "item":
		return itemView(parsed, arg)
	}
	return view{}, fmt.Errorf("a value of type %s has no view %q", v.Media, kind)
}

func scalarView(v any) view {
	if size, ok := v.(int); ok {
		v = int64(size)
	}
	text, err := graph.JSON(v)
	if err != nil {
		text = []byte("null")
	}
	value := jsonValue(text)
	return view{digest: wholeDigest(value), value: value, inline: text}
}

func listView(items []trace.Value, kind, arg string) (view, error) {
	switch kind {
	case "length":
		return scalarView(len(items)), nil
	case "item":
		i, err := strconv.Atoi(arg)
		if err != nil || i < 0 || i >= len(items) {
			return view{digest: existsDigest("nothing"), absent: true}, nil
		}
		return view{digest: wholeDigest(items[i]), value: items[i]}, nil
	}
	return view{}, fmt.Errorf("a list has no view %q", kind)
}

func lengthView(v any) (view, error) {
	switch v := v.(type) {
	case []any:
		return scalarView(len(v)), nil
	case hashing.Map:
		return scalarView(len(v)), nil
	case string:
		return scalarView(len([]rune(v))), nil
	}
	return view{}, fmt.Errorf("the value is a scalar and has no length")
}

func keysView(v any) (view, error) {
	pairs, ok := v.(hashing.Map)
	if !ok {
		return view{}, fmt.Errorf("the value is no dictionary and has no keys")
	}
	keys := make([]any, len(pairs))
	for i, p := range pairs {
		keys[i] = p.Key
	}
	return scalarView(keys), nil
}

// itemView takes the element of a list by its number, or of a dictionary by its key in quotes.
func itemView(v any, arg string) (view, error) {
	absent := view{digest: existsDigest("nothing"), absent: true}
	switch v := v.(type) {
	case []any:
		i, err := strconv.Atoi(arg)
		if err != nil || i < 0 || i >= len(v) {
			return absent, nil
		}
		return scalarView(v[i]), nil
	case hashing.Map:
		var key string
		if json.Unmarshal([]byte(arg), &key) != nil {
			key = arg
		}
		for _, p := range v {
			if p.Key == key {
				return scalarView(p.Value), nil
			}
		}
		return absent, nil
	}
	return view{}, fmt.Errorf("the value is a scalar and has no elements")
}

// partOf returns the part of a node's value that a reference means.
func (l *loop) partOf(n *node, output string) (trace.Value, error) {
	if output == "" {
		return n.value, nil
	}
	return l.outputValue(n, output)
}

// listItems returns the values of a list's nodes; nil for all else.
func (l *loop) listItems(n *node) []trace.Value {
	if !n.isList() {
		return nil
	}
	items := make([]trace.Value, len(n.deps))
	for i, d := range n.deps {
		items[i] = d.value
	}
	return items
}
