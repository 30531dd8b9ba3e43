package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
)

// drawing is the graph that `calyx graph` draws: nodes, and for each the nodes it was seen to depend on.
type drawing struct {
	nodes []drawnNode
	edges [][]int // to what a node depends on
	roots []int
}

type drawnNode struct {
	name   string
	stored bool
	state  executor.NodeState
}

func newGraph(a *app) *cobra.Command {
	var f *format
	var up, down string
	c := newCommand(&cobra.Command{
		Use:   "graph [TARGET…]",
		Short: "Draw the graph as it was observed",
		Long: `Draw the graph as it was observed: what the targets depend on (or what all steps do). --down NODE shows what NODE
depends on, --up NODE what depends on NODE. Nodes that were never built are drawn as they are declared.`,
		Example:           "calyx graph train\ncalyx graph --up raw\ncalyx graph --format dot | dot -Tsvg > graph.svg",
		ValidArgsFunction: a.completeNodes(anyNode, -1),
		RunE: runner(func(ctx context.Context, targets []string) error {
			return a.within(ctx, func(ctx context.Context, s *session) error {
				d, err := a.drawing(ctx, s, targets, up, down)
				if err != nil {
					return err
				}
				if f.json {
					return a.printJSON(d.answer())
				}
				return a.print(d.text(f.name, a.outStyle()))
			})
		}).run,
	})
	c.Flags().StringVar(&up, "up", "", "only what depends on `NODE`")
	c.Flags().StringVar(&down, "down", "", "only what `NODE` depends on")
	for _, name := range []string{"up", "down"} {
		if err := c.RegisterFlagCompletionFunc(name, a.completeNodes(anyNode, -1)); err != nil {
			panic("internal error: " + err.Error())
		}
	}
	f = formatFlags(c, "tree", "dot", "mermaid")
	return c
}

func (a *app) drawing(ctx context.Context, s *session, targets []string, up, down string) (*drawing, error) {
	switch {
	case up != "" && down != "":
		return nil, usage("", "calyx graph: --up and --down exclude one another")
	case down != "" && len(targets) > 0:
		return nil, usage("calyx graph NODE draws the same", "calyx graph: --down NODE takes the place of targets")
	case down != "":
		targets = []string{down}
	case len(targets) == 0:
		targets = everything()
	}
	if up == "" {
		survey, err := a.surveyTargets(ctx, s, targets)
		return drawingOf(survey), err
	}
	root, err := a.forecast(ctx, s, up)
	if err != nil {
		return nil, err
	}
	survey, err := a.surveyTargets(ctx, s, append(targets, up)) // what nothing depends on is in the graph too
	if err != nil {
		return nil, err
	}
	return drawingOf(survey).reversed().only(root.Node)
}

// everything is the pattern of all nodes.
func everything() []string { return []string{"*"} }

func drawingOf(s *executor.Survey) *drawing {
	if s == nil {
		return nil
	}
	d := &drawing{edges: s.Edges, roots: slices.Clone(s.Targets)}
	for _, f := range s.Nodes {
		d.nodes = append(d.nodes, drawnNode{f.Node, f.Stored, f.State})
	}
	d.roots = d.tops(d.roots)
	return d
}

// tops removes the roots that another root depends on: they are drawn below it.
func (d *drawing) tops(roots []int) []int {
	below := make([]bool, len(d.nodes))
	for _, deps := range d.edges {
		for _, j := range deps {
			below[j] = true
		}
	}
	return slices.DeleteFunc(roots, func(i int) bool { return below[i] })
}

// reversed turns the edges around.
func (d *drawing) reversed() *drawing {
	r := &drawing{nodes: d.nodes, edges: make([][]int, len(d.nodes))}
	for i, deps := range d.edges {
		for _, j := range deps {
			r.edges[j] = append(r.edges[j], i)
		}
	}
	return r
}

// only leaves what can be reached from one node.
func (d *drawing) only(name string) (*drawing, error) {
	start := slices.IndexFunc(d.nodes, func(n drawnNode) bool { return n.name == name })
	if start < 0 {
		names := make([]string, len(d.nodes))
		for i, n := range d.nodes {
			names[i] = n.name
		}
		return nil, usage(didYouMean(name, names), "find node %q: it is not in the graph", name)
	}
	place := map[int]int{}
	out := &drawing{roots: []int{0}}
	queue := []int{start}
	place[start] = 0
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		out.nodes = append(out.nodes, d.nodes[i])
		var deps []int
		for _, j := range d.edges[i] {
			if _, ok := place[j]; !ok {
				place[j] = len(place)
				queue = append(queue, j)
			}
			deps = append(deps, place[j])
		}
		out.edges = append(out.edges, deps)
	}
	return out, nil
}

