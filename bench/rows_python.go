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
	rows = append(rows, l.arrayRow(ctx, found))
	for _, peer := range []struct{ name, key string }{{"joblib.Memory", "joblib"}, {"redun", "redun"}, {"calyxos", "calyxos"}} {
		rows = append(rows, beside(hit, peer.name, peer.key+" hit"), beside(miss, peer.name, peer.key+" miss"))
	}
	for i, r := range rows {
		if r.Verdict == "" {
			rows[i] = r.judge()
		}
	}
	return rows
}

// arrayRow compares an array that goes from one node to the next, by a file that the second one maps, with what cannot be
// spared: the array is written once, durably, and digested once.
func (l *lab) arrayRow(ctx context.Context, found map[string]float64) row {
	r := row{Work: fmt.Sprintf("an array of %d MiB from one node to the next", l.arraySize()>>20), Unit: "ms", Subject: found["array"], Peer: "written and digested"}
	if r.Subject == 0 {
		r.Verdict = "not installed" // numpy
		return r
	}
	dir := filepath.Join(l.dir, "python")
	s := interleave(ctx, 3, []contender{{name: r.Peer, run: func(ctx context.Context) (sample, error) { return l.self(ctx, dir, "digest-file", "array.npy") }}})[0]
	if s.err != nil {
		return failed(r.Work, s.err)[0]
	}
	r.Other, r.Limit = found["array written"]+milliseconds(s), &limit{Of: ofRatio, Value: 1.3}
	return r
}

// arraySize is in bytes.
func (l *lab) arraySize() int64 {
	if l.quick {
		return 1 << 28
	}
	return 1 << 30
}

// measurePython runs measure.py in a folder of its own and returns its figures, in milliseconds by name.
func (l *lab) measurePython(ctx context.Context) (map[string]float64, error) {
	dir := filepath.Join(l.dir, "python")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	// Other libraries look at the source of what they call: it must be a file.
	if err := os.WriteFile(filepath.Join(dir, "measure.py"), []byte(measurePython), 0o666); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	c := exec.CommandContext(ctx, "python3", "measure.py", l.subject.program, fmt.Sprint(l.arraySize()))
	c.Dir, c.Env, c.Stderr = dir, environment(), os.Stderr
	printed, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("measure nodes in Python: %w", err)
	}
	found := map[string]float64{}
	return found, json.Unmarshal(printed, &found)
}
