package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed measure.py
var measurePython string

// pythonRows measure nodes in Python, alone and many at once, and answers of a session beside those of other libraries. The
// interpreter is the python3 of the search path, in which the SDK must be installed.
func pythonRows(ctx context.Context, l *lab) []row {
	const work = "nodes in Python"
	if exec.CommandContext(ctx, "python3", "-c", "import calyx").Run() != nil {
		return []row{{Work: work, Verdict: "not installed"}}
	}
	l.say(work)
	found, err := l.measurePython(ctx)
	if err != nil {
		return failed(work, err)
	}
	of := func(work, name string, most float64) row {
		r := row{Work: work, Unit: "ms", Subject: found[name]}
		if most > 0 {
			r.Limit = &limit{Of: ofFigure, Value: most}
		}
		return r
	}
	beside := func(r row, peer, name string) row {
		if found[name] > 0 {
			r.Peer, r.Other, r.Limit = peer, found[name], nil
		} else {
			r = row{Work: r.Work, Peer: peer, Verdict: "not installed"}
		}
		return r
	}
	hit, miss := of("session, a hit", "session hit", 0.1), of("session, a miss", "session miss", 0)
	rows := []row{of("a warm node in Python", "node", 1), of("one of 10000 nodes in Python", "burst", 0.3), hit, miss}
	for _, peer := range []struct{ name, key string }{{"joblib.Memory", "joblib"}, {"calyxos", "calyxos"}} {
		rows = append(rows, beside(hit, peer.name, peer.key+" hit"), beside(miss, peer.name, peer.key+" miss"))
	}
	for i, r := range rows {
		if r.Verdict == "" {
			rows[i] = r.judge()
		}
	}
	return rows
}

// measurePython runs measure.py in a folder of its own and returns its figures, in milliseconds by name.
func (l *lab) measurePython(ctx context.Context) (map[string]float64, error) {
	dir := filepath.Join(l.dir, "python")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	c := exec.CommandContext(ctx, "python3", "-c", measurePython, l.subject.program)
	c.Dir, c.Env, c.Stderr = dir, environment(), os.Stderr
	printed, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("measure nodes in Python: %w", err)
	}
	found := map[string]float64{}
	return found, json.Unmarshal(printed, &found)
}
