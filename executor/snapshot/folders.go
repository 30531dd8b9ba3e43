package snapshot

import "github.com/calyx-build/calyx/hashing"

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

// putPaths writes the paths that are taken, those of a folder side by side, and numbers them anew.
func (e *Edit) putPaths(c *columns, taken *numbering) {
	names, folderOf := e.folders()
	ends := make([]uint32, len(names)) // where the next path of a folder goes; at last, where the folder ends
	for _, id := range taken.ids {
		ends[folderOf[id]]++
	}
	next := uint32(0)
	for i, n := range ends {
		ends[i] = next
		if n > 0 {
			c.folders = append(c.folders, folderRow{Name: put(c, names[i]), Paths: span{next, next + n}})
		}
		next += n
	}
	ids := make([]uint32, len(taken.ids))
	for _, id := range taken.ids {
		f := folderOf[id]
		ids[ends[f]] = id
		ends[f]++
	}
	taken.ids = ids
	for i, id := range ids {
		taken.of[id] = uint32(i) + 1
		e.putPath(c, id)
	}
}

func (e *Edit) putPath(c *columns, id uint32) {
	base, r, record := e.row(id)
	r.Name = put(c, base)
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
	for i := range e.old.folders {
		f := number(e.old.string(e.old.folders[i].Name))
		for range e.old.folders[i].Paths.len() {
			folderOf = append(folderOf, f)
		}
	}
	for i := range e.paths.n {
		folder, _ := split(e.paths.at(i).Name)
		folderOf = append(folderOf, number(folder))
	}
	return names, folderOf
}
