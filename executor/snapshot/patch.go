package snapshot

import (
	"math"
	"slices"

	"github.com/calyx-build/calyx/hashing"
)

// Where a few nodes of many have new results, the old file is written once more with their rows over the old ones and what they lead
// to behind the others: nothing of the rest is looked at. Rows of leaves that nothing leads to any more are left behind, until they are
// many.

// SameShape reports whether the nodes are those of the old snapshot and depend on one another as there.
func (e *Edit) SameShape() bool {
	if e.nodes.more.n > 0 || len(e.dropped) > 0 || e.nodes.old == 0 {
		return false
	}
	for id, n := range e.nodes.replaced {
		if was := e.old.Node(id); n.Name != was.Name || !slices.Equal(n.Deps, was.Deps) {
			return false
		}
	}
	return true
}

// patching is an edit of the same shape in the making.
type patching struct {
	e       *Edit
	extra   *columns                  // what stands behind the old rows
	records map[uint32]hashing.Record // of the old paths that have others
	same    []uint32                  // the old path that stands for each that was added
}

// patch makes the content of the file out of the old one. It is nil where that cannot be said by patching.
func (e *Edit) patch(h Head) *content {
	if !e.SameShape() || len(e.leaves.replaced) > 0 {
		return nil
	}
	p := &patching{e: e, extra: &columns{}, records: map[uint32]hashing.Record{}}
	for i, r := range e.refreshed {
		p.records[i] = r
	}
	if !p.findPaths() || !p.stillNeeded() {
		return nil
	}
	old := e.old
	c := &content{
		head: head{Version: version, Binding: h.Binding, Expires: nanoseconds(h.Expires)},
		parts: [sections][][]byte{
			noteSection: {h.Note}, textSection: {old.text}, folderSection: {bytesOf(old.folders)}, pathSection: {bytesOf(old.paths)},
			statSection: {bytesOf(old.stats)}, digestSection: {bytesOf(old.digests)}, leafSection: {bytesOf(old.leaves)},
			nodeSection: {bytesOf(old.nodes)}, edgeSection: {bytesOf(old.edges)},
		},
	}
	for i := range e.leaves.more.n {
		p.leaf(*e.leaves.more.at(i))
	}
	for id, n := range e.nodes.replaced {
		c.put(nodeSection, id, p.node(id, n))
	}
	for id, r := range p.records {
		row := old.paths[id]
		row.Flags.set(racy, r.Racy)
		c.put(pathSection, id, bytesOf([]pathRow{row}))
		c.put(statSection, id, bytesOf([]hashing.Stat{r.Stat}))
		c.put(digestSection, id, bytesOf([]hashing.Digest{r.Digest}))
	}
	if len(old.text)+len(p.extra.text) > math.MaxUint32 || len(old.edges)+len(p.extra.edges) > math.MaxUint32 {
		return nil
	}
	c.add(textSection, p.extra.text)
	c.add(leafSection, bytesOf(p.extra.leaves))
	c.add(edgeSection, bytesOf(p.extra.edges))
	c.place()
	return c
}

// findPaths finds the old path in whose place each path comes that was added.
func (p *patching) findPaths() bool {
	e := p.e
	var names []string
	for i := range e.paths.n {
		names = append(names, e.paths.at(i).Name)
	}
	found := map[string][]uint32{}
	for id := range e.old.Named(names) {
		name := e.old.Path(id).Name
		found[name] = append(found[name], id)
	}
	given := map[uint32]hashing.Record{}
	for i := range e.paths.n {
		now := e.paths.at(i)
		id, ok := p.instead(*now, found[now.Name])
		if r, is := given[id]; !ok || is && r != now.Record {
			return false
		}
		given[id] = now.Record
		p.same = append(p.same, id)
	}
	for id, r := range given {
		p.records[id] = r
	}
	return true
}

// instead returns the one among old paths of a name in whose place a path comes: the one that is the same, or the only one of its kind.
func (p *patching) instead(now Path, named []uint32) (id uint32, ok bool) {
	of := 0
	for _, i := range named {
		row := &p.e.old.paths[i]
		if row.Kind != now.Kind || row.Flags.has(follow) != now.Follow {
			continue
		}
		if p.answers(i, now.Record) {
			return i, true
		}
		id = i
		of++
	}
	return id, of == 1
}

