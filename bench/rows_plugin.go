package main

import (
	"bufio"
	"context"
	"fmt"
	"path/filepath"
)

// pluginRows measures a full build of trivial steps in a Go plugin, with what it learnt committed.
func pluginRows(ctx context.Context, l *lab) []row {
	steps := l.usual()
	work := fmt.Sprintf("full build, %d steps in a Go plugin", steps)
	t, err := l.pluginTool(ctx)
	if err != nil {
		return failed(work, err)
	}
	w, err := l.workspace(ctx, t, layered{steps})
	if err != nil {
		return failed(work, err)
	}
	l.say("%s", work)
	s := interleave(ctx, min(l.runs, longRuns), []contender{{name: "calyx", before: w.reset, run: w.build}})[0]
	r := row{
		Work: work, Unit: "ms/step", Subject: milliseconds(s) / float64(steps),
		Limit: limit{Of: ofFigure, Value: 0.25}.only(steps, 10_000),
	}
	return []row{r.orFailed(s)}
}

// pluginTool is calyx with graphs whose steps are calls of a plugin that does nothing.
func (l *lab) pluginTool(ctx context.Context) (tool, error) {
	program := filepath.Join(l.dir, "noop-plugin")
	const pkg = "github.com/calyx-build/calyx/bench/noop-plugin"
	if _, err := command(ctx, l.timeout, ".", "go", "build", "-o", program, pkg); err != nil {
		return tool{}, err
	}
	t := l.subject
	t.name, t.silent = "calyx-plugin", true
	t.write = func(w *bufio.Writer, g layered) { fmt.Fprintf(w, pluginText, program, depth, g.width()) }
	return t, nil
}

const pluginText = `noop = plugin("noop", cmd = [%q])

def column(c):
    above = step("s0-%%d" %% c, run = noop.pass_on, args = dict(number = c, above = ""))
    for layer in range(1, %d):
        above = step("s%%d-%%d" %% (layer, c), run = noop.pass_on, args = dict(number = c, above = above))

for c in range(%d):
    column(c)
`
