package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// startupRows measures how much longer than an empty Go program the quickest commands take.
func startupRows(ctx context.Context, l *lab) []row {
	empty, err := l.emptyProgram(ctx)
	if err != nil {
		return failed("start-up", err)
	}
	steps := l.usual()
	w, err := l.workspace(ctx, l.subject, layered{steps})
	if err != nil {
		return failed("start-up", err)
	}
	run := func(name string, argv ...string) contender {
		return contender{name: name, run: func(ctx context.Context) (sample, error) { return command(ctx, l.timeout, w.dir, argv...) }}
	}
	all := []contender{
		run("calyx version", l.subject.program, "version"),
		run(fmt.Sprintf("calyx why, %d nodes", steps), l.subject.program, "why", "s9-0"),
		run("empty Go program", empty),
	}
	l.say("start-up")
	interleave(ctx, 2, all)
	measured := interleave(ctx, 4*l.runs, all)
	limits := []*limit{{Of: ofSurplus, Value: 12}, limit{Of: ofSurplus, Value: 40}.only(steps, 10_000)}
	var rows []row
	for i, must := range limits {
		pair := []series{measured[i], measured[2]}
		rows = append(rows, compare(measured[i].name, "ms", pair, nil, milliseconds, must.against("empty Go program"))...)
	}
	return rows
}

// emptyProgram compiles a Go program that does nothing.
func (l *lab) emptyProgram(ctx context.Context) (string, error) {
	dir := filepath.Join(l.dir, "empty")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o666); err != nil {
		return "", err
	}
	_, err := command(ctx, l.timeout, dir, "go", "build", "-o", "empty", "main.go")
	return filepath.Join(dir, "empty"), err
}
