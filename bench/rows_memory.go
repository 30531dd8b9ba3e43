package main

import (
	"context"
	"fmt"
	"time"
)

// memoryRows measures the largest memory of a build with nothing to do and of a full build, the process that keeps the
// store included. A figure is never below the memory of this program, which starts the others.
func memoryRows(ctx context.Context, l *lab) []row {
	steps := l.sizes[len(l.sizes)-1]
	all, absent := l.each(ctx, steps, func(w *workspace) contender { return contender{run: w.build} })
	l.say("memory, %d steps", steps)
	time.Sleep(l.settling) // what a tool left behind ends meanwhile
	interleave(ctx, 1, all)
	time.Sleep(l.settling)
	idle := interleave(ctx, min(l.runs, longRuns), all)
	return append(
		l.memory(fmt.Sprintf("memory, nothing to do, %d steps", steps), steps, idle, absent, 100),
		l.memory(fmt.Sprintf("memory, full build, %d steps", steps), steps, l.firstBuilds(steps, idle), absent, 500)...)
}

// memory compares the subject's with the peers', and with the limit, which is meant for 100,000 steps.
func (l *lab) memory(work string, steps int, all []series, absent []string, most float64) []row {
	r := row{Work: work, Unit: "MB", Subject: all[0].megabytes()}
	r.Limit = limit{Of: ofFigure, Value: most}.only(steps, 100_000)
	rows := []row{r.orFailed(all[0])}
	return append(rows, compare(work, "MB", all, absent, series.megabytes, nil)...)
}

// firstBuilds are the full builds by which the workspaces of a size came about.
func (l *lab) firstBuilds(steps int, like []series) []series {
	first := make([]series, len(like))
	for i, s := range like {
		first[i] = series{name: s.name, err: s.err}
		if w := l.workspaces[workspaceKey(s.name, steps)]; w != nil {
			first[i].samples = []sample{w.first}
		}
	}
	return first
}
