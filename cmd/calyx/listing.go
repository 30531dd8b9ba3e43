package main

import (
	"bytes"
	"strings"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/hashing"
)

// listedFile is one entry of a tree.
type listedFile struct {
	Path   string `json:"path"`
	Kind   string `json:"kind"` // file, program, folder or link
	Size   int64  `json:"size"`
	Digest string `json:"digest,omitempty"`
	Target string `json:"target,omitempty"`
}

var entryKinds = map[hashing.EntryKind]string{
	hashing.FileEntry: "file", hashing.ExecEntry: "program", hashing.DirEntry: "folder", hashing.LinkEntry: "link",
}

// listing is what a tree from the store holds.
func listing(p executor.Payload) ([]listedFile, error) {
	tree, err := hashing.DecodeTree(p.Inline)
	if err != nil {
		return nil, err
	}
	return filesIn(tree, ""), nil
}

// filesIn is what a tree holds, with base in front of the paths.
func filesIn(tree hashing.Tree, base string) []listedFile {
	list := []listedFile{}
	for _, e := range tree {
		f := listedFile{Path: base + e.Path, Kind: entryKinds[e.Kind], Size: e.Size, Target: e.Target}
		if e.IsFile() {
			f.Digest = e.Digest.String()
		}
		list = append(list, f)
	}
	return list
}

func (a *app) printListing(list []listedFile, asJSON bool) error {
	if asJSON {
		return a.printJSON(list)
	}
	return a.printPrinted(bytes.NewBufferString(listingText(list)))
}

// listingText has one path a line; folders end with a slash, links show where they lead.
func listingText(list []listedFile) string {
	var b strings.Builder
	for _, f := range list {
		b.WriteString(console.Line(f.Path))
		switch f.Kind {
		case "folder":
			b.WriteByte('/')
		case "link":
			b.WriteString(" -> " + console.Line(f.Target))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
