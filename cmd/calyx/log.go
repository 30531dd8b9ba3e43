package main

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
)

// logAnswer is the answer of `calyx log --json`.
type logAnswer struct {
	Node    string `json:"node"`
	Run     string `json:"run"`
	Outcome string `json:"outcome"`
	Log     string `json:"log"`
}

func newLog(a *app) *cobra.Command {
	var f *format
	c := newCommand(&cobra.Command{
		Use:   "log TARGET",
		Short: "Show what a node printed, also when it was reused",
		Long: `Show what a node printed when it was executed, wherever and whenever that was. On a terminal control characters are
shown visibly; a pipe gets the bytes as they were.`,
		Example:           "calyx log train\ncalyx log train@-1 | less",
		Args:              wantArgs(1, 1),
		ValidArgsFunction: a.completeNodes(isStep, 1),
		RunE: runner(func(ctx context.Context, args []string) error {
			return a.within(ctx, func(ctx context.Context, s *session) error {
				if t, err := a.pastNode(ctx, s, args[0]); err != nil {
					return err
				} else if t != nil {
					return a.showPastLog(ctx, s, t, f.json)
				}
				forecast, err := a.forecast(ctx, s, args[0])
				if err != nil {
					return err
				}
				if forecast.List {
					return listHasNoLog(forecast.Node)
				}
				if forecast.Stored {
					return usage("", "show the log of %q: it is stored, and prints nothing", forecast.Node)
				}
				if forecast.Last == nil {
					return usage("`calyx build` runs it", "show the log of %q: it was never built here", forecast.Node)
				}
				return a.showLog(ctx, s, forecast.Node, forecast.Last, f.json)
			})
		}).run,
	})
	f = formatFlags(c, "text")
	return c
}

func listHasNoLog(node string) error {
	return usage("name one of them", "show the log of %q: it is the list of a matrix, and its steps have logs", node)
}

func (a *app) showLog(ctx context.Context, s *session, node string, r *trace.NodeRecord, asJSON bool) error {
	var text bytes.Buffer
	if r.Result.Log.Media != "" {
		if err := s.engine.Log(ctx, r.Result.Log, &text); err != nil {
			return err
		}
	}
	if asJSON {
		return a.printJSON(logAnswer{node, r.Run, r.Outcome, text.String()})
	}
	return a.printPrinted(&text)
}

// printPrinted shows what a step printed: safely on a terminal, as it is elsewhere.
func (a *app) printPrinted(text *bytes.Buffer) error {
	if isTerminal(a.stdout) {
		return a.print(printedText(text.String(), a.outStyle()))
	}
	_, err := io.Copy(a.stdout, text)
	return err
}

func printedText(text string, style console.Style) string {
	lines := console.Lines(text, style.Enabled())
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// printed is what a Calyxfile prints, as lines for a terminal.
func printed(text string) string { return strings.Join(console.Lines(text, false), "\n") }
