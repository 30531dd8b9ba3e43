// Package snapshot keeps, in one flat file, all that the result of a build depended on and which node depended on what, so
// that the next build can be answered by looking at the same paths once more, without the store or the Calyxfile.
//
// A file is written to a temporary name and renamed, and never changed afterwards. It holds a checksum, so nothing has to
// be synchronised: a file that is torn, damaged or of another version is no snapshot, and the engine does the work.
package snapshot

import (
	"errors"
	"fmt"
	"iter"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/rows"
)

// ErrNone is wrapped by the errors of Open: there is no usable snapshot.
var ErrNone = errors.New("no usable snapshot")

// Kind says what counts of a path.
type Kind uint8

// The kinds of paths. What is there must be of the kind, or it has moved.
const (
	File   Kind = iota + 1 // a regular file's content and exec bit
	Dir                    // a folder's names, as hashing.List digests them; with the zero digest any new stat counts
	Link                   // where a symbolic link points: the digest of its target
	Absent                 // that nothing can be reached there
	Being                  // that something is there, its type and exec bit; the content does not count
	Status                 // the same, and the size of a file
)

// Path is something that a build looked at.
type Path struct {
	Name   string // from the workspace's root, or absolute
	Kind   Kind
	Follow bool           // look at what a link leads to
	Record hashing.Record // as its kind has it; the zero Record where it is absent
}

// Leaf is an input of the graph: a file, a folder, a pattern, a variable, an evaluation. Kind and Subject are the caller's.
type Leaf struct {
	Kind    uint8
	Subject string
	Digest  hashing.Digest
	Paths   []uint32 // none for what is no file: the caller compares the digest
}

// Node is a vertex of the graph.
type Node struct {
	Name    string
	Dirty   bool   // it has no result, or one that must not be reused
	Data    []byte // the caller's
	Leaves  []uint32
	Outputs []uint32 // paths
	Deps    []uint32 // nodes
}

// Head is what a snapshot says of itself.
type Head struct {
	Binding hashing.Digest // of all that must be equal for the snapshot to apply
	Expires time.Time      // when the first result becomes too old; zero: never
	Note    []byte         // the caller's
}

// Snapshot is an open file. It is safe for concurrent use until Close, and so is everything that its methods return: names
// and slices are those of the file.
type Snapshot struct {
	data    []byte
	head    Head
	text    []byte
	folders []folderRow
	paths   []pathRow
	stats   []hashing.Stat
	digests []hashing.Digest
	leaves  []leafRow
	nodes   []nodeRow
	edges   []uint32
}

// Open maps the file at path and checks it as a whole.
func Open(path string) (*Snapshot, error) {
	data, err := rows.MapFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	s, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("read snapshot %q: %w", path, errors.Join(err, unix.Munmap(data)))
	}
	return s, nil
}

// Close gives the mapping back; nothing of the snapshot may be used afterwards.
func (s *Snapshot) Close() error { return unix.Munmap(s.data) }

// Head returns what the snapshot says of itself.
func (s *Snapshot) Head() Head { return s.head }

// NumPaths is the number of paths; they have the numbers below it.
func (s *Snapshot) NumPaths() int { return len(s.paths) }

// NumLeaves is the number of leaves.
func (s *Snapshot) NumLeaves() int { return len(s.leaves) }

// NumNodes is the number of nodes. A node has a higher number than those that it depends on.
func (s *Snapshot) NumNodes() int { return len(s.nodes) }

// Path returns the path with that number.
func (s *Snapshot) Path(i uint32) Path {
	r := &s.paths[i]
	return Path{
		Name: join(s.string(s.folders[r.Folder].Name), s.string(r.Name)), Kind: r.Kind, Follow: r.Flags.has(follow), Record: s.record(i),
	}
}

func (s *Snapshot) record(i uint32) hashing.Record {
	return hashing.Record{Digest: s.digests[i], Stat: s.stats[i], Racy: s.paths[i].Flags.has(racy)}
}

// Named yields the numbers of all paths whose names are among these.
func (s *Snapshot) Named(names []string) iter.Seq[uint32] {
	wanted := map[string]map[string]bool{} // names in their folders
	for _, name := range names {
		folder, base := split(name)
		if wanted[folder] == nil {
			wanted[folder] = map[string]bool{}
		}
		wanted[folder][base] = true
	}
	bases := make([]map[string]bool, len(s.folders))
	for i, f := range s.folders {
		bases[i] = wanted[s.string(f.Name)]
	}
	return func(yield func(uint32) bool) {
		for i := range s.paths {
			r := &s.paths[i]
			if b := bases[r.Folder]; len(b) > 0 && b[s.string(r.Name)] && !yield(uint32(i)) {
				return
			}
		}
	}
}

// Leaf returns the leaf with that number.
func (s *Snapshot) Leaf(i uint32) Leaf {
	r := &s.leaves[i]
	return Leaf{Kind: r.Kind, Subject: s.string(r.Subject), Digest: r.Digest, Paths: s.edgesOf(r.Paths)}
}

// Leaves yields all leaves with their numbers.
func (s *Snapshot) Leaves() iter.Seq2[uint32, Leaf] { return numbered(len(s.leaves), s.Leaf) }

// Node returns the node with that number.
func (s *Snapshot) Node(i uint32) Node {
	r := &s.nodes[i]
	return Node{
		Name: s.string(r.Name), Dirty: r.Flags.has(dirty), Data: s.text[r.Data.From:r.Data.To:r.Data.To],
		Leaves: s.edgesOf(r.Leaves), Outputs: s.edgesOf(r.Outputs), Deps: s.edgesOf(r.Deps),
	}
}

// Nodes yields all nodes with their numbers.
func (s *Snapshot) Nodes() iter.Seq2[uint32, Node] { return numbered(len(s.nodes), s.Node) }

func numbered[T any](n int, get func(uint32) T) iter.Seq2[uint32, T] {
	return func(yield func(uint32, T) bool) {
		for i := range uint32(n) {
			if !yield(i, get(i)) {
				return
			}
		}
	}
}

// string shows a name where it stands in the file.
func (s *Snapshot) string(at span) string {
	return unsafe.String(unsafe.SliceData(s.text[at.From:at.To]), at.len())
}

func (s *Snapshot) edgesOf(at span) []uint32 { return s.edges[at.From:at.To:at.To] }
