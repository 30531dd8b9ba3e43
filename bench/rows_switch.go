package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const switchText = `edition = stored("edition", value = "edition-a")

def column(c):
    above = step("s0-%%d" %% c, sh = "echo {edition} | cat - src/0/%%d > {out}" %% c, outs = ["out/0/%%d" %% c])
    for layer in range(1, %d):
        above = step(
            "s%%d-%%d" %% (layer, c),
            sh = "cat {above} src/%%d/%%d > {out}" %% (layer, c),
            args = dict(above = above),
            outs = ["out/%%d/%%d" %% (layer, c)],
        )

for c in range(%d):
    column(c)
`

// switchRows measures the return to a state that was built before, in which every output differs, beside a copy of the
// outputs.
func switchRows(ctx context.Context, l *lab) []row {
	steps := l.usual()
	work := fmt.Sprintf("back to a state built before, %d outputs", steps)
	t := l.subject
	t.name = "calyx-switch"
	t.write = func(w *bufio.Writer, g layered) { fmt.Fprintf(w, switchText, depth, g.width()) }
	w, err := l.workspace(ctx, t, layered{steps})
	if err != nil {
		return failed(work, err)
	}
	s := switcher{w: w, edition: "edition-a"}
	if _, err := s.contender().once(ctx); err != nil { // the other state must have been built
		return failed(work, err)
	}
	l.say("%s", work)
	measured := interleave(ctx, l.runs, []contender{s.contender(), copying(w)})
	must := limit{Of: ofRatio, Value: 1.5}.only(steps, 10_000).against("cp -r")
	return compare(work, "ms", measured, nil, milliseconds, must)
}

// switcher goes to and fro between two states of one workspace.
type switcher struct {
	w       *workspace
	edition string
}

func (s *switcher) contender() contender {
	run := func(ctx context.Context) (sample, error) { return s.w.buildOf(ctx, s.check) }
	return contender{name: "calyx", before: s.flip, run: run}
}

func (s *switcher) flip(ctx context.Context) error {
	s.edition = map[string]string{"edition-a": "edition-b", "edition-b": "edition-a"}[s.edition]
	_, err := command(ctx, s.w.lab.timeout, s.w.dir, s.w.tool.program, "set", "edition", s.edition)
	unix.Sync()
	return err
}

// check sees to it that every column was brought to the present edition.
func (s *switcher) check() error {
	for column := range s.w.graph.width() {
		if err := checkHolds(s.w.dir, column, s.edition+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func copying(w *workspace) contender {
	to := filepath.Join(w.lab.dir, "copy")
	return contender{
		name: "cp -r",
		before: func(context.Context) error {
			err := os.RemoveAll(to)
			unix.Sync()
			return err
		},
		run: func(ctx context.Context) (sample, error) {
			return command(ctx, w.lab.timeout, w.dir, "cp", "-r", "out", to)
		},
	}
}
