package main

import (
	"context"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
)

// listedNode is one line of `calyx ls`.
type listedNode struct {
	Node    string   `json:"node"`
	Kind    string   `json:"kind"`
	Doc     string   `json:"doc,omitempty"`
	Outputs []string `json:"outputs"`
	Needs   []string `json:"needs_arguments,omitempty"`
	Default bool     `json:"default"`
	Place   string   `json:"place"`
}

func newLs(a *app) *cobra.Command {
	var f *format
	var stored bool
	c := newCommand(&cobra.Command{
		Use:               "ls [PATTERN…]",
		Short:             "List targets with their docs",
		Long:              "List targets with their docs: all steps, those that a build makes by default with a star, and with --all stored nodes too.",
		Example:           "calyx ls\ncalyx ls --all 'train*'",
		ValidArgsFunction: a.completeNodes(anyNode, -1),
		RunE: runner(func(ctx context.Context, patterns []string) error {
			return a.within(ctx, func(ctx context.Context, s *session) error {
				d, err := s.engine.Graph(ctx)
				if err != nil {
					return err
				}
				list, err := listNodes(d, patterns, stored)
				if err != nil {
					return err
				}
				if f.json {
					return a.printJSON(list)
				}
				return a.print(listText(list, a.outStyle()))
			})
		}).run,
	})
	c.Flags().BoolVarP(&stored, "all", "a", false, "stored nodes too")
	f = formatFlags(c, "text")
	return c
}

// listNodes returns the nodes that match any of the patterns, in the order of their declaration. Stored nodes are among
// them if they are asked for, or named.
func listNodes(d *graph.Declarations, patterns []string, stored bool) ([]listedNode, error) {
	defaults := map[string]bool{}
	for _, r := range d.Default {
		defaults[r.Node] = true
	}
	matched := make([]bool, len(patterns))
	list := []listedNode{}
	for _, n := range d.Nodes {
		i, ok := matches(n, patterns)
		if !ok || n.Stored != nil && !stored && len(patterns) == 0 {
			continue
		}
		if i >= 0 {
			matched[i] = true
		}
		list = append(list, listed(n, defaults[n.Name] || len(d.Default) == 0 && n.Step != nil && len(n.Step.Open) == 0))
	}
	for i, ok := range matched {
		if !ok {
			return nil, unknownTarget(d, patterns[i])
		}
	}
	return list, nil
}

// matches reports which pattern a node's name or one of its outputs matches: -1 where there are no patterns.
func matches(n *graph.Node, patterns []string) (int, bool) {
	if len(patterns) == 0 {
		return -1, true
	}
	for i, p := range patterns {
		if matchesWord(p, n.Name) {
			return i, true
		}
		for _, o := range outputsOf(n) {
			if matchesWord(p, o.Path) {
				return i, true
			}
		}
	}
	return -1, false
}

func matchesWord(pattern, word string) bool {
	ok, err := path.Match(pattern, word)
	return pattern == word || ok && err == nil
}

func outputsOf(n *graph.Node) []graph.Output {
	if n.Step == nil {
		return nil
	}
	return n.Step.Outs
}

// unknownTarget names the nearest node.
func unknownTarget(d *graph.Declarations, name string) error {
	var names []string
	for _, n := range d.Nodes {
		names = append(names, n.Name)
		for _, o := range outputsOf(n) {
			names = append(names, o.Path)
		}
	}
	return noTarget(&executor.TargetError{Target: name, Near: graph.Nearest(name, names)})
}

func listed(n *graph.Node, isDefault bool) listedNode {
	l := listedNode{Node: n.Name, Kind: kindOf(n), Doc: n.Doc, Outputs: []string{}, Default: isDefault, Place: n.Pos.String()}
	for _, o := range outputsOf(n) {
		l.Outputs = append(l.Outputs, o.Path)
	}
	if n.Step != nil {
		l.Needs = n.Step.Open
	}
	return l
}

// kindOf says in a word or two what a node is.
func kindOf(n *graph.Node) string {
	switch {
	case n.Stored != nil:
		return storedKind(n.Stored)
	case n.Step == nil:
		return "matrix"
	case n.Step.Call != nil:
		return "function"
	case n.Step.Shell != nil:
		return "shell"
	case len(n.Step.Cmd) > 0:
		return "command"
	}
	return "group"
}

func storedKind(s *graph.Stored) string {
	switch {
	case s.Path != "":
		return "stored path"
	case s.Glob != "":
		return "stored glob"
	case s.Env != "":
		return "stored variable"
	case s.Params != "":
		return "stored leaf"
	}
	return "stored value"
}

func listText(list []listedNode, style console.Style) string {
	table := console.NewTable("", "", "", "")
	for _, n := range list {
		star := " "
		if n.Default {
			star = style.Accent("*")
		}
		doc := console.Line(firstLine(n.Doc))
		if doc == "" && len(n.Outputs) > 0 {
			doc = style.Dim("→ " + console.Line(strings.Join(n.Outputs, " ")))
		}
		name := n.Node
		if len(n.Needs) > 0 {
			name += "(" + strings.Join(n.Needs, "=…, ") + "=…)"
		}
		table.Row(star+" "+console.Line(name), style.Dim(n.Kind), console.Truncate(doc, maxDoc))
	}
	return table.String()
}

// maxDoc is how much of a node's documentation a table shows, in cells.
const maxDoc = 80
