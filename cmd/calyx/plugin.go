package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/graph"
)

// pluginAnswer is one element of the answer of `calyx plugin list --json`.
type pluginAnswer struct {
	Plugin    string   `json:"plugin"`
	Command   string   `json:"command"`
	Workers   int      `json:"workers"`
	Functions []string `json:"functions"` // those that steps use
	Steps     int      `json:"steps"`
	Place     string   `json:"place"`
}

func newPlugin(a *app) *cobra.Command {
	return family(&cobra.Command{
		Use:     "plugin",
		Short:   "See the plugins of the workspace, check programs that want to be one",
		Example: "calyx plugin list\ncalyx plugin check -- python3 reviews.py",
	}, newPluginList(a), newPluginCheck(a))
}

func newPluginList(a *app) *cobra.Command {
	var f *format
	c := newCommand(&cobra.Command{
		Use:     "list",
		Short:   "List plugins, and the functions of them that steps use",
		Example: "calyx plugin list\ncalyx plugin list --json",
		Args:    wantArgs(0, 0),
		RunE: runner(func(ctx context.Context, _ []string) error {
			return a.within(ctx, func(ctx context.Context, s *session) error {
				d, err := s.engine.Graph(ctx)
				if err != nil {
					return err
				}
				list := listPlugins(d)
				if f.json {
					return a.printJSON(list)
				}
				return a.print(pluginText(list, a.outStyle()))
			})
		}).run,
	})
	f = formatFlags(c, "text")
	return c
}

func listPlugins(d *graph.Declarations) []pluginAnswer {
	list := make([]pluginAnswer, len(d.Plugins))
	place := map[string]int{}
	for i, p := range d.Plugins {
		place[p.Name] = i
		list[i] = pluginAnswer{Plugin: p.Name, Command: wordsText(p.Cmd), Workers: max(1, p.Workers), Functions: []string{}, Place: p.Pos.String()}
	}
	seen := map[graph.Call]bool{}
	for _, n := range d.Nodes {
		if n.Step == nil || n.Step.Call == nil {
			continue
		}
		p := &list[place[n.Step.Call.Plugin]]
		p.Steps++
		if !seen[*n.Step.Call] {
			seen[*n.Step.Call] = true
			p.Functions = append(p.Functions, n.Step.Call.Function)
		}
	}
	return list
}

// wordsText writes a command line as it is declared: nodes by their names in braces.
func wordsText(words []graph.Expr) string {
	texts := make([]string, len(words))
	for i := range words {
		texts[i] = exprText(&words[i])
	}
	return strings.Join(texts, " ")
}

func exprText(e *graph.Expr) string {
	switch e.Kind {
	case graph.Reference:
		return "{" + e.Ref.Node + "}"
	case graph.OutputPath:
		return e.Text
	case graph.Constant:
		if s, ok := e.Value.V.(string); ok {
			return s
		}
		return graph.SpellLiteral(e.Value.V)
	}
	var b strings.Builder
	for i := range e.Items {
		b.WriteString(exprText(&e.Items[i]))
	}
	return b.String()
}

func pluginText(list []pluginAnswer, style console.Style) string {
	if len(list) == 0 {
		return "the Calyxfile declares no plugin\n"
	}
	table := console.NewTable("PLUGIN", ">STEPS", "FUNCTIONS", "COMMAND")
	for _, p := range list {
		table.Row(console.Line(p.Plugin), console.Count(p.Steps, "step"), lineOf(p.Functions), style.Dim(console.Truncate(console.Line(p.Command), maxDoc)))
	}
	return table.String()
}
