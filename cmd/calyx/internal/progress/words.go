// Package progress shows a build while it runs: on a terminal, as plain lines, or as JSON events. Each of the three is an
// executor.Observer.
package progress

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/cmd/calyx/internal/explain"
	"github.com/calyx-build/calyx/executor"
)

// Detail is how much is told of what is done.
type Detail struct {
	Why     bool // before and after beside each reason
	Verbose bool // cached and fresh nodes too
	Quiet   bool // failures and warnings only
}

// wants reports whether a node with this outcome is told of.
func (d Detail) wants(o executor.NodeOutcome) bool {
	switch o {
	case executor.Failed:
		return true
	case executor.Executed, executor.Blocked:
		return !d.Quiet
	}
	return d.Verbose && !d.Quiet
}

// wordWidth is the width of the longest outcome.
const wordWidth = len(executor.Executed)

// doneLines tells how a node ended: one line, and for a failed one the end of what it printed.
func doneLines(e executor.NodeDone, d Detail, style console.Style) []string {
	if e.Stored {
		line := style.Bad(console.PadRight("no value", wordWidth)) + "  " + console.Name(e.Node) + "  " + style.Bad(FailureText(e.Failure))
		return append([]string{line}, hintLines(e.Failure, style)...)
	}
	word := console.PadRight(string(e.Outcome), wordWidth)
	line := fmt.Sprintf("%s  %s", outcomeStyle(e.Outcome, style)(word), console.Name(e.Node))
	switch e.Outcome {
	case executor.Executed:
		return []string{line + "  " + console.Seconds(e.Seconds) + "  " + style.Dim("("+reason(e, d)+")")}
	case executor.Cached:
		return []string{line + "  " + style.Dim("(saved "+console.Seconds(e.Usual)+")")}
	case executor.Blocked:
		return []string{line + "  " + style.Dim("("+blockedBy(e.Blocked)+")")}
	case executor.Failed:
		line += "  " + console.Seconds(e.Seconds) + "  " + style.Bad(FailureText(e.Failure))
		return append(append([]string{line}, logTail(e, style)...), hintLines(e.Failure, style)...)
	}
	return []string{line}
}

// hintLines says what may be done about a failure.
func hintLines(f *executor.Failure, style console.Style) []string {
	if f == nil || f.Hint == "" {
		return nil
	}
	return []string{style.Accent("  hint: ") + strings.Join(console.Lines(f.Hint, false), "\n  ")}
}

func outcomeStyle(o executor.NodeOutcome, style console.Style) func(string) string {
	switch o {
	case executor.Executed:
		return style.Good
	case executor.Failed:
		return style.Bad
	case executor.Blocked:
		return style.Warn
	}
	return style.Dim
}

func reason(e executor.NodeDone, d Detail) string {
	if d.Why {
		return explain.Long(e.Reason)
	}
	return explain.Short(e.Reason)
}

// maxBlockers is how many failed nodes a blocked one names.
const maxBlockers = 3

func blockedBy(failed []string) string {
	shown := make([]string, 0, maxBlockers)
	for _, n := range failed[:min(len(failed), maxBlockers)] {
		shown = append(shown, console.Name(n))
	}
	text := strings.Join(shown, ", ")
	if more := len(failed) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + " failed"
}

// FailureText says in one line why a step failed.
func FailureText(f *executor.Failure) string {
	switch {
	case f == nil:
		return "it failed"
	case f.Message != "":
		return console.Line(strings.TrimSpace(f.Message))
	case f.Timeout:
		return "it took longer than its timeout allows"
	case f.Signal != "":
		return "ended by the signal " + console.Line(f.Signal)
	}
	return fmt.Sprintf("exit status %d", f.Exit)
}

// logTail shows the details of a failure and the end of what the step printed, set apart by a bar.
func logTail(e executor.NodeDone, style console.Style) []string {
	text := e.LogTail
	if e.Failure != nil {
		details := strings.TrimSpace(e.Failure.Details)
		switch {
		case strings.Contains(text, details):
		case strings.HasSuffix(details, strings.TrimSpace(text)): // they are longer than what is shown of the log
			text = details
		default:
			text = strings.TrimRight(text, "\n") + "\n" + details
		}
	}
	lines := console.Lines(strings.Trim(text, "\n"), style.Enabled())
	for i, l := range lines {
		lines[i] = style.Dim("  │ ") + l
	}
	return lines
}

// noteLines tells a warning or a piece of news.
func noteLines(n executor.Note, style console.Style) []string {
	label := style.Accent("calyx: note:")
	if n.Warn {
		label = style.Warn("calyx: warning:")
	}
	text := strings.Join(console.Lines(n.Text, false), "\n  ")
	if n.Node != "" && !strings.Contains(n.Text, strconv.Quote(n.Node)) {
		text = console.Name(n.Node) + ": " + text
	}
	lines := []string{label + " " + text}
	if n.Hint != "" {
		lines = append(lines, style.Accent("calyx: hint:")+" "+strings.Join(console.Lines(n.Hint, false), "\n  "))
	}
	return lines
}

// Closing sums a build up in one line; steps counts are those of its outcomes.
func Closing(s executor.Summary) string {
	total := s.Executed + s.Cached + s.Fresh + s.Failed + s.Blocked
	in := " in " + console.Seconds(s.Seconds)
	switch {
	case s.Interrupted:
		return "interrupted after " + console.Seconds(s.Seconds) + "; what is done is kept" + listed(s)
	case !s.OK && total == 0:
		return "built nothing" + in
	case !s.OK:
		return "built " + console.Count(total, "step") + in + listed(s)
	case s.Fresh == total:
		return console.NothingToDo(total, s.Seconds)
	}
	return "built " + console.Count(total, "step") + in + listed(s)
}

// listed writes the outcomes that happened, the telling ones first.
func listed(s executor.Summary) string {
	var parts []string
	for _, p := range []struct {
		n    int
		word executor.NodeOutcome
	}{
		{s.Failed, executor.Failed}, {s.Blocked, executor.Blocked}, {s.Executed, executor.Executed}, {s.Cached, executor.Cached}, {s.Fresh, executor.Fresh},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.word))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}
