package snapshot_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/hashing"
)

// plain is a node with all that it leads to, without numbers.
type plain struct {
	Dirty   bool
	Data    string
	Leaves  []plainLeaf
	Outputs []snapshot.Path
	Deps    []string
}

type plainLeaf struct {
	Kind    uint8
	Subject string
	Digest  hashing.Digest
	Paths   []snapshot.Path
}

// model is what a snapshot should hold, by the names of nodes.
type model map[string]plain

var (
	names   = rapid.SampledFrom([]string{"a", "b", "dir/a", "dir/b", "dir/sub/a", ".", "/", "/etc", "/etc/x", "..", "../x", "n\n\xff", "-"})
	digests = rapid.Custom(func(t *rapid.T) hashing.Digest { return hashing.Sum([]byte{rapid.Byte().Draw(t, "digest")}) })
	stats   = rapid.Custom(func(t *rapid.T) hashing.Stat {
		return hashing.Stat{
			Dev: rapid.Uint64().Draw(t, "dev"), Ino: rapid.Uint64().Draw(t, "ino"), Size: rapid.Int64().Draw(t, "size"),
			Mtime: rapid.Int64().Draw(t, "mtime"), Ctime: rapid.Int64().Draw(t, "ctime"), Mode: rapid.Uint32().Draw(t, "mode"),
		}
	})
	paths = rapid.Custom(func(t *rapid.T) snapshot.Path {
		return snapshot.Path{
			Name: names.Draw(t, "name"), Kind: snapshot.Kind(rapid.IntRange(1, 5).Draw(t, "kind")), Follow: rapid.Bool().Draw(t, "follow"),
			Record: hashing.Record{Digest: digests.Draw(t, "digest"), Stat: stats.Draw(t, "stat"), Racy: rapid.Bool().Draw(t, "racy")},
		}
	})
	leaves = rapid.Custom(func(t *rapid.T) plainLeaf {
		return plainLeaf{
			Kind: rapid.Byte().Draw(t, "kind"), Subject: rapid.String().Draw(t, "subject"), Digest: digests.Draw(t, "digest"),
			Paths: rapid.SliceOfN(paths, 0, 3).Draw(t, "paths"),
		}
	})
)

// history plays edits on a file and on the model of it.
type history struct {
	t    *rapid.T
	file string
	want model
}

// edit changes some nodes at random: it sets, adds and drops.
func (h *history) edit() {
	old, err := snapshot.Open(h.file)
	e := snapshot.New()
	numbers := map[string]uint32{}
	if err == nil {
		defer func() { h.must(old.Close()) }()
		e = snapshot.Begin(old, nil)
		for i, n := range old.Nodes() {
			numbers[n.Name] = i
		}
	}
	h.drop(e, numbers)
	var touched []string
	for i := range rapid.IntRange(0, 4).Draw(h.t, "touched") {
		name := rapid.SampledFrom([]string{"n0", "n1", "n2", "n3", "n4", "n5", "n6"}).Draw(h.t, "node")
		if _, there := numbers[name]; !there {
			numbers[name] = e.AddNode(snapshot.Node{Name: name})
		}
		h.want[name] = h.node(name, i)
		touched = append(touched, name)
	}
	for _, name := range touched {
		e.SetNode(numbers[name], h.numbered(e, name, numbers))
	}
	h.must(e.Write(h.file, snapshot.Head{}))
}

// drop leaves out a node on which no other depends.
func (h *history) drop(e *snapshot.Edit, numbers map[string]uint32) {
	for _, name := range slices.Sorted(maps.Keys(h.want)) {
		needed := slices.ContainsFunc(slices.Collect(maps.Values(h.want)), func(p plain) bool { return slices.Contains(p.Deps, name) })
		if !needed && rapid.IntRange(0, 3).Draw(h.t, "drop") == 0 {
			e.DropNode(numbers[name])
			delete(numbers, name)
			delete(h.want, name)
			return
		}
	}
}

// node makes a node that depends on no node that depends on it.
func (h *history) node(name string, i int) plain {
	p := plain{
		Dirty: rapid.Bool().Draw(h.t, "dirty"), Data: fmt.Sprint(name, i, rapid.String().Draw(h.t, "data")),
		Leaves: rapid.SliceOfN(leaves, 0, 3).Draw(h.t, "leaves"), Outputs: rapid.SliceOfN(paths, 0, 2).Draw(h.t, "outputs"),
	}
	for _, other := range slices.Sorted(maps.Keys(h.want)) {
		if !h.want.leads(other, name) && rapid.Bool().Draw(h.t, "dep") {
			p.Deps = append(p.Deps, other)
		}
	}
	return p
}

