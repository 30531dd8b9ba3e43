package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/cmd/calyx/internal/place"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/calyxfile"
)

// eachCommand visits all commands that users see.
func eachCommand(c *cobra.Command, visit func(*cobra.Command)) {
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			visit(sub)
			eachCommand(sub, visit)
		}
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	names := map[string]bool{}
	eachCommand(newRoot(newApp()), func(c *cobra.Command) {
		names[strings.TrimPrefix(c.CommandPath(), "calyx ")] = true
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: its summary is %q", c.CommandPath(), c.Short)
		}
		if !strings.Contains(c.Example, "calyx "+c.Name()) && !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s: its example does not use it: %q", c.CommandPath(), c.Example)
		}
		if c.RunE == nil {
			t.Errorf("%s: it does nothing", c.CommandPath())
		}
	})
	for _, want := range strings.Fields("build exec status why get set unset ls graph info stats log history diff clean init plan profile version completion") {
		if !names[want] {
			t.Errorf("there is no command %q", want)
		}
	}
	for _, want := range []string{"plugin list", "plugin check", "cache stats", "cache export", "cache import"} {
		if !names[want] {
			t.Errorf("there is no command %q", want)
		}
	}
}

func TestFlagsHaveTwins(t *testing.T) {
	var jobs int
	var set []string
	var quiet, yes bool
	flags := pflag.NewFlagSet("t", pflag.ContinueOnError)
	flags.IntVar(&jobs, "jobs", 0, "")
	flags.StringArrayVar(&set, "set", nil, "")
	flags.BoolVar(&quiet, "quiet", false, "")
	flags.BoolVar(&yes, "keep-going", false, "")
	if err := flags.Parse([]string{"--jobs", "3"}); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"CALYX_JOBS": "7", "CALYX_SET": "a=1", "CALYX_QUIET": "", "CALYX_KEEP_GOING": "1"}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	if err := flagsFromEnvironment(flags, lookup); err != nil {
		t.Fatal(err)
	}
	if jobs != 3 || len(set) != 1 || set[0] != "a=1" || quiet || !yes {
		t.Errorf("jobs %d, set %q, quiet %v, keep-going %v", jobs, set, quiet, yes)
	}
	flags.Lookup("jobs").Changed = false
	env["CALYX_JOBS"] = "many"
	if err := flagsFromEnvironment(flags, lookup); statusOf(err) != exitUsage || !strings.Contains(err.Error(), `CALYX_JOBS="many"`) {
		t.Errorf("got %v", err)
	}
}

func TestStatusOfErrors(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{usage("", "wrong"), exitUsage},
		{fmt.Errorf("wrapped: %w", usage("", "wrong")), exitUsage},
		{fmt.Errorf("%w: x", graph.ErrSpelling), exitUsage},
		{calyxfile.Error{Msg: "x"}, exitUsage},
		{fmt.Errorf("open: %w", &cas.FormatError{}), exitFault},
		{errors.New("anything else"), exitFault},
	} {
		if got := statusOf(tt.err); got != tt.want {
			t.Errorf("statusOf(%v) = %d, want %d", tt.err, got, tt.want)
		}
	}
}

func TestFindWorkspace(t *testing.T) {
	root := t.TempDir()
	deep := filepath.Join(root, "a", "b")
	if err := os.MkdirAll(filepath.Join(deep, "Calyxfile"), 0o755); err != nil { // a folder of that name is none
		t.Fatal(err)
	}
	if _, err := findWorkspace(deep, ""); err == nil || statusOf(err) != exitUsage {
		t.Errorf("without a Calyxfile: %v", err)
	}
	for _, name := range []string{"Calyxfile", "other.calyx"} {
		if err := os.WriteFile(filepath.Join(root, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		cwd, named string
		want       place.Place
	}{
		{deep, "", place.Place{Root: root, Calyxfile: "Calyxfile", Below: "a/b"}},
		{root, "", place.Place{Root: root, Calyxfile: "Calyxfile", Below: ""}},
		{deep, "../../other.calyx", place.Place{Root: root, Calyxfile: "other.calyx", Below: "a/b"}},
		{"/", filepath.Join(root, "other.calyx"), place.Place{Root: root, Calyxfile: "other.calyx", Below: ""}},
	}
	for _, tt := range tests {
		got, err := findWorkspace(tt.cwd, tt.named)
		if err != nil || got != tt.want {
			t.Errorf("findWorkspace(%q, %q) = %v, %v, want %v", tt.cwd, tt.named, got, err, tt.want)
		}
	}
	for _, named := range []string{"none", deep} {
		if _, err := findWorkspace(root, named); statusOf(err) != exitUsage {
			t.Errorf("--calyxfile %q: %v", named, err)
		}
	}
}

func TestTargetsFromBelow(t *testing.T) {
	d := &graph.Declarations{Nodes: []*graph.Node{
		{Name: "train", Step: &graph.Step{Outs: []graph.Output{{Name: "m", Path: "out/m.bin"}}}},
		{Name: "m.bin", Step: &graph.Step{Outs: []graph.Output{{Name: "m.bin", Path: "out/deep/m.bin"}}}},
	}}
	got, err := fromBelow(d, "out", []string{"train", "m.bin", "deep/m.bin", "other", "train@-1", "./m.bin", "../out/m.bin", "tr*", "*.bin", "deep/*", "d*", "x*"})
	want := []string{"train", "m.bin", "out/deep/m.bin", "other", "train@-1", "out/m.bin", "out/m.bin", "tr*", "*.bin", "out/deep/*", "d*", "x*"}
	if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestFirstCalyxfileIsNeverOverwritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	path, err := writeFirst(dir)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil || string(content) != firstCalyxfile {
		t.Fatalf("it holds %q, %v", content, err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := writeFirst(dir); statusOf(err) != exitUsage {
		t.Errorf("a second time gives %v", err)
	}
	if content, err = os.ReadFile(path); err != nil || string(content) != "mine" {
		t.Errorf("it holds %q, %v", content, err)
	}
}

func TestTrimInternal(t *testing.T) {
	if got := trimInternal("internal error: node x"); got != "node x" {
		t.Errorf("got %q", got)
	}
}
