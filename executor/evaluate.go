package executor

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"github.com/calyx-build/calyx/executor/still"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/calyxfile"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/rows"
)

// read is something that an evaluation saw, with the digest of what it saw.
type read struct {
	Kind    string   `json:"k"` // file, glob, env, stored, plugin
	Subject string   `json:"s"`
	Exclude []string `json:"x,omitempty"`
	Digest  [32]byte `json:"d"`
}

// evaluation is what a graph file keeps beside the graph.
type evaluation struct {
	Version string `json:"version"`
	Reads   []read `json:"reads"`
	// Gone are the paths that earlier graphs owned and this one does not, as far as something stands there.
	Gone []string `json:"gone,omitempty"`
}

// graphFile is where the last evaluation of a Calyxfile is kept.
func (e *Engine) graphFile() string {
	name := hashing.Sum([]byte(e.cfg.Calyxfile + "\x00" + e.cfg.Instance)).Hex()[:16]
	return filepath.Join(e.cfg.Root, ".calyx", "graphs", name)
}

// evaluate returns the graph of the Calyxfile: the one kept, if an evaluation would see what the last one saw.
func (e *Engine) evaluate(ctx context.Context) (*graph.Graph, error) {
	if e.doubted && (e.project == nil || !e.stillReads(ctx, e.project, e.reads)) {
		e.forgetGraph()
		e.last = nil
	}
	e.doubted = false
	if e.graph != nil {
		return e.graph, nil
	}
	if e.project == nil {
		var err error
		if e.project, err = e.evaluateFile(ctx); err != nil {
			return nil, err
		}
	}
	if e.cfg.Program == nil {
		e.graph = e.project
		return e.graph, nil
	}
	var err error
	e.graph, err = e.cfg.Program.graph(e.project)
	return e.graph, err
}

// forgetGraph has the next evaluation be made anew.
func (e *Engine) forgetGraph() { e.project, e.graph = nil, nil }

// evaluateFile returns the graph that the Calyxfile itself declares.
func (e *Engine) evaluateFile(ctx context.Context) (*graph.Graph, error) {
	if e.cfg.Program != nil && !e.hasCalyxfile() {
		e.reads = []read{{Kind: "file", Subject: e.cfg.Calyxfile, Digest: absentDigest}}
		return emptyGraph()
	}
	if g, reads, ok := e.keptGraph(ctx); ok {
		e.reads = reads
		return g, nil
	}
	defer collectLate()()
	source := &tracked{e: e, ctx: ctx}
	declared, err := calyxfile.Evaluate(ctx, calyxfile.Options{Path: e.cfg.Calyxfile, Root: e.cfg.Root, Source: source})
	if source.fault != nil {
		return nil, source.fault
	}
	if err != nil {
		return nil, err
	}
	e.gone = e.goneOutputs(declared)
	extra, err := rows.Marshal(evaluation{Version: e.cfg.Version, Reads: source.reads, Gone: e.gone})
	if err != nil {
		return nil, err
	}
	encoded, err := graph.Encode(declared, extra)
	if err != nil {
		return nil, err
	}
	// Printing is an effect that a kept graph would not repeat.
	if !source.printed {
		e.keepGraph(encoded)
	}
	e.reads = source.reads
	if kept, err := graph.OpenFile(e.graphFile()); err == nil && kept.Is(encoded) { // it takes no memory of the process's own
		return kept, nil
	}
	return graph.Open(encoded)
}

// collectLate has little of what an evaluation leaves collected while it is small, and much of it where the graph is large, until the
// function that it returns is called: twenty collections of a small heap take longer than the rest of the evaluation.
func collectLate() (restore func()) {
	const (
		large    = 16 << 20 // bytes in use
		interval = 10 * time.Millisecond
	)
	before := debug.SetGCPercent(percentSmall)
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
			}
			if metrics.Read(sample); sample[0].Value.Uint64() > large {
				debug.SetGCPercent(30)
				return
			}
		}
	})
	return func() {
		close(ended)
		watching.Wait()
		debug.SetGCPercent(before)
	}
}

// goneOutputs are the paths that the last graph or one before it owned and that no step owns any more.
func (e *Engine) goneOutputs(now *graph.Declarations) (gone []string) {
	owned := map[string]bool{}
	for _, n := range now.Nodes {
		if n.Step == nil {
			continue
		}
		for _, o := range n.Step.Outs {
			owned[o.Path] = true
		}
	}
	take := func(p string, _ int) bool {
		if _, err := os.Lstat(e.abs(p)); err == nil && !owned[p] {
			gone = append(gone, p)
		}
		return true
	}
	var before evaluation
	last := e.lastGraph()
	if rows.Unmarshal(last.Extra, &before) == nil {
		for _, p := range before.Gone {
			take(p, 0)
		}
	}
	last.Outputs(take)
	return gone
}

// lastGraph is the graph of the last evaluation that was kept before this process began; empty where there is none that
// can be read.
func (e *Engine) lastGraph() *graph.Graph {
	if e.last == nil {
		var err error
		if e.last, err = graph.OpenFile(e.graphFile()); err != nil { // an old or torn file says nothing
			e.last = &graph.Graph{}
		}
	}
	return e.last
}

