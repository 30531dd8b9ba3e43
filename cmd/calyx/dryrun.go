package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/cmd/calyx/internal/explain"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
)

// dryRun tells what a build would do.
func (a *app) dryRun(ctx context.Context, s *session, b buildFlags, targets []string, asJSON bool) error {
	o, err := b.options(ctx, s, targets)
	if err != nil {
		return err
	}
	survey, err := a.survey(ctx, s, o)
	if err != nil {
		return err
	}
	if asJSON {
		var out bytes.Buffer
		start := dryStart{Event: "start", DryRun: true, Started: time.Now().UTC(), Targets: append([]string{}, targets...), Instance: a.global.instance}
		if err := writePredictions(&out, start, survey); err != nil {
			return err
		}
		return a.print(out.String())
	}
	return a.print(predictionText(survey, b.why, a.outStyle()))
}

// survey asks the engine and passes its warnings on.
func (a *app) survey(ctx context.Context, s *session, o executor.Options) (*executor.Survey, error) {
	survey, err := s.engine.Survey(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, w := range survey.Warnings {
		a.warn(w, "")
	}
	return survey, nil
}

// predictionText shows one line a node, and the counts.
func predictionText(s *executor.Survey, why bool, style console.Style) string {
	table := console.NewTable("", "", "")
	counts := map[executor.Prediction]int{}
	for _, f := range s.Nodes {
		if f.Stored || f.List {
			continue
		}
		counts[f.Prediction]++
		table.Row(predictionStyle(f.Prediction, style), console.Line(f.Node), style.Dim(forecastReason(f, why)))
	}
	text := fmt.Sprintf("%d will run, %d may run, %d will be reused", counts[executor.WillRun], counts[executor.MayRun], counts[executor.WillReuse])
	if n := counts[executor.WillBlock]; n > 0 {
		text += fmt.Sprintf(", %d will be blocked", n)
	}
	return table.String() + text + "\n"
}

func predictionStyle(p executor.Prediction, style console.Style) string {
	switch p {
	case executor.WillRun:
		return style.Good(string(p))
	case executor.MayRun:
		return style.Warn(string(p))
	case executor.WillBlock:
		return style.Bad(string(p))
	}
	return style.Dim(string(p))
}

// forecastReason is the reason of a forecast in brackets: its own, or with why the root's too.
func forecastReason(f executor.Forecast, why bool) string {
	if len(f.Chain) == 0 {
		return ""
	}
	first, root := f.Chain[0], f.Chain[len(f.Chain)-1]
	if !why {
		return "(" + explain.Short(first) + ")"
	}
	if len(f.Chain) == 1 {
		return "(" + explain.Long(first) + ")"
	}
	return "(" + explain.Short(first) + ", because " + explain.Long(root) + ")"
}

type predictionLine struct {
	Event      string              `json:"event"`
	Node       string              `json:"node"`
	Prediction executor.Prediction `json:"prediction"`
	Certain    bool                `json:"certain"`
	Reason     *graph.Reason       `json:"reason"`
	Chain      []graph.Reason      `json:"chain,omitempty"`
}

// dryStart is the first line: as that of a build, without a run, for a dry run is none.
type dryStart struct {
	Event    string    `json:"event"`
	Run      *string   `json:"run"`
	DryRun   bool      `json:"dry_run"`
	Started  time.Time `json:"started"`
	Targets  []string  `json:"targets"`
	Instance string    `json:"instance"`
}

type predictedLine struct {
	Event     string  `json:"event"`
	Run       *string `json:"run"`
	DryRun    bool    `json:"dry_run"`
	OK        bool    `json:"ok"`
	WillRun   int     `json:"will_run"`
	MayRun    int     `json:"may_run"`
	WillReuse int     `json:"will_reuse"`
	Blocked   int     `json:"blocked"`
}

// writePredictions writes one object a line: what was asked, the nodes, and the counts.
func writePredictions(w io.Writer, start dryStart, s *executor.Survey) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(start); err != nil {
		return fmt.Errorf("write the forecast: %w", err)
	}
	end := predictedLine{Event: "end", DryRun: true, OK: true}
	for _, f := range s.Nodes {
		if f.Stored || f.List {
			continue
		}
		switch f.Prediction {
		case executor.WillRun:
			end.WillRun++
		case executor.MayRun:
			end.MayRun++
		case executor.WillBlock:
			end.Blocked++
		default:
			end.WillReuse++
		}
		if err := e.Encode(predictionLine{"node", f.Node, f.Prediction, f.Certain, firstReason(f.Chain), f.Chain}); err != nil {
			return fmt.Errorf("write the forecast of %q: %w", f.Node, err)
		}
	}
	return e.Encode(end)
}

func firstReason(chain []graph.Reason) *graph.Reason {
	if len(chain) == 0 {
		return nil
	}
	return &chain[0]
}
