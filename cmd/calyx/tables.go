package main

import (
	"fmt"
	"strings"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/reports"
)

// newTable returns a table with faint headings.
func newTable(style console.Style, heads ...string) *console.Table {
	for i, h := range heads {
		name, right := strings.CutPrefix(h, ">")
		heads[i] = style.Dim(name)
		if right {
			heads[i] = ">" + heads[i]
		}
	}
	return console.NewTable(heads...)
}

// maxListed is how many rows a table of many shows, unless the user wants all.
const maxListed = 20

// firstOf is the part of a list that a table shows.
func firstOf[T any](list []T, all bool) []T {
	if all {
		return list
	}
	return list[:min(len(list), maxListed)]
}

// moreRows says how many rows a table leaves out.
func moreRows(n int, style console.Style) string {
	if n <= 0 {
		return ""
	}
	return "  " + style.Dim(fmt.Sprintf("and %d more; -v shows all", n)) + "\n"
}

// pathTable lists the nodes of a path in their order.
func pathTable(p reports.Path, verbose bool, style console.Style) string {
	table := console.NewTable("", "", "")
	shown := firstOf(p.Nodes, verbose)
	for _, n := range shown {
		table.Row("", console.Line(n.Node), style.Dim(console.Seconds(n.Seconds)))
	}
	return table.String() + moreRows(len(p.Nodes)-len(shown), style)
}
