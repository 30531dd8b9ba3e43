package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// tracedCommand is a program in Python, and how much longer it may take where calyx watches what it reads.
type tracedCommand struct {
	name, work, text string
	most             float64
}

// The start of Python is part of both: what it imports is what is watched.
var tracedCommands = []tracedCommand{
	{"imports", "a traced Python that imports a large package", "import asyncio, ctypes, email.message, http.client, json, sqlite3, unittest.mock, xmlrpc.server", 1.25},
	{"arithmetic", "a traced Python that computes", "sum(i * i for i in range(20_000_000))", 1.02},
}

// tracingRows measures the same commands as steps that are watched and as steps that are not, by the times that calyx reports
// of them: its own start is in neither.
func tracingRows(ctx context.Context, l *lab) []row {
	const work = "tracing commands"
	if _, err := exec.LookPath("python3"); err != nil {
		return []row{{Work: work, Verdict: "not installed"}}
	}
	l.say(work)
	dir := filepath.Join(l.dir, "tracing")
	if err := writeTraced(dir); err != nil {
		return failed(work, err)
	}
	measured := map[string]*series{}
	for range l.runs + 1 {
		seconds, err := l.buildTraced(ctx, dir)
		if err != nil {
			return failed(work, err)
		}
		for name, s := range seconds {
			if measured[name] == nil { // the first build learns what the interpreter consists of
				measured[name] = &series{name: "not traced"}
				continue
			}
			measured[name].samples = append(measured[name].samples, sample{wall: time.Duration(s * float64(time.Second))})
		}
	}
	var rows []row
	for _, c := range tracedCommands {
		pair := []series{*measured[c.name], *measured[c.name+"-untraced"]}
		must := &limit{Of: ofRatio, Value: c.most}
		rows = append(rows, compare(c.work, "ms", pair, nil, milliseconds, must.against("not traced"))...)
	}
	return rows
}

func writeTraced(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var text bytes.Buffer
	for _, c := range tracedCommands {
		fmt.Fprintf(&text, "step(%q, cmd = [\"python3\", \"-c\", %q])\n", c.name, c.text)
		fmt.Fprintf(&text, "step(%q, cmd = [\"python3\", \"-c\", %q], trace = False)\n", c.name+"-untraced", c.text)
	}
	return os.WriteFile(filepath.Join(dir, "Calyxfile"), text.Bytes(), 0o666)
}

// buildTraced executes every step, one after the other, and returns what each took in seconds.
func (l *lab) buildTraced(ctx context.Context, dir string) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	c := exec.CommandContext(ctx, l.subject.program, "build", "--force-all", "--json", "--progress", "none", "-j", "1")
	c.Dir, c.Env = dir, environment()
	printed, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("build traced commands: %w", err)
	}
	seconds := map[string]float64{}
	for line := range bytes.Lines(printed) {
		var e struct {
			Event, Node string
			Seconds     float64
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("read what calyx reports: %w", err)
		}
		if e.Event == "node" {
			seconds[e.Node] = e.Seconds
		}
	}
	return seconds, nil
}