// leads reports whether one node is the other, or depends on it.
func (m model) leads(from, to string) bool {
	return from == to || slices.ContainsFunc(m[from].Deps, func(d string) bool { return m.leads(d, to) })
}

func (h *history) numbered(e *snapshot.Edit, name string, numbers map[string]uint32) snapshot.Node {
	p := h.want[name]
	n := snapshot.Node{Name: name, Dirty: p.Dirty, Data: []byte(p.Data), Outputs: addPaths(e, p.Outputs)}
	for _, l := range p.Leaves {
		n.Leaves = append(n.Leaves, e.AddLeaf(snapshot.Leaf{Kind: l.Kind, Subject: l.Subject, Digest: l.Digest, Paths: addPaths(e, l.Paths)}))
	}
	for _, d := range p.Deps {
		n.Deps = append(n.Deps, numbers[d])
	}
	return n
}

func addPaths(e *snapshot.Edit, all []snapshot.Path) (numbers []uint32) {
	for _, p := range all {
		numbers = append(numbers, e.AddPath(p))
	}
	return numbers
}

func (h *history) must(err error) {
	if err != nil {
		h.t.Fatal(err)
	}
}

// read reads the file back.
func (h *history) read() model {
	s, err := snapshot.Open(h.file)
	h.must(err)
	defer func() { h.must(s.Close()) }()
	m := model{}
	for _, n := range s.Nodes() {
		p := plain{Dirty: n.Dirty, Data: string(n.Data), Outputs: pathsAt(s, n.Outputs)}
		for _, i := range n.Leaves {
			l := s.Leaf(i)
			p.Leaves = append(p.Leaves, plainLeaf{l.Kind, string([]byte(l.Subject)), l.Digest, pathsAt(s, l.Paths)})
		}
		for _, i := range n.Deps {
			p.Deps = append(p.Deps, string([]byte(s.Node(i).Name)))
		}
		m[string([]byte(n.Name))] = p
	}
	return m
}

func pathsAt(s *snapshot.Snapshot, numbers []uint32) (all []snapshot.Path) {
	for _, i := range numbers {
		p := s.Path(i)
		p.Name = string([]byte(p.Name))
		all = append(all, p)
	}
	return all
}

// clean makes empty slices nil, so that models can be compared.
func (m model) clean() model {
	for name, p := range m {
		p.Leaves, p.Outputs, p.Deps = orNil(p.Leaves), orNil(p.Outputs), orNil(p.Deps)
		for i := range p.Leaves {
			p.Leaves[i].Paths = orNil(p.Leaves[i].Paths)
		}
		m[name] = p
	}
	return m
}

func orNil[T any](s []T) []T {
	if len(s) == 0 {
		return nil
	}
	return s
}

func TestEditsKeepTheRest(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		h := &history{t: rt, file: filepath.Join(dir, "snapshot"), want: model{}}
		if err := os.RemoveAll(h.file); err != nil {
			rt.Fatal(err)
		}
		for range 6 {
			h.edit()
			if got := h.read(); !reflect.DeepEqual(got.clean(), h.want.clean()) {
				rt.Fatalf("read %+v\nwant %+v", got, h.want)
			}
		}
	})
}

