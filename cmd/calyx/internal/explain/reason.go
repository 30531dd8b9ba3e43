// Package explain puts the engine's reasons into words.
package explain

import (
	"fmt"
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// Short names a reason in a few words: what stands in brackets beside an executed step.
func Short(r graph.Reason) string {
	subject := console.Line(r.Subject)
	switch r.Kind {
	case graph.NeverBuilt:
		return "never built" + ifSet(subject, ": %s")
	case graph.DefinitionChanged:
		return orElse(subject, "its definition") + " changed"
	case graph.CodeChanged:
		return "code of " + orElse(subject, "the step") + " changed"
	case graph.ArgumentChanged:
		return "argument " + subject + " changed"
	case graph.StoredChanged, graph.FileChanged, graph.EnvChanged, graph.DependencyChanged:
		return orElse(subject, "an input") + " changed"
	case graph.FileAdded:
		return subject + " was added"
	case graph.FileRemoved:
		return subject + " was removed"
	case graph.OutputMissing:
		return subject + " was missing"
	case graph.OutputEdited:
		return subject + " was edited"
	case graph.FailedBefore:
		return "failed before"
	case graph.Uncacheable:
		return "runs in every run"
	}
	return string(r.Kind) // "expired" and "forced" are words already
}

// Long names a reason with what was before and what is now, in one line.
func Long(r graph.Reason) string {
	if r.Kind == graph.FailedBefore && r.Before != "" {
		return Short(r) + ": " + Content(r.Before)
	}
	if change := Change(r); change != "" {
		return Short(r) + ": " + change
	}
	return Short(r)
}

// Sentence says what a reason means for its node, as the rest of a sentence that begins with the node's name.
func Sentence(r graph.Reason) string {
	subject := console.Line(r.Subject)
	switch r.Kind {
	case graph.NeverBuilt:
		return "was never built here" + ifSet(subject, ": %s")
	case graph.DefinitionChanged:
		return "is declared differently" + ifSet(subject, " (%s)")
	case graph.CodeChanged:
		return "has other code" + ifSet(subject, " (%s)")
	case graph.ArgumentChanged:
		return "has another value for its argument " + subject
	case graph.StoredChanged:
		return "sees another value of the parameter " + subject
	case graph.FileChanged:
		return "sees other content in the file " + subject
	case graph.FileAdded:
		return "sees a new file, " + subject
	case graph.FileRemoved:
		return "misses the file " + subject
	case graph.EnvChanged:
		return "sees another value of the variable " + subject
	case graph.DependencyChanged:
		return "depends on " + subject + ", which changed"
	case graph.OutputMissing:
		return "has lost its output " + subject
	case graph.OutputEdited:
		return "has an output that was edited, " + subject
	case graph.FailedBefore:
		return "failed when it ran last" + ifSet(Content(r.Before), " (%s)")
	case graph.Expired:
		return "has a result that is older than its ttl allows"
	case graph.Forced:
		return "was forced"
	case graph.Uncacheable:
		return "is declared with cache = False"
	}
	return string(r.Kind)
}

// Change shows before and after in one line, "" where a reason has neither.
func Change(r graph.Reason) string {
	before, after := Content(r.Before), Content(r.After)
	switch {
	case r.Before == "" && r.After == "", r.Kind == graph.FailedBefore, r.Diff != "":
		return ""
	case r.Before == "":
		return "now " + after
	case r.After == "":
		return "was " + before
	}
	return before + " → " + after
}

// shownDigits is how much of a digest is shown where people only compare.
const shownDigits = 12

// maxCode is the length from which hexadecimal digits are shown as a digest is.
const maxCode = 32

// maxValue is how much of a value is shown in one line, in cells.
const maxValue = 60

// Content shows a value, or a digest by its first digits, in one safe line.
func Content(text string) string {
	if d, err := hashing.ParseDigest(text); err == nil {
		return Digest(d)
	}
	if len(text) > maxCode && strings.Trim(text, "0123456789abcdef") == "" {
		return text[:shownDigits] // a function's code
	}
	return console.Truncate(console.Line(text), maxValue)
}

// Digest shows a digest by its first digits.
func Digest(d hashing.Digest) string {
	if d.IsZero() {
		return "nothing"
	}
	return d.String()[:len("b3:")+shownDigits]
}

// FromRecord returns a remembered reason as package graph spells it.
func FromRecord(r trace.RecordedReason) graph.Reason {
	return graph.Reason{Kind: graph.ReasonKind(r.Kind), Node: r.Node, Subject: r.Subject, Before: r.Before, After: r.After, Diff: r.Diff}
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func ifSet(text, format string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf(format, strings.TrimSpace(text))
}
