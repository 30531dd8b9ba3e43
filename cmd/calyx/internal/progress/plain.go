package progress

import (
	"io"
	"strings"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
)

// Plain tells of each executed step in one line, as it is done. It is not safe for concurrent use.
type Plain struct {
	w      io.Writer
	detail Detail
	style  console.Style
}

// NewPlain returns an observer that writes lines to w.
func NewPlain(w io.Writer, d Detail, style console.Style) *Plain { return &Plain{w, d, style} }

// Event writes the lines that e is worth.
func (p *Plain) Event(e executor.Event) {
	if lines := lasting(e, p.detail, p.style); len(lines) > 0 {
		_, _ = io.WriteString(p.w, strings.Join(lines, "\n")+"\n") // progress that cannot be shown does not stop a build
	}
}

// lasting returns the lines of an event that stay on the screen.
func lasting(e executor.Event, d Detail, style console.Style) []string {
	switch e := e.(type) {
	case executor.NodeDone:
		if d.wants(e.Outcome) {
			return doneLines(e, d, style)
		}
	case executor.Note:
		if e.Warn || !d.Quiet {
			return noteLines(e, style)
		}
	}
	return nil
}
