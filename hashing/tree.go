package hashing

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// EntryKind tells what an Entry is.
type EntryKind byte

// The kinds of entries; their letters are part of the encoding.
const (
	FileEntry EntryKind = 'f'
	ExecEntry EntryKind = 'x' // a file that may be executed
	DirEntry  EntryKind = 'd'
	LinkEntry EntryKind = 'l'
)

// Entry is one name in a tree.
type Entry struct {
	Path   string // from the tree's root, with forward slashes; any bytes but NUL
	Kind   EntryKind
	Digest Digest // of a file
	Size   int64  // of a file
	Target string // of a link, as it is written
}

// IsFile reports whether the entry is a file, executable or not.
func (e Entry) IsFile() bool { return e.Kind == FileEntry || e.Kind == ExecEntry }

// Tree is a folder's content: all entries at all depths, in the order of their paths (and kinds: in a stored folder a
// link comes with what it shows, under the same path).
type Tree []Entry

const treeVersion = 1

// ErrTree is wrapped by every error of DecodeTree and Tree.Check.
var ErrTree = errors.New("not a listing of a folder")

// Encode returns the one encoding of the tree; its digest is the tree's.
func (t Tree) Encode() []byte {
	b := make([]byte, 0, 16+80*len(t))
	b = append(b, treeVersion)
	b = binary.AppendUvarint(b, uint64(len(t)))
	for _, e := range t {
		b = append(b, byte(e.Kind))
		b = appendBytes(b, e.Path)
		switch e.Kind {
		case FileEntry, ExecEntry:
			b = append(b, e.Digest[:]...)
			b = binary.AppendUvarint(b, uint64(e.Size))
		case LinkEntry:
			b = appendBytes(b, e.Target)
		}
	}
	return b
}

// Digest is the digest of the encoding.
func (t Tree) Digest() Digest { return Sum(t.Encode()) }

// Size is the number of bytes of all files together.
func (t Tree) Size() (total int64) {
	for _, e := range t {
		total += e.Size
	}
	return total
}

func compareEntries(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind))
}

// Find returns the first entry with that path.
func (t Tree) Find(p string) (Entry, bool) {
	i, ok := slices.BinarySearchFunc(t, p, func(e Entry, p string) int { return cmp.Compare(e.Path, p) })
	if !ok {
		return Entry{}, false
	}
	return t[i], true
}

// DecodeTree reads what Encode wrote, and nothing else. Entries are in order and paths stay inside the tree; whether it
// can be written to a disk is for Check to say.
func DecodeTree(encoded []byte) (Tree, error) {
	d := decoder{rest: encoded}
	version, err := d.byte()
	if err != nil || version != treeVersion {
		return nil, fmt.Errorf("%w of this version", ErrTree)
	}
	n, err := d.length()
	if err != nil || n > uint64(len(d.rest)) {
		return nil, fmt.Errorf("%w: it ends too early", ErrTree)
	}
	t := make(Tree, 0, min(n, 4096))
	for range n {
		e, err := d.entry()
		if err != nil {
			return nil, err
		}
		if len(t) > 0 && compareEntries(t[len(t)-1], e) >= 0 {
			return nil, fmt.Errorf("%w: %q is out of order", ErrTree, e.Path)
		}
		t = append(t, e)
	}
	if len(d.rest) > 0 {
		return nil, fmt.Errorf("%w: bytes follow it", ErrTree)
	}
	return t, nil
}

func (d *decoder) entry() (Entry, error) {
	kind, err := d.byte()
	if err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrTree, err)
	}
	e := Entry{Kind: EntryKind(kind)}
	if e.Path, err = d.string(); err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrTree, err)
	}
	if !insidePath(e.Path) {
		return Entry{}, fmt.Errorf("%w: %q is no path inside it", ErrTree, e.Path)
	}
	switch e.Kind {
	case FileEntry, ExecEntry:
		err = d.content(&e)
	case LinkEntry:
		if e.Target, err = d.string(); err == nil && (e.Target == "" || strings.Contains(e.Target, "\x00")) {
			err = fmt.Errorf("the link %q leads to no path", e.Path)
		}
	case DirEntry:
	default:
		err = fmt.Errorf("%q is of unknown kind %q", e.Path, kind)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrTree, err)
	}
	return e, nil
}

func (d *decoder) content(e *Entry) error {
	b, err := d.bytes(32)
	if err != nil {
		return err
	}
	e.Digest = Digest(b)
	size, err := d.length()
	if err == nil && size > 1<<62 {
		err = fmt.Errorf("%q has an impossible size", e.Path)
	}
	e.Size = int64(size)
	return err
}

// insidePath reports whether p is a clean relative path that stays inside the tree.
func insidePath(p string) bool {
	return p != "" && p != "." && p[0] != '/' && p != ".." && !strings.HasPrefix(p, "../") && path.Clean(p) == p && !strings.Contains(p, "\x00")
}

// Check reports why the tree cannot be a folder that calyx wrote: a name twice, something below a file or a link, a
// parent that is missing, a link that leads out of the tree.
func (t Tree) Check() error {
	kinds := make(map[string]EntryKind, len(t))
	for _, e := range t {
		if _, twice := kinds[e.Path]; twice {
			return fmt.Errorf("%w: %q comes twice", ErrTree, e.Path)
		}
		kinds[e.Path] = e.Kind
	}
	for _, e := range t {
		if parent := path.Dir(e.Path); parent != "." && kinds[parent] != DirEntry {
			return fmt.Errorf("%w: %q is in no folder of it", ErrTree, e.Path)
		}
	}
	if out := t.escaping(); len(out) > 0 {
		return fmt.Errorf("the link %q leads out of its folder, to %q", out[0].Path, out[0].Target)
	}
	return nil
}