// path is the number that a path has in the new snapshot.
func (p *patching) path(id uint32) uint32 {
	if n := uint32(len(p.e.old.paths)); id >= n {
		return p.same[id-n]
	}
	return id
}

// leastLeft is how many rows of leaves may be left behind in a small snapshot; in a large one it is an eighth.
const leastLeft = 1024

// stillNeeded reports whether everything still leads to every path, and to none with a record that others gave it.
func (p *patching) stillNeeded() bool {
	e, old := p.e, p.e.old
	led := make(marks, len(old.leaves))
	needed := make(marks, len(old.paths))
	asBefore := func(paths []uint32) bool {
		for _, id := range paths {
			needed[id] = true
			if r, ok := p.records[id]; ok && !p.answers(id, r) {
				return false
			}
		}
		return true
	}
	for i := range old.nodes {
		if _, replaced := e.nodes.replaced[uint32(i)]; replaced {
			continue
		}
		for _, leaf := range old.edgesOf(old.nodes[i].Leaves) {
			led[leaf] = true
		}
		if !asBefore(old.edgesOf(old.nodes[i].Outputs)) {
			return false
		}
	}
	for _, n := range e.nodes.replaced {
		for _, leaf := range n.Leaves {
			if leaf < e.leaves.old {
				led[leaf] = true
			}
		}
		for _, id := range n.Outputs {
			needed[p.path(id)] = true
		}
	}
	for i := range e.leaves.more.n {
		for _, id := range e.leaves.more.at(i).Paths {
			needed[p.path(id)] = true
		}
	}
	left := 0
	for i, is := range led {
		if !is {
			left++
		} else if !asBefore(old.edgesOf(old.leaves[i].Paths)) {
			return false
		}
	}
	return left <= max(leastLeft, len(old.leaves)/8) && p.spare(needed)
}

// spare reports whether each path to which nothing leads is there twice: one that moved for nobody would have a build done for nobody.
func (p *patching) spare(needed marks) bool {
	for i, is := range needed {
		if is {
			continue
		}
		path := p.e.old.Path(uint32(i))
		path.Record = p.now(uint32(i))
		twin := func(id uint32) bool {
			other := p.e.old.Path(id)
			other.Record = p.now(id)
			return needed[id] && other == path
		}
		if !slices.ContainsFunc(slices.Collect(p.e.old.Named([]string{path.Name})), twin) {
			return false
		}
	}
	return true
}

// now is the record that an old path has in the new snapshot.
func (p *patching) now(id uint32) hashing.Record {
	if r, ok := p.records[id]; ok {
		return r
	}
	return p.e.old.record(id)
}

// answers reports whether those who know the old record of a path may be given r.
func (p *patching) answers(id uint32, r hashing.Record) bool {
	if fresh, ok := p.e.refreshed[id]; ok && fresh == r {
		return true
	}
	return p.e.old.record(id) == r
}

func (p *patching) text(s string) span {
	at := put(p.extra, s)
	n := uint32(len(p.e.old.text))
	return span{n + at.From, n + at.To}
}

func (p *patching) edges(ids []uint32, number func(uint32) uint32) span {
	n := uint32(len(p.e.old.edges) + len(p.extra.edges))
	for _, id := range ids {
		p.extra.edges = append(p.extra.edges, number(id))
	}
	return span{n, n + uint32(len(ids))}
}

func (p *patching) leaf(l Leaf) {
	p.extra.leaves = append(p.extra.leaves, leafRow{Digest: l.Digest, Subject: p.text(l.Subject), Kind: l.Kind, Paths: p.edges(l.Paths, p.path)})
}

func (p *patching) node(id uint32, n Node) []byte {
	as := func(id uint32) uint32 { return id }
	was := &p.e.old.nodes[id]
	r := nodeRow{
		Name: was.Name, Deps: was.Deps, Data: p.text(string(n.Data)), Leaves: p.edges(n.Leaves, as), Outputs: p.edges(n.Outputs, p.path),
	}
	r.Flags.set(dirty, n.Dirty)
	return bytesOf([]nodeRow{r})
}
