package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// lab is where the measurements take place: a temporary folder with a workspace for each tool and size.
type lab struct {
	options
	dir        string
	settling   time.Duration // how long files must lie still until no tool mistrusts their timestamps
	subject    tool          // what is measured …
	peers      []tool
	workspaces map[string]*workspace
	discarded  int
}

// workspace is a graph that one tool has built.
type workspace struct {
	lab   *lab
	tool  tool
	dir   string
	graph layered
	first sample // its first, full build
}

func newLab(dir string, subject tool, peers []tool, o options) (*lab, error) {
	if subject.installed() == "" {
		return nil, fmt.Errorf("find %s: there is no program %q", subject.name, subject.program)
	}
	return &lab{
		options: o, dir: dir, settling: 2200 * time.Millisecond,
		subject: subject, peers: peers, workspaces: map[string]*workspace{},
	}, nil
}

// close removes everything. A process that a tool left behind may still write, so it is tried more than once.
func (l *lab) close() {
	for range 5 {
		if os.RemoveAll(l.dir) == nil {
			return
		}
		time.Sleep(l.settling / 4)
	}
	l.say("could not remove %s", l.dir)
}

// say tells on standard error what is going on.
func (l *lab) say(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }

// workspace returns the tool's workspace for a graph, generated and built once.
func (l *lab) workspace(ctx context.Context, t tool, g layered) (*workspace, error) {
	key := workspaceKey(t.name, g.steps)
	if w := l.workspaces[key]; w != nil {
		return w, nil
	}
	w := &workspace{lab: l, tool: t, dir: filepath.Join(l.dir, key), graph: g}
	l.say("%s builds %d steps for the first time", t.name, g.steps)
	if err := g.writeSources(w.dir); err != nil {
		return nil, err
	}
	if err := t.describe(w.dir, g); err != nil {
		return nil, err
	}
	if t.setup != nil {
		if _, err := command(ctx, l.timeout, w.dir, append([]string{t.program}, t.setup...)...); err != nil {
			return nil, err
		}
	}
	first, err := w.build(ctx)
	if err != nil {
		return nil, err
	}
	w.first = first
	l.workspaces[key] = w
	return w, nil
}

// build brings the workspace up to date and measures that. A tool that says that all is well and leaves no outputs fails.
func (w *workspace) build(ctx context.Context) (sample, error) {
	s, err := command(ctx, w.lab.timeout, w.dir, append([]string{w.tool.program}, w.tool.args...)...)
	if err != nil {
		return s, err
	}
	if w.tool.server {
		s.peak += peakOf(w.tool.program)
	}
	if w.tool.silent {
		return s, nil
	}
	return s, w.graph.checkOutputs(w.dir)
}

// reset takes the outputs and the tool's memory away, so that the next build is a full one.
func (w *workspace) reset(context.Context) error {
	for _, name := range append([]string{"out"}, w.tool.state...) {
		if err := w.lab.discard(filepath.Join(w.dir, name)); err != nil {
			return err
		}
	}
	unix.Sync() // what others wrote is not to be written during the measurement
	return w.graph.makeFolders(w.dir, "out")
}

// buildOf is build, followed by a check that what it was to bring about is there.
func (w *workspace) buildOf(ctx context.Context, check func() error) (sample, error) {
	s, err := w.build(ctx)
	if err != nil {
		return s, err
	}
	return s, check()
}

// discard moves a file or folder out of the way and removes it there. A process that a tool left behind may still use
// it, so that removing it in place could fail, or fail the tool's next build.
func (l *lab) discard(path string) error {
	l.discarded++
	away := filepath.Join(l.dir, "discarded-"+strconv.Itoa(l.discarded))
	if err := os.Rename(path, away); err != nil {
		if os.IsNotExist(err) {
			return nil
		}
		return err
	}
	_ = os.RemoveAll(away) // what is left of it goes with the lab
	return nil
}

// field returns the subject and the peers that are installed and asked for graphs of this size; and, by name, why the
// other peers are not there.
func (l *lab) field(steps int) (present []tool, absent []string) {
	present = []tool{l.subject}
	for _, t := range l.peers {
		switch {
		case t.most > 0 && steps > t.most:
		case t.installed() == "":
			absent = append(absent, t.name)
		default:
			present = append(present, t)
		}
	}
	return present, absent
}

// each makes a contender of every installed tool. What prepare returns is measured; a tool that cannot be prepared
// becomes a contender that fails with the reason.
func (l *lab) each(ctx context.Context, steps int, prepare func(w *workspace) contender) (all []contender, absent []string) {
	present, absent := l.field(steps)
	for _, t := range present {
		w, err := l.workspace(ctx, t, layered{steps})
		if err != nil {
			failing := func(context.Context) (sample, error) { return sample{}, err }
			all = append(all, contender{name: t.name, run: failing})
			continue
		}
		c := prepare(w)
		c.name = t.name
		all = append(all, c)
	}
	return all, absent
}

func workspaceKey(tool string, steps int) string { return tool + "-" + strconv.Itoa(steps) }