// keptGraph is the last graph, if an evaluation would see what that one saw.
func (e *Engine) keptGraph(ctx context.Context) (*graph.Graph, []read, bool) {
	g := e.lastGraph()
	var kept evaluation
	if rows.Unmarshal(g.Extra, &kept) != nil || kept.Version != e.cfg.Version {
		return nil, nil, false
	}
	e.gone = kept.Gone
	return g, kept.Reads, e.stillReads(ctx, g, kept.Reads)
}

// stillReads reports whether an evaluation would see what the one saw that made g.
func (e *Engine) stillReads(ctx context.Context, g *graph.Graph, reads []read) bool {
	again := &tracked{e: e, ctx: ctx, plugins: g.Plugins}
	return !slices.ContainsFunc(reads, func(r read) bool { return again.digest(r) != r.Digest })
}

// keepGraph writes the graph for the next time. Without it the next build evaluates again, so a failure is no error.
func (e *Engine) keepGraph(encoded []byte) {
	path := e.graphFile()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return
	}
	temp := fmt.Sprintf("%s.%s", path, rand.Text()) // a process may have several engines
	if err := os.WriteFile(temp, encoded, 0o666); err == nil {
		err = os.Rename(temp, path)
		if err == nil {
			return
		}
	}
	_ = os.Remove(temp)
}

// tracked is the world as an evaluation sees it; what is read is noted.
type tracked struct {
	e       *Engine
	ctx     context.Context
	reads   []read
	printed bool
	fault   error          // calyx's own means failed
	plugins []graph.Plugin // of the graph that is looked at again
}

func (t *tracked) note(kind, subject string, exclude []string, d hashing.Digest) {
	t.reads = append(t.reads, read{Kind: kind, Subject: subject, Exclude: exclude, Digest: d})
}

// ReadFile implements calyxfile.Source.
func (t *tracked) ReadFile(path string, limit int64) ([]byte, error) {
	text, err := readLimited(t.e.abs(path), limit)
	if errors.Is(err, os.ErrNotExist) {
		t.note("file", path, nil, absentDigest)
	} else if err == nil {
		t.note("file", path, nil, hashing.Sum(text))
	}
	return text, err
}

func readLimited(path string, limit int64) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	// The memory of an evaluation is limited: what grows with the content would hold it more than once.
	text := bytes.NewBuffer(make([]byte, 0, min(st.Size(), limit)+1+bytes.MinRead))
	_, err = text.ReadFrom(io.LimitReader(f, limit+1))
	return text.Bytes(), err
}

// Glob implements calyxfile.Source. What steps own is no source; which paths these are is known only after an evaluation,
// so the graph of the last one says it.
func (t *tracked) Glob(pattern string, exclude []string) ([]string, error) {
	found, err := hashing.Glob(t.ctx, t.e.cfg.Root, pattern, hashing.GlobOptions{Exclude: exclude, Skip: t.e.unowned, Clock: t.e.clock})
	if err != nil {
		return nil, err
	}
	t.note("glob", pattern, exclude, listDigest(found.Paths))
	return found.Paths, nil
}

func listDigest(paths []string) hashing.Digest { return hashing.Sum(exactNames(paths)) }

// Env implements calyxfile.Source.
func (t *tracked) Env(name string) (string, bool) {
	text, ok := t.e.environ.lookup(name)
	t.note("env", name, nil, still.VariableDigest(text, ok))
	return text, ok
}

// Stored implements calyxfile.Source.
func (t *tracked) Stored(name string, decl graph.Stored) (any, error) {
	v, err := t.e.storedValue(name, decl)
	if err != nil {
		return nil, err
	}
	if decl.Env != "" {
		t.Env(decl.Env)
	}
	t.note("stored", name, nil, t.e.overrideDigest(name, decl))
	return v, nil
}

// Describe implements calyxfile.Source.
func (t *tracked) Describe(p graph.Plugin) (*graph.Offer, error) {
	o, err := t.e.describeAlone(t.ctx, p)
	if err != nil {
		t.fault = err
		return nil, err
	}
	if o.err != nil {
		return nil, o.err
	}
	t.note("plugin", p.Name, nil, o.description.declares())
	offer, err := o.description.offer()
	if err == nil {
		offer.Rests = o.rests()
	}
	return offer, err
}

// Print implements calyxfile.Source.
func (t *tracked) Print(_ graph.Pos, text string) {
	t.printed = true
	if t.e.cfg.Print != nil {
		t.e.cfg.Print(text)
	}
}

// digest sees again what an evaluation saw.
func (t *tracked) digest(r read) (d hashing.Digest) {
	switch r.Kind {
	case "file":
		rec, err := t.e.memo.File(t.e.abs(r.Subject))
		if isAbsent(err) {
			return absentDigest
		}
		return rec.Digest
	case "glob":
		found, err := hashing.Glob(t.ctx, t.e.cfg.Root, r.Subject, hashing.GlobOptions{Exclude: r.Exclude, Skip: t.e.unowned, Clock: t.e.clock})
		if err != nil {
			return d
		}
		return listDigest(found.Paths)
	case "env":
		return still.VariableDigest(t.e.environ.lookup(r.Subject))
	case "stored":
		return t.e.overrideDigest(r.Subject, graph.Stored{})
	case "plugin":
		i := slices.IndexFunc(t.plugins, func(p graph.Plugin) bool { return p.Name == r.Subject })
		if i < 0 {
			return d
		}
		o, err := t.e.describeAlone(t.ctx, t.plugins[i])
		if err != nil || o.err != nil {
			return d
		}
		return o.description.declares()
	}
	return d
}
