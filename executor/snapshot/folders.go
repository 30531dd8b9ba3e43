package snapshot

import (
	"cmp"
	"slices"

	"github.com/calyx-build/calyx/hashing"
)

func (e *Edit) numPaths() uint32 { return uint32(len(e.old.paths) + e.paths.n) }

// row returns a path's name in its folder, its row without the name, and its record.
func (e *Edit) row(id uint32) (base string, r pathRow, record hashing.Record) {
	if n := uint32(len(e.old.paths)); id >= n {
		p := e.paths.at(int(id - n))
		_, base = split(p.Name)
		r.Kind = p.Kind
		r.Flags.set(follow, p.Follow)
		record = p.Record
	} else {
		r = e.old.paths[id]
		base = e.old.string(r.Name)
		var ok bool
		if record, ok = e.refreshed[id]; !ok {
			record = e.old.record(id)
		}
	}
	r.Flags.set(racy, record.Racy)
	return base, r, record
}

// putPaths writes the paths that are taken, in the order in which they are to be looked at, and numbers them anew.
func (e *Edit) putPaths(c *columns, taken *numbering) {
	names, folderOf := e.folders()
	numbers := make([]uint32, len(names)) // of the folders that have paths, plus one
	e.sortByAge(taken.ids, folderOf, len(names) > keptOpen)
	for i, id := range taken.ids {
		taken.of[id] = uint32(i) + 1
		f := folderOf[id]
		if numbers[f] == 0 {
			c.folders = append(c.folders, folderRow{put(c, names[f])})
			numbers[f] = uint32(len(c.folders))
		}
		e.putPath(c, id, numbers[f]-1)
	}
}

// sortByAge puts what changed last at the end: mostly that is the order in which the files were made, and so that of the
// system's memory of them. To look at 200,000 takes an eighth less so than folder by folder. Where there are too many
// folders to keep them open, the paths of each stay together.
func (e *Edit) sortByAge(ids, folderOf []uint32, byFolder bool) {
	type made struct {
		at int64 // nanoseconds since 1970; 0 where nothing is there
		id uint32
	}
	all := make([]made, len(ids))
	for i, id := range ids {
		all[i] = made{e.ctime(id), id}
	}
	slices.SortFunc(all, func(a, b made) int {
		if byFolder && folderOf[a.id] != folderOf[b.id] {
			return cmp.Compare(folderOf[a.id], folderOf[b.id])
		}
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id))
	})
	for i := range all {
		ids[i] = all[i].id
	}
}

func (e *Edit) ctime(id uint32) int64 {
	n := uint32(len(e.old.paths))
	if id >= n {
		return e.paths.at(int(id - n)).Record.Stat.Ctime
	}
	if record, ok := e.refreshed[id]; ok {
		return record.Stat.Ctime
	}
	return e.old.stats[id].Ctime
}

func (e *Edit) putPath(c *columns, id, folder uint32) {
	base, r, record := e.row(id)
	r.Name, r.Folder = put(c, base), folder
	c.paths = append(c.paths, r)
	c.stats = append(c.stats, record.Stat)
	c.digests = append(c.digests, record.Digest)
}

// folders returns the names of all folders, and the folder of every path.
func (e *Edit) folders() (names []string, folderOf []uint32) {
	folderOf = make([]uint32, 0, e.numPaths())
	numbers := map[string]uint32{}
	number := func(name string) uint32 {
		n, ok := numbers[name]
		if !ok {
			n = uint32(len(names))
			numbers[name] = n
			names = append(names, name)
		}
		return n
	}
	old := make([]uint32, len(e.old.folders))
	for i, f := range e.old.folders {
		old[i] = number(e.old.string(f.Name))
	}
	for i := range e.old.paths {
		folderOf = append(folderOf, old[e.old.paths[i].Folder])
	}
	for i := range e.paths.n {
		folder, _ := split(e.paths.at(i).Name)
		folderOf = append(folderOf, number(folder))
	}
	return names, folderOf
}
