package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// tracedCommand is a program in Python, and how much longer it may take where calyx watches what it reads.
type tracedCommand struct {
	name, work, text string
	most             float64
	builds           int // one sample is the middle one of so many: a single one of some tenths of a second says little
}

// computes is long beside the start of Python, which is watched as well.
var computes = tracedCommand{"arithmetic", "a traced Python that computes", "sum(i * i for i in range(20_000_000))", 1.02, 5}

// imports loads a large package that is no part of Python, where one is installed.
func imports(ctx context.Context, python string) tracedCommand {
	const packages = "import numpy, pandas"
	c := tracedCommand{"imports", "a traced Python that imports numpy and pandas", packages, 1.25, 15}
	if exec.CommandContext(ctx, python, "-c", packages).Run() != nil {
		c.work = "a traced Python that imports much of its library (there is no pandas)"
		c.text = "import asyncio, ctypes, email.message, http.client, json, sqlite3, unittest.mock, xmlrpc.server"
	}
	return c
}

// interpreter is the path of Python itself: what PATH names may be a script that looks for it with dozens of programs.
func interpreter(ctx context.Context) (string, error) {
	path, err := exec.CommandContext(ctx, "python3", "-c", "import sys; print(sys.executable, end='')").Output()
	return string(path), err
}

// tracingRows measures the same commands as steps that are watched and as steps that are not, by the times that calyx reports
// of them: its own start is in neither.
func tracingRows(ctx context.Context, l *lab) []row {
	const work = "tracing commands"
	python, err := interpreter(ctx)
	if err != nil {
		return []row{{Work: work, Verdict: "not installed"}}
	}
	l.say(work)
	dir := filepath.Join(l.dir, "tracing")
	commands := []tracedCommand{imports(ctx, python), computes}
	if err := writeTraced(dir, python, commands); err != nil {
		return failed(work, err)
	}
	for _, c := range commands { // it learns what the interpreter consists of
		if _, err := l.buildTraced(ctx, dir, c); err != nil {
			return failed(work, err)
		}
	}
	watched, not := make([]series, len(commands)), make([]series, len(commands))
	for range l.runs {
		for i, c := range commands {
			seconds, err := l.sampleTraced(ctx, dir, c)
			if err != nil {
				return failed(work, err)
			}
			watched[i].add(seconds[c.name])
			not[i].add(seconds[c.name+untraced])
		}
	}
	var rows []row
	for i, c := range commands {
		not[i].name = "not traced"
		must := &limit{Of: ofRatio, Value: c.most}
		rows = append(rows, compare(c.work, "ms", []series{watched[i], not[i]}, nil, milliseconds, must.against("not traced"))...)
	}
	return rows
}

func (s *series) add(seconds float64) {
	s.samples = append(s.samples, sample{wall: time.Duration(seconds * float64(time.Second))})
}

// untraced ends the name of the step that a traced one is compared with.
const untraced = "-untraced"

// sampleTraced builds a command several times and returns what it took, watched and not, in the build in which the ratio of these is the median
// one.
func (l *lab) sampleTraced(ctx context.Context, dir string, c tracedCommand) (map[string]float64, error) {
	builds := make([]map[string]float64, c.builds)
	for i := range builds {
		var err error
		if builds[i], err = l.buildTraced(ctx, dir, c); err != nil {
			return nil, err
		}
	}
	ratio := func(b map[string]float64) float64 { return b[c.name] / b[c.name+untraced] }
	slices.SortFunc(builds, func(a, b map[string]float64) int { return cmp.Compare(ratio(a), ratio(b)) })
	return builds[len(builds)/2], nil
}

func writeTraced(dir, python string, commands []tracedCommand) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var text bytes.Buffer
	for _, c := range commands {
		fmt.Fprintf(&text, "step(%q, cmd = [%q, \"-c\", %q])\n", c.name, python, c.text)
		fmt.Fprintf(&text, "step(%q, cmd = [%q, \"-c\", %q], trace = False)\n", c.name+untraced, python, c.text)
	}
	return os.WriteFile(filepath.Join(dir, "Calyxfile"), text.Bytes(), 0o666)
}

// buildTraced executes a command, watched and not, one after the other, and returns what each took in seconds.
func (l *lab) buildTraced(ctx context.Context, dir string, of tracedCommand) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	c := exec.CommandContext(ctx, l.subject.program, "build", of.name, of.name+untraced, "--force-all", "--json", "--progress", "none", "-j", "1")
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
