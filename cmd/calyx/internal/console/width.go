package console

import (
	"strings"

	// Cells are counted as terminals draw them: grapheme clusters, wide characters, escape sequences without width.
	"github.com/clipperhouse/displaywidth"
)

// cells ignores the escape sequences that styles put into a text.
func cells() displaywidth.Options { return displaywidth.Options{ControlSequences: true} }

// Width returns how many cells text takes in a line.
func Width(text string) int { return cells().String(text) }

// Truncate returns text, or as much of it as fits into width cells with an ellipsis at the end. Escape sequences count
// nothing and are kept, so that a style ends where it should.
func Truncate(text string, width int) string {
	if len(text) <= width {
		return text
	}
	if width < 1 {
		return ""
	}
	return cells().TruncateString(text, width, "…")
}

// PadRight fills text with spaces up to width cells.
func PadRight(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-Width(text)))
}

// PadLeft puts spaces before text up to width cells.
func PadLeft(text string, width int) string {
	return strings.Repeat(" ", max(0, width-Width(text))) + text
}
