package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
)

// longRuns is how often a build of many seconds is repeated: its median is stable by then.
const longRuns = 3

// usual is the size for work that is measured at one size: ten thousand steps where that was asked for.
func (l *lab) usual() int {
	size := l.sizes[0]
	for _, s := range l.sizes {
		if s <= 10_000 {
			size = s
		}
	}
	return size
}

// noopRows measures builds with nothing to do, and a bare loop over the same paths.
func noopRows(ctx context.Context, l *lab) []row {
	limits := map[int]float64{1000: 1.2, 10_000: 0.5, 100_000: 0.25}
	var rows []row
	for _, steps := range l.sizes {
		all, absent := l.each(ctx, steps, func(w *workspace) contender { return contender{run: w.build} })
		all = append(all, l.statLoop(steps))
		l.say("nothing to do, %d steps", steps)
		time.Sleep(l.settling)
		interleave(ctx, 2, all)
		measured := interleave(ctx, 4*l.runs, all)
		must := map[string]limit{}
		if most, ok := limits[steps]; ok {
			must["ninja"] = limit{Of: ofRatio, Value: most}
		}
		rows = append(rows, compare(fmt.Sprintf("nothing to do, %d steps", steps), "ms", measured, absent, milliseconds, must)...)
	}
	return rows
}

func milliseconds(s series) float64 { return 1000 * s.seconds() }

// statLoop is the floor of a build with nothing to do: this program, asking for the state of every path of the subject's
// workspace from two goroutines.
func (l *lab) statLoop(steps int) contender {
	return contender{name: "stat loop", run: func(ctx context.Context) (sample, error) {
		w, err := l.workspace(ctx, l.subject, layered{steps})
		if err != nil {
			return sample{}, err
		}
		return l.self(ctx, w.dir, "stat", strconv.Itoa(steps))
	}}
}

// self runs this program as a contender.
func (l *lab) self(ctx context.Context, dir string, args ...string) (sample, error) {
	program, err := os.Executable()
	if err != nil {
		return sample{}, err
	}
	return command(ctx, l.timeout, dir, append([]string{program}, args...)...)
}

// editRows measures builds after the edit of one source that ten steps follow.
func editRows(ctx context.Context, l *lab) []row {
	var rows []row
	for _, steps := range l.sizes {
		all, absent := l.each(ctx, steps, editing)
		l.say("one source changed, %d steps", steps)
		time.Sleep(l.settling)
		interleave(ctx, 1, all)
		measured := interleave(ctx, l.runs, all)
		must := limit{Of: ofRatio, Value: 0.5}.only(steps, 100_000).against("ninja")
		work := fmt.Sprintf("one source of %d changed, ten steps follow", steps)
		rows = append(rows, compare(work, "ms", measured, absent, milliseconds, must)...)
	}
	return rows
}

func editing(w *workspace) contender {
	edition := 0
	column := func() int { return edition % w.graph.width() }
	text := func() string { return "edit number " + strconv.Itoa(edition) + " " }
	return contender{
		before: func(context.Context) error {
			edition++
			return writeSource(w.dir, 0, column(), text())
		},
		run: func(ctx context.Context) (sample, error) {
			return w.buildOf(ctx, func() error { return checkHolds(w.dir, column(), text()) })
		},
	}
}

// settle is how long a file system remembers what was removed: ext4 passes over inodes that it gave back in the last five seconds,
// which is a tenth of the time of a build that makes as many files at once.
const settle = 6 * time.Second

// fullRows measures builds of everything by commands.
func fullRows(ctx context.Context, l *lab) []row {
	steps := l.usual()
	all, absent := l.each(ctx, steps, func(w *workspace) contender {
		before := func(ctx context.Context) error {
			defer time.Sleep(settle)
			return w.reset(ctx)
		}
		return contender{before: before, run: w.build}
	})
	l.say("full build, %d commands", steps)
	measured := interleave(ctx, min(l.runs, longRuns), all)
	must := limit{Of: ofRatio, Value: 1.15}.only(steps, 10_000).against("ninja")
	return compare(fmt.Sprintf("full build, %d commands", steps), "s", measured, absent, series.seconds, must)
}
