package snapshot_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/executor/snapshot"
	"github.com/calyx-build/calyx/hashing"
)

// row is a node as an edit of its source leaves it: what it owns and reads differs, and not on whom it depends.
func row(t *rapid.T, i int, common hashing.Record) plain {
	record := rapid.Custom(func(t *rapid.T) hashing.Record {
		return hashing.Record{Digest: digests.Draw(t, "digest"), Stat: stats.Draw(t, "stat"), Racy: rapid.Bool().Draw(t, "racy")}
	})
	file := func(name string, r hashing.Record) snapshot.Path {
		return snapshot.Path{Name: name, Kind: snapshot.File, Follow: true, Record: r}
	}
	p := plain{
		Dirty: rapid.Bool().Draw(t, "dirty"), Data: rapid.String().Draw(t, "data"),
		Leaves: []plainLeaf{
			{Kind: 1, Subject: "own", Paths: []snapshot.Path{file(fmt.Sprint("src/", i), record.Draw(t, "source"))}},
			{Kind: 1, Subject: "common", Paths: []snapshot.Path{file("bin/tool", common)}},
		},
		Outputs: []snapshot.Path{file(fmt.Sprint("out/", i), record.Draw(t, "output"))},
	}
	if i > 0 {
		p.Deps = []string{fmt.Sprint("n", i-1)}
	}
	return p
}

func TestEditsOfTheSameShapePatch(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		h := &history{t: rt, file: filepath.Join(dir, "snapshot"), want: model{}}
		if err := os.RemoveAll(h.file); err != nil {
			rt.Fatal(err)
		}
		const nodes = 4
		common := hashing.Record{Digest: hashing.Sum(nil)}
		first := snapshot.New()
		numbers := map[string]uint32{}
		for i := range nodes {
			name := fmt.Sprint("n", i)
			h.want[name] = row(rt, i, common)
			numbers[name] = first.AddNode(snapshot.Node{Name: name})
			first.SetNode(numbers[name], h.numbered(first, name, numbers))
		}
		h.must(first.Write(h.file, snapshot.Head{}))
		for range 4 {
			h.again(nodes, &common)
		}
	})
}

// again replaces some nodes, and perhaps the record of the path that all share: where others still have the old one, both must stand.
func (h *history) again(nodes int, common *hashing.Record) {
	old, err := snapshot.Open(h.file)
	h.must(err)
	defer func() { h.must(old.Close()) }()
	numbers := map[string]uint32{}
	for i, n := range old.Nodes() {
		numbers[string([]byte(n.Name))] = i
	}
	e := snapshot.Begin(old, nil)
	moved := rapid.IntRange(0, 3).Draw(h.t, "common moves") == 0
	if moved {
		common.Stat.Size++
	}
	which := rapid.SliceOfNDistinct(rapid.IntRange(0, nodes-1), 1, nodes, rapid.ID).Draw(h.t, "which")
	slices.Sort(which)
	for _, i := range which {
		name := fmt.Sprint("n", i)
		h.want[name] = row(h.t, i, *common)
		e.SetNode(numbers[name], h.numbered(e, name, numbers))
	}
	shared := false // the others still have what common was
	for name, p := range h.want {
		shared = shared || p.Leaves[1].Paths[0].Record != *common && !slices.Contains(which, int(name[1]-'0'))
	}
	switch patches := e.Patches(); {
	case !patches && common.Stat.Size == 0: // nothing shared ever moved
		h.t.Fatal("an edit of the same shape is not patched")
	case patches && moved && shared:
		h.t.Fatal("others are given a record that they did not see")
	}
	h.must(e.Write(h.file, snapshot.Head{}))
	if got := h.read(); !reflect.DeepEqual(got.clean(), h.want.clean()) {
		h.t.Fatalf("read %+v\nwant %+v", got, h.want)
	}
}