func TestNothingUnneededStays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snapshot")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	e := snapshot.New()
	p := e.AddPath(snapshot.Path{Name: "a", Kind: snapshot.Absent})
	if again := e.AddPath(snapshot.Path{Name: "a", Kind: snapshot.Absent}); again != p {
		t.Errorf("one path has the numbers %d and %d", p, again)
	}
	l := e.AddLeaf(snapshot.Leaf{Subject: "a", Paths: []uint32{p}})
	e.AddLeaf(snapshot.Leaf{Subject: "unused"})
	dep := e.AddNode(snapshot.Node{Name: "dep", Leaves: []uint32{l}})
	e.AddNode(snapshot.Node{Name: "top", Leaves: []uint32{l}, Deps: []uint32{dep}})
	want := snapshot.Head{Binding: hashing.Sum(nil), Expires: time.Unix(5, 6), Note: []byte("note")}
	must(e.Write(file, want))
	s, err := snapshot.Open(file)
	must(err)
	if s.NumPaths() != 1 || s.NumLeaves() != 1 || s.NumNodes() != 2 {
		t.Errorf("%d paths, %d leaves, %d nodes", s.NumPaths(), s.NumLeaves(), s.NumNodes())
	}
	if got := s.Head(); !reflect.DeepEqual(got, want) {
		t.Errorf("head %+v, want %+v", got, want)
	}
	e = snapshot.Begin(s, nil)
	e.SetLeaf(0, snapshot.Leaf{Subject: "b"})
	must(e.Write(file, snapshot.Head{}))
	must(s.Close())
	s, err = snapshot.Open(file)
	must(err)
	defer func() { must(s.Close()) }()
	if s.NumPaths() != 0 || s.NumLeaves() != 1 || s.Leaf(s.Node(1).Leaves[0]).Subject != "b" {
		t.Errorf("%d paths, %d leaves, %q", s.NumPaths(), s.NumLeaves(), s.Leaf(0).Subject)
	}
}

func TestImpossibleGraphsAreRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snapshot")
	cycle := snapshot.New()
	cycle.AddNode(snapshot.Node{Name: "a", Deps: []uint32{1}})
	cycle.AddNode(snapshot.Node{Name: "b", Deps: []uint32{0}})
	dropped := snapshot.New()
	dropped.AddNode(snapshot.Node{Name: "a"})
	dropped.AddNode(snapshot.Node{Name: "b", Deps: []uint32{0}})
	dropped.DropNode(0)
	for _, e := range []*snapshot.Edit{cycle, dropped} {
		if err := e.Write(file, snapshot.Head{}); err == nil {
			t.Error("it was written")
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestReachIsTheClosure compares Reach with a search from every node.
func TestReachIsTheClosure(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snapshot")
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(rt, "nodes")
		e := snapshot.New()
		edges := map[int][]uint32{}
		rank := rapid.Permutation(seq(n)).Draw(rt, "rank")
		for i := range n {
			p := e.AddPath(snapshot.Path{Name: fmt.Sprint("path", i), Kind: snapshot.Absent})
			out := e.AddPath(snapshot.Path{Name: fmt.Sprint("out", i), Kind: snapshot.Absent})
			for j := range n {
				if rank[j] < rank[i] && rapid.IntRange(0, 3).Draw(rt, "edge") == 0 {
					edges[i] = append(edges[i], uint32(j))
				}
			}
			l := e.AddLeaf(snapshot.Leaf{Paths: []uint32{p}})
			e.AddNode(snapshot.Node{Name: fmt.Sprint(i), Leaves: []uint32{l}, Outputs: []uint32{out}, Deps: edges[i], Dirty: rapid.IntRange(0, 9).Draw(rt, "dirty") == 0})
		}
		if err := e.Write(file, snapshot.Head{}); err != nil {
			rt.Fatal(err)
		}
		s, err := snapshot.Open(file)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		checkReach(rt, s, edges, rapid.SliceOfDistinct(rapid.Uint32Range(0, uint32(2*n-1)), rapid.ID).Draw(rt, "moved"))
	})
}

func seq(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func checkReach(rt *rapid.T, s *snapshot.Snapshot, edges map[int][]uint32, moved []uint32) {
	dirty := s.Reach(s.Touched(moved))
	roots := map[string]bool{}
	for _, p := range moved {
		name := s.Path(p).Name
		roots[name[len(name)-len(digitsOf(name)):]] = true
	}
	var reaches func(i int) bool
	reaches = func(i int) bool {
		return roots[fmt.Sprint(i)] || slices.ContainsFunc(edges[i], func(d uint32) bool { return reaches(int(d)) })
	}

	for i, n := range s.Nodes() {

		var number int
		if _, err := fmt.Sscan(n.Name, &number); err != nil {
			rt.Fatal(err)
		}
		own := n.Dirty || slices.ContainsFunc(n.Deps, func(d uint32) bool { return dirty[d] })
		if want := own || reaches(number); dirty[i] != want {
			rt.Fatalf("node %s: dirty %t, want %t", n.Name, dirty[i], want)
		}
	}
}

func digitsOf(name string) string {
	i := len(name)
	for i > 0 && name[i-1] >= '0' && name[i-1] <= '9' {
		i--
	}
	return name[i:]
}