func (d *drawing) text(format string, style console.Style) string {
	switch format {
	case "dot":
		return d.dot()
	case "mermaid":
		return d.mermaid()
	}
	return d.tree(style)
}

// tree draws each node under what it belongs to; a node that was drawn already is named with three dots.
func (d *drawing) tree(style console.Style) string {
	if len(d.nodes) == 0 {
		return "the graph is empty\n"
	}
	t := treeDrawing{d: d, style: style, seen: make([]bool, len(d.nodes))}
	for _, i := range d.roots {
		t.draw(i)
	}
	return t.b.String()
}

// treeDrawing walks without recursion: graphs may be deeper than a stack should be.
type treeDrawing struct {
	d     *drawing
	style console.Style
	seen  []bool
	b     strings.Builder
}

type treeItem struct {
	node         int
	branch, rest string // before the node itself, and before what is below it
}

// maxIndent bounds how far a deep chain is moved to the right, in cells.
const maxIndent = 120

func (t *treeDrawing) draw(root int) {
	stack := []treeItem{{node: root}}
	for len(stack) > 0 {
		item := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		deps := t.d.edges[item.node]
		again := t.seen[item.node] && len(deps) > 0
		t.line(item, again)
		t.seen[item.node] = true
		if again {
			continue
		}
		for k := len(deps) - 1; k >= 0; k-- {
			stack = append(stack, child(item, deps[k], k == len(deps)-1))
		}
	}
}

func child(parent treeItem, node int, last bool) treeItem {
	if len(parent.rest) > 2*maxIndent { // box characters take three bytes and a space one
		return treeItem{node, parent.rest + "· ", parent.rest}
	}
	if last {
		return treeItem{node, parent.rest + "└─ ", parent.rest + "   "}
	}
	return treeItem{node, parent.rest + "├─ ", parent.rest + "│  "}
}

func (t *treeDrawing) line(item treeItem, again bool) {
	n := t.d.nodes[item.node]
	fmt.Fprintf(&t.b, "%s%s", t.style.Dim(item.branch), console.Line(n.name))
	if n.stored {
		t.b.WriteString(t.style.Dim(" (stored)"))
	}
	if n.state != executor.StateFresh && !n.stored {
		t.b.WriteString(t.style.Warn(" " + strings.ReplaceAll(string(n.state), "-", " ")))
	}
	if again {
		t.b.WriteString(t.style.Dim(" …"))
	}
	t.b.WriteByte('\n')
}

// dot writes the graph for Graphviz; arrows point the way that data goes.
func (d *drawing) dot() string {
	var b strings.Builder
	b.WriteString("digraph calyx {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n")
	for i, n := range d.nodes {
		shape := ""
		if n.stored {
			shape = ", shape=ellipse"
		}
		if n.state != executor.StateFresh {
			shape += ", color=orange"
		}
		fmt.Fprintf(&b, "  n%d [label=%s%s];\n", i, dotQuote(n.name), shape)
	}
	d.eachEdge(func(from, to int) { fmt.Fprintf(&b, "  n%d -> n%d;\n", to, from) })
	return b.String() + "}\n"
}

func (d *drawing) eachEdge(yield func(from, to int)) {
	for i, deps := range d.edges {
		for _, j := range deps {
			yield(i, j)
		}
	}
}

// dotQuote writes a label: a double quote and a backslash are escaped, which is all that the dot language asks for.
func dotQuote(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(console.Line(name)) + `"`
}

func (d *drawing) mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, n := range d.nodes {
		open, end := "[", "]"
		if n.stored {
			open, end = "([", "])"
		}
		fmt.Fprintf(&b, "  n%d%s%s%s\n", i, open, mermaidQuote(n.name), end)
	}
	d.eachEdge(func(from, to int) { fmt.Fprintf(&b, "  n%d --> n%d\n", to, from) })
	return b.String()
}

// mermaidQuote writes a label with the entities that Mermaid reads.
func mermaidQuote(name string) string {
	return `"` + strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;").Replace(console.Line(name)) + `"`
}

// graphAnswer is the answer of `calyx graph --json`.
type graphAnswer struct {
	Nodes []graphNode `json:"nodes"`
	Edges []graphEdge `json:"edges"`
}

type graphNode struct {
	Node   string             `json:"node"`
	Stored bool               `json:"stored"`
	State  executor.NodeState `json:"state"`
}

// graphEdge says that From saw To.
type graphEdge struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func (d *drawing) answer() graphAnswer {
	g := graphAnswer{Nodes: []graphNode{}, Edges: []graphEdge{}}
	for _, n := range d.nodes {
		g.Nodes = append(g.Nodes, graphNode{n.name, n.stored, n.state})
	}
	d.eachEdge(func(from, to int) { g.Edges = append(g.Edges, graphEdge{d.nodes[from].name, d.nodes[to].name}) })
	return g
}
