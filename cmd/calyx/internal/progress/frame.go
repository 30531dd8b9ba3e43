package progress

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
)

// scene is what the moving part of the screen shows: it is changed by events and drawn as lines.
type scene struct {
	began   time.Time
	running []*runningStep // in the order in which they began
	counts  executor.Counts
	counted time.Time // when counts came
	failed  int
	ending  bool // the user asked to stop
}

// runningStep is a step that is executing.
type runningStep struct {
	node        string
	since       time.Time
	attempt     int
	usual       float64 // seconds; 0 where unknown
	done, total float64
	unit        string
}

// event takes an event in.
func (s *scene) event(e executor.Event, now time.Time) {
	switch e := e.(type) {
	case executor.RunStarted:
		s.began = now
		s.counts.Remaining = -1
		if e.Expected > 0 {
			s.counts.Remaining = e.Expected
		}
		s.counted = now
	case executor.NodeStarted:
		s.remove(e.Node)
		s.running = append(s.running, &runningStep{node: e.Node, since: now, attempt: e.Attempt, usual: e.Usual})
	case executor.NodeProgress:
		if r := s.step(e.Node); r != nil {
			r.done, r.total, r.unit = e.Done, e.Total, e.Unit
		}
	case executor.NodeDone:
		s.remove(e.Node)
		if e.Outcome == executor.Failed && !e.Stored {
			s.failed++
		}
	case executor.Counts:
		s.counts, s.counted = e, now
	}
}

func (s *scene) step(node string) *runningStep {
	for _, r := range s.running {
		if r.node == node {
			return r
		}
	}
	return nil
}

func (s *scene) remove(node string) {
	s.running = slices.DeleteFunc(s.running, func(r *runningStep) bool { return r.node == node })
}

// lines draws the scene into at most height lines of at most width cells.
func (s *scene) lines(width, height int, now time.Time, style console.Style) []string {
	rows := s.steps(max(0, height-1), width, now, style)
	lines := append([]string{s.summary(width, now, style)}, rows...)
	for i, line := range lines {
		lines[i] = console.Truncate(line, width)
	}
	return lines[:min(len(lines), max(1, height))]
}

// barWidth is the width of the bar in cells, on a terminal that is wide enough for it.
const barWidth = 24

// summary is the first line: a bar, counts, times.
func (s *scene) summary(width int, now time.Time, style console.Style) string {
	parts := []string{}
	if width >= 3*barWidth && s.counts.Total > 0 {
		parts = append(parts, bar(float64(s.counts.Done), float64(s.counts.Total), barWidth, style))
	}
	if s.counts.Total > 0 {
		parts = append(parts, fmt.Sprintf("%d/%d", s.counts.Done, s.counts.Total))
	}
	parts = append(parts, fmt.Sprintf("%d running", len(s.running)))
	if s.failed > 0 {
		parts = append(parts, style.Bad(fmt.Sprintf("%d failed", s.failed)))
	}
	parts = append(parts, console.Clock(now.Sub(s.began)))
	if s.ending {
		return strings.Join(append(parts, style.Warn("stopping; Ctrl-C again ends at once")), "  ")
	}
	if left := s.left(now); left >= 0 {
		parts = append(parts, style.Dim("about "+console.Seconds(left)+" left"))
	}
	return strings.Join(parts, "  ")
}

// left is the estimated time to the end in whole seconds, going down between estimates; negative where it is not known.
func (s *scene) left(now time.Time) float64 {
	if s.counts.Remaining < 0 || s.counted.IsZero() {
		return -1
	}
	left := s.counts.Remaining - now.Sub(s.counted).Seconds()
	return float64(int(max(1, left+0.5)))
}

func bar(done, total float64, width int, style console.Style) string {
	filled := 0
	if total > 0 {
		filled = min(width, max(0, int(done/total*float64(width))))
	}
	return style.Good(strings.Repeat("━", filled)) + style.Dim(strings.Repeat("─", width-filled))
}

// steps draws the running steps, the longest running first; if they are too many the last line counts the rest.
func (s *scene) steps(height, width int, now time.Time, style console.Style) []string {
	shown := s.running
	if len(shown) > height {
		shown = shown[:max(0, height-1)]
	}
	nameWidth := 0
	for _, r := range shown {
		nameWidth = max(nameWidth, console.Width(console.Line(r.node)))
	}
	nameWidth = min(nameWidth, max(8, width/2))
	var lines []string
	for _, r := range shown {
		lines = append(lines, r.line(nameWidth, now, style))
	}
	if more := len(s.running) - len(shown); more > 0 && height > 0 {
		lines = append(lines, style.Dim(fmt.Sprintf("  and %d more", more)))
	}
	return lines
}

// shortest is the time in seconds from which it helps to know how long a step usually takes.
const shortest = 1

func (r *runningStep) line(nameWidth int, now time.Time, style console.Style) string {
	name := console.PadRight(console.Truncate(console.Line(r.node), nameWidth), nameWidth)
	line := fmt.Sprintf("  %s  %6s", style.Accent(name), console.Clock(now.Sub(r.since)))
	if r.usual >= shortest {
		line += style.Dim(" of about " + console.Seconds(r.usual))
	}
	if r.attempt > 1 {
		line += style.Warn(fmt.Sprintf("  attempt %d", r.attempt))
	}
	if r.total > 0 {
		line += fmt.Sprintf("  %s  %s/%s %s", bar(r.done, r.total, barWidth/2, style), number(r.done), number(r.total), console.Line(r.unit))
	} else if r.done > 0 {
		line += fmt.Sprintf("  %s %s", number(r.done), console.Line(r.unit))
	}
	return strings.TrimRight(line, " ")
}

func number(f float64) string {
	if f == float64(int64(f)) {
		return fmt.Sprintf("%d", int64(f))
	}
	return fmt.Sprintf("%.1f", f)
}
