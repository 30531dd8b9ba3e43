package console

import (
	"strings"
)

// Table is rows of cells under headings. A heading that begins with ">" is of a column that is aligned to the right.
type Table struct {
	heads []string
	right []bool
	rows  [][]string
}

// NewTable returns a table with these headings; all headings empty means that none are shown.
func NewTable(heads ...string) *Table {
	t := &Table{right: make([]bool, len(heads))}
	for i, h := range heads {
		name, right := strings.CutPrefix(h, ">")
		t.heads = append(t.heads, name)
		t.right[i] = right
	}
	return t
}

// Row adds a row of safe, perhaps styled, cells; cells that are left out are empty.
func (t *Table) Row(cells ...string) { t.rows = append(t.rows, cells) }

// Empty reports whether no row was added.
func (t *Table) Empty() bool { return len(t.rows) == 0 }

// String writes the table, one line a row, with two spaces between columns and none at a line's end.
func (t *Table) String() string {
	rows := t.rows
	if strings.Join(t.heads, "") != "" {
		rows = append([][]string{t.heads}, rows...)
	}
	widths := t.widths(rows)
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i := range t.heads {
			if i > 0 {
				line.WriteString("  ")
			}
			line.WriteString(t.pad(row, i, widths[i]))
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

func (t *Table) widths(rows [][]string) []int {
	widths := make([]int, len(t.heads))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], Width(cell))
		}
	}
	return widths
}

func (t *Table) pad(row []string, i, width int) string {
	cell := ""
	if i < len(row) {
		cell = row[i]
	}
	if t.right[i] {
		return PadLeft(cell, width)
	}
	return PadRight(cell, width)
}
