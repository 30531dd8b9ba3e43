package explain

import (
	"fmt"
	"strings"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
)

// Why answers `calyx why` for people: what the node's state is, the chain from it down to what changed, and what happened
// last time.
func Why(f executor.Forecast, style console.Style, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", style.Bold(console.Line(f.Node)), stateSentence(f))
	if f.Last != nil && f.Last.Varies {
		b.WriteString("It is not deterministic: it saw the same as before and gave another result.\n")
	}
	writeChain(&b, f.Chain, style)
	writeLast(&b, f, style, now)
	return b.String()
}

func stateSentence(f executor.Forecast) string {
	switch {
	case f.Problem != "":
		return "cannot have a value now: " + console.Line(f.Problem) + "."
	case f.Stored && f.State == executor.StateFresh:
		return "is a stored input; it has the value that was built with."
	case f.Stored:
		return "is a stored input; it is not as it was built with."
	case f.State == executor.StateFresh:
		return "is fresh: " + safe(f.Last)
	case f.State == executor.StateNeverBuilt && f.Prediction == executor.WillReuse:
		return "was never built here, but a result for its present inputs is in the cache; a build takes that."
	case f.State == executor.StateNeverBuilt:
		return "was never built here; a build runs it."
	case f.State == executor.StateFailed:
		return "failed when it ran last; a build tries it again."
	case f.Prediction == executor.WillReuse:
		return "is dirty, but a result for its present inputs is in the cache; a build takes that."
	case !f.Certain:
		return "may be dirty: a build runs it unless what it depends on comes out the same."
	}
	return "is dirty: a build runs it."
}

// compared are the parts of a key that people care for, by kind, in the order in which they are named.
var compared = []struct {
	kind, noun string
	counted    bool
}{
	{"command", "its command", false},
	{"function", "its function", false},
	{"argument", "argument", true},
	{"input", "input", true},
	{"file", "file", true},
	{"env", "variable", true},
	{"program", "program", true},
}

// safe says why reusing a value is right: everything that its trace compared is as it was.
func safe(r *trace.NodeRecord) string {
	if r == nil {
		return "nothing that it saw has changed."
	}
	counts := map[string]int{}
	for _, c := range r.Components {
		counts[c.Kind]++
	}
	var parts []string
	for _, c := range compared {
		switch n := counts[c.kind]; {
		case n > 0 && c.counted:
			parts = append(parts, console.Count(n, c.noun))
		case n > 0:
			parts = append(parts, c.noun)
		}
	}
	if seen := observed(r); seen > 0 {
		parts = append(parts, console.Count(seen, "thing")+" that it looked at as it ran")
	}
	if len(parts) == 0 {
		return "nothing that it saw has changed."
	}
	return and(parts) + verb(parts) + " as before."
}

func observed(r *trace.NodeRecord) (n int) {
	for _, stage := range r.Stages {
		n += len(stage)
	}
	return n
}

// and joins the parts of a list.
func and(parts []string) string {
	last := len(parts) - 1
	if last == 0 {
		return parts[0]
	}
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}

func verb(parts []string) string {
	if len(parts) == 1 && (strings.HasPrefix(parts[0], "1 ") || strings.HasPrefix(parts[0], "its ")) {
		return " is"
	}
	return " are"
}

// writeChain writes one link a line, each under what it explains, and the change at the root in full.
func writeChain(b *strings.Builder, chain []graph.Reason, style console.Style) {
	if len(chain) == 0 || len(chain) == 1 && chain[0] == (graph.Reason{Kind: graph.NeverBuilt, Node: chain[0].Node}) {
		return // the state says it all
	}
	b.WriteByte('\n')
	for depth, r := range chain {
		indent := strings.Repeat("   ", depth)
		if depth > 0 {
			indent = strings.Repeat("   ", depth-1) + "└─ "
		}
		fmt.Fprintf(b, "  %s%s %s\n", style.Dim(indent), style.Accent(console.Line(r.Node)), Sentence(r))
	}
	root := chain[len(chain)-1]
	if root.Kind == graph.FailedBefore {
		return // the sentence says it all
	}
	indent := strings.Repeat("   ", len(chain)-1)
	if root.Diff != "" {
		writeDiff(b, indent, root.Diff, style)
		return
	}
	writeSide(b, indent, "before", root.Before, style.Bad)
	writeSide(b, indent, "after", root.After, style.Good)
}

// writeDiff writes the lines of code that changed.
func writeDiff(b *strings.Builder, indent, diff string, style console.Style) {
	for _, line := range console.Lines(diff, false) {
		colour := style.Dim
		switch {
		case strings.HasPrefix(line, "-"):
			colour = style.Bad
		case strings.HasPrefix(line, "+"):
			colour = style.Good
		}
		fmt.Fprintf(b, "  %s    %s\n", indent, colour(line))
	}
}

// writeSide writes a value of several lines with its lines under one another.
func writeSide(b *strings.Builder, indent, label, text string, colour func(string) string) {
	if text == "" {
		return
	}
	for i, line := range console.Lines(text, false) {
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(b, "  %s    %-6s  %s\n", indent, label, colour(line))
	}
}

func writeLast(b *strings.Builder, f executor.Forecast, style console.Style, now time.Time) {
	r := f.Last
	if r == nil || r.Outcome == "" {
		return
	}
	fmt.Fprintf(b, "\nLast time (%s, run %s) it was %s", console.Ago(r.At, now), console.Line(r.Run), lastOutcome(r))
	if r.Reason.Kind == "" {
		b.WriteString(".\n")
		return
	}
	b.WriteString(":\n")
	chain := r.Chain
	if len(chain) == 0 {
		chain = []trace.RecordedReason{r.Reason}
	}
	reasons := make([]graph.Reason, len(chain))
	for i, link := range chain {
		reasons[i] = FromRecord(link)
	}
	Chain(b, reasons, style)
}

// Chain writes the reasons of something that happened, each under what it explains, and the change at the root.
func Chain(b *strings.Builder, chain []graph.Reason, style console.Style) {
	for depth, reason := range chain {
		indent := strings.Repeat("   ", max(0, depth-1)) + strings.Repeat("└─ ", min(depth, 1))
		text := Sentence(reason)
		if depth == len(chain)-1 && reason.Diff == "" {
			text += ifSet(Change(reason), ": %s")
		}
		fmt.Fprintf(b, "  %s%s %s\n", style.Dim(indent), console.Line(reason.Node), text)
		if reason.Diff != "" {
			writeDiff(b, strings.Repeat("   ", depth), reason.Diff, style)
		}
	}
}

func lastOutcome(r *trace.NodeRecord) string {
	switch executor.NodeOutcome(r.Outcome) {
	case executor.Executed:
		return "executed, in " + console.Seconds(r.Result.Seconds)
	case executor.Cached:
		return fmt.Sprintf("taken from the cache, which saved %s", console.Seconds(r.Result.Seconds))
	case executor.Failed:
		return "executed and failed" + ifSet(console.Line(r.Failure), " (%s)")
	}
	return console.Line(r.Outcome)
}
