package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/cmd/calyx/internal/explain"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/reports"
)

func newDiff(a *app) *cobra.Command {
	var f *format
	c := newCommand(&cobra.Command{
		Use:   "diff A B",
		Short: "Compare two runs or instances",
		Long: `Compare two runs or instances: what ran in each, what was reused, and which nodes came out differently. A and B are runs
(an id or its beginning, @0 for the last one of the instance, @-1 for the one before it) or instance:NAME, as it stands now.`,
		Example:           "calyx diff @-1 @0\ncalyx diff instance:main instance:fast --json",
		Args:              wantArgs(2, 2),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: runner(func(ctx context.Context, args []string) error {
			return a.within(ctx, func(ctx context.Context, s *session) error { return a.diff(ctx, s, args[0], args[1], f.json) })
		}).run,
	})
	f = formatFlags(c, "table")
	return c
}

func (a *app) diff(ctx context.Context, s *session, one, other string, asJSON bool) error {
	p, err := s.past(ctx)
	if err != nil {
		return err
	}
	left, err := p.side(ctx, one)
	if err != nil {
		return err
	}
	right, err := p.side(ctx, other)
	if err != nil {
		return err
	}
	d := reports.Diff(left, right)
	if asJSON {
		return a.printJSON(d)
	}
	return a.print(a.sideLine("A", left) + a.sideLine("B", right) + "\n" + diffText(d, left.Head != nil, right.Head != nil, a.outStyle()))
}

// side is the run or the instance that a word means.
func (p past) side(ctx context.Context, word string) (*reports.Side, error) {
	name, isInstance := strings.CutPrefix(word, "instance:")
	if !isInstance {
		head, err := p.run(word)
		if err != nil {
			return nil, err
		}
		return reports.RunSide(ctx, p.store, p.scope.Workspace, head)
	}
	if !instanceName.MatchString(name) {
		return nil, usage("letters, digits, and _ . - inside", "compare %q: %q is no name for an instance", word, name)
	}
	side, err := reports.InstanceSide(ctx, p.store, trace.Scope{Workspace: p.scope.Workspace, Instance: name})
	if err == nil && side.Empty() {
		return nil, usage(didYouMean(name, p.instances()), "compare %q: nothing was ever built in an instance of that name", word)
	}
	return side, err
}

// instances are the names of the instances in which something was built.
func (p past) instances() []string {
	var names []string
	for _, h := range p.runs {
		names = append(names, h.Instance)
	}
	return names
}

// sideLine says what is compared.
func (a *app) sideLine(letter string, s *reports.Side) string {
	text := a.outStyle().Bold(letter) + "  " + console.Line(s.Name)
	if h := s.Head; h != nil {
		text += fmt.Sprintf("  %s, %s: %s", console.Ago(h.Started, a.now()), console.Seconds(h.Seconds), outcomes(*h))
	}
	return text + "\n"
}

// diffText has one row for each node that took part in a run, or whose value differs, and how many do.
func diffText(d *reports.Difference, aRan, bRan bool, style console.Style) string {
	if len(d.Nodes) == 0 {
		return "no value differs\n"
	}
	table := newTable(style, "", "node", "A", "B", "reason")
	for _, n := range d.Nodes {
		reason := n.B.Reason
		if reason == nil {
			reason = n.A.Reason
		}
		table.Row(changeStyle(n.Change, style), console.Line(n.Node), sideText(n.A, aRan), sideText(n.B, bRan), style.Dim(reasonText(reason)))
	}
	verb := "differ"
	if d.Changed == 1 {
		verb = "differs"
	}
	return table.String() + fmt.Sprintf("\n%s %s\n", console.Count(d.Changed, "value"), verb)
}

// reasonText is a reason with before and after, unless those are contents, which say little.
func reasonText(r *graph.Reason) string {
	if r == nil {
		return ""
	}
	if _, err := hashing.ParseDigest(r.Before); err == nil {
		return explain.Short(*r)
	}
	return explain.Long(*r)
}

func changeStyle(c reports.Change, style console.Style) string {
	text := strings.ReplaceAll(string(c), "-", " ")
	switch c {
	case reports.Same:
		return style.Dim(text)
	case reports.NoValue:
		return style.Bad(text)
	}
	return style.Warn(text)
}

// sideText says what became of a node on one side, and which value it has there.
func sideText(n reports.NodeSide, isRun bool) string {
	var parts []string
	switch {
	case n.Outcome == executor.Executed || n.Outcome == executor.Failed:
		parts = append(parts, string(n.Outcome)+" "+console.Seconds(n.Seconds))
	case n.Outcome != "":
		parts = append(parts, string(n.Outcome))
	case isRun && n.Value != "":
		parts = append(parts, "untouched")
	}
	if n.Value != "" {
		parts = append(parts, explain.Content(n.Value))
	}
	return strings.Join(parts, ", ")
}
