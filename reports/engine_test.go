package reports_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/command"
	"github.com/calyx-build/calyx/reports"
)

// project is a workspace that the real engine builds and the recorder records.
type project struct {
	t     *testing.T
	root  string
	store cas.Store
}

// keptOpen is a store that the test closes.
type keptOpen struct{ cas.Store }

func (keptOpen) Close() error { return nil }

func newProject(t *testing.T, calyxfile string) *project {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &project{t, root, openStore(t)}
	p.write("Calyxfile", calyxfile)
	return p
}

func (p *project) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.root, name), []byte(text), 0o666); err != nil {
		p.t.Fatal(err)
	}
}

// build builds everything and returns the recorded run with those before it.
func (p *project) build() []*reports.Run {
	p.t.Helper()
	e := executor.New(executor.Config{
		Root: p.root, Calyxfile: "Calyxfile", Instance: "main", CacheDir: filepath.Join(p.root, ".calyx", "cache"), Environ: os.Environ(),
		Store:  func(context.Context) (cas.Store, error) { return keptOpen{p.store}, nil },
		Runner: func() (executor.Runner, error) { return &command.Runner{}, nil },
	})
	r := reports.NewRecorder(p.t.Context(), e.Store, reports.About{})
	sum, err := e.Build(p.t.Context(), executor.Options{Jobs: 4, Observer: r})
	if err != nil || !sum.OK {
		p.t.Fatalf("build: %+v, %v", sum, err)
	}
	if err := r.Close(); err != nil {
		p.t.Fatal(err)
	}
	_, scope, err := e.Store(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	runs, err := reports.Recent(p.t.Context(), p.store, scope.Workspace, sum.Run, 10, 1000)
	if err == nil {
		err = e.Close()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return runs
}

func TestARealBuild(t *testing.T) {
	p := newProject(t, `
src = stored("src", path = "in.txt")
first = step("first", sh = "cat {src} > {out}", outs = ["first.txt"])
part = step("part", sh = "cat {first} > {out}; echo {i} >> {out}", matrix = dict(i = [1, 2]), outs = ["part-{i}.txt"])
steady = step("steady", sh = "echo {first} > /dev/null; echo same > {out}", outs = ["steady.txt"])
after = step("after", sh = "cat {steady} > {out}", outs = ["after.txt"])
last = step("last", sh = "cat {part} {after} {src} > {out}", outs = ["last.txt"])
`)
	p.write("in.txt", "one\n")
	p.build()
	p.write("in.txt", "two\n")
	runs := p.build()
	run := runs[0]
	if len(runs) != 2 || run.State != reports.StateOK || run.Executed != 5 || run.Fresh != 1 || runs[1].Executed != 6 {
		t.Fatalf("got %d runs, the last %+v", len(runs), run.Head)
	}
	outcomes := map[string]executor.NodeOutcome{}
	for _, s := range run.Spans {
		outcomes[s.Node] = s.Outcome
		if s.Start < 0 || s.Took < 0 || s.Self < 0 || s.Waited < 0 || s.Done < s.Start+s.Took || s.Done > time.Minute {
			t.Errorf("%q: %+v", s.Node, s)
		}
	}
	// What did nothing is there because chains go through it.
	for node, want := range map[string]executor.NodeOutcome{"first": "executed", "steady": "executed", "after": "", "part": "", "last": "executed"} {
		if got, ok := outcomes[node]; !ok || got != want {
			t.Errorf("%q is %q, %v; want %q", node, got, ok, want)
		}
	}
	path := run.CriticalPath()
	nodes := []string{}
	for _, n := range path.Nodes {
		nodes = append(nodes, n.Node)
	}
	if len(nodes) != 3 || nodes[0] != "first" || nodes[2] != "last" || !strings.HasPrefix(nodes[1], "part(") && nodes[1] != "steady" || path.Seconds > run.Seconds {
		t.Errorf("the critical path is %v of %v s", path, run.Seconds)
	}
	profile := reports.NewProfile(runs, nil, nil)
	if slices.ContainsFunc(profile.Nodes, func(n reports.NodeProfile) bool { return n.Node == "part" || n.Node == "after" }) || len(profile.Nodes) != 5 {
		t.Errorf("the profile has %+v", profile.Nodes)
	}
	if err := timeline(t, run).check(); err != nil {
		t.Error(err)
	}
}
