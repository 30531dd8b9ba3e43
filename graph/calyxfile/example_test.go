package calyxfile_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/calyxfile"
)

// folder is a Source that reads a real folder.
type folder struct {
	*world
	root string
}

func (f folder) ReadFile(path string, limit int64) ([]byte, error) {
	file, err := os.Open(filepath.Join(f.root, path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, limit+1))
}

func (f folder) Glob(pattern string, exclude []string) ([]string, error) {
	found, err := doublestar.Glob(os.DirFS(f.root), pattern, doublestar.WithFilesOnly())
	var kept []string
	for _, name := range found {
		if !matchesAny(exclude, name) {
			kept = append(kept, name)
		}
	}
	sort.Strings(kept)
	return kept, err
}

// example copies the tour and its files into a new folder and evaluates it there.
func example(t *testing.T) (folder, *graph.Declarations) {
	t.Helper()
	f := folder{world: fixture(), root: t.TempDir()}
	if err := os.CopyFS(f.root, os.DirFS("../../testdata/example")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../Calyxfile.example")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.root, "Calyxfile"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	f.set = map[string]any{"verbose": true}
	f.env["FILMS_PLUGIN"] = "./bin/films"
	d, err := calyxfile.Evaluate(context.Background(), calyxfile.Options{Path: "Calyxfile", Root: f.root, Source: f})
	if err != nil {
		t.Fatalf("evaluate Calyxfile.example:\n%v", err)
	}
	return f, d
}

// TestExampleIsComplete finds every function and argument of the language in the tour.
func TestExampleIsComplete(t *testing.T) {
	text, err := os.ReadFile("../../Calyxfile.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, function := range strings.Fields(`stored params plugin step out outdir pool default workspace value glob read_text
		read_json read_yaml env load fail struct json.decode print`) {
		if !regexp.MustCompile(`(^|\W)` + regexp.QuoteMeta(function) + `\(`).Match(text) {
			t.Errorf("%s() is not in the tour", function)
		}
	}
	for _, argument := range strings.Fields(`path glob value env default exclude doc sources workers secrets wrap state name run cmd
		sh args outs stdout deps after matrix pool mem timeout retries ttl resume cache portable platform local`) {
		if !regexp.MustCompile(`\W` + argument + ` += `).Match(text) {
			t.Errorf("the argument %s is not in the tour", argument)
		}
	}
}

// TestExampleRuns carries out the commands of the tour in the order of their declaration.
func TestExampleRuns(t *testing.T) {
	f, d := example(t)
	if len(f.printed) != 1 || !strings.HasPrefix(f.printed[0], "Calyxfile:") {
		t.Errorf("printed %q", f.printed)
	}
	b := hand{t: t, folder: f, values: map[string][]string{}, outs: map[string][]graph.Output{}}
	for _, n := range d.Nodes {
		b.values[n.Name] = b.value(n)
	}
	report, err := os.ReadFile(filepath.Join(f.root, "build/report.txt"))
	if err != nil || !strings.HasPrefix(string(report), "Silent films\n") || strings.Count(string(report), "\n") < 10 {
		t.Errorf("the report is %q, %v", report, err)
	}
}

// hand builds by hand: no cache, no order but that of the file.
type hand struct {
	folder
	t      *testing.T
	values map[string][]string // the words that a command gets for a node
	outs   map[string][]graph.Output
}

func (b *hand) value(n *graph.Node) []string {
	switch {
	case n.Stored != nil:
		return b.stored(n.Stored)
	case n.Step != nil:
		b.step(n)
		b.outs[n.Name] = n.Step.Outs
		return outputs(n.Step)
	}
	var all []string
	for _, r := range n.List {
		all = append(all, b.values[r.Node]...)
	}
	return all
}

func (b *hand) stored(s *graph.Stored) []string {
	switch {
	case s.Path != "":
		return []string{s.Path}
	case s.Glob != "":
		found, err := b.Glob(s.Glob, s.Exclude)
		if err != nil {
			b.t.Fatal(err)
		}
		return found
	}
	word, ok := graph.Word(s.Default.V)
	if !ok {
		b.t.Fatalf("no word for %v", s.Default.V)
	}
	return []string{word}
}

func outputs(s *graph.Step) []string {
	var paths []string
	for _, o := range s.Outs {
		paths = append(paths, o.Path)
	}
	return paths
}

func (b *hand) step(n *graph.Node) {
	s := n.Step
	for _, o := range s.Outs {
		if err := os.MkdirAll(filepath.Join(b.root, filepath.Dir(o.Path)), 0o755); err != nil {
			b.t.Fatal(err)
		}
	}
	var argv []string
	switch {
	case s.Shell != nil:
		argv = []string{"sh", "-eu", "-c", b.text(*s.Shell, graph.Quote)}
	case s.Cmd != nil:
		for _, x := range s.Cmd {
			argv = append(argv, b.text(x, func(w string) string { return w }))
		}
	default:
		return // order, or a plugin's function
	}
	argv = append(s.Wrap, argv...)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = b.root
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	printed, err := cmd.CombinedOutput()
	if err != nil {
		b.t.Fatalf("step %s: %v: %q\n%s", n.Name, err, argv, printed)
	}
	if s.Stdout != "" {
		if err := os.WriteFile(filepath.Join(b.root, s.Stdout), printed, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, o := range s.Outs {
		if _, err := os.Stat(filepath.Join(b.root, o.Path)); err != nil {
			b.t.Errorf("step %s: %v", n.Name, err)
		}
	}
}

// text renders a word or a line; quote is applied to what is put into a line.
func (b *hand) text(x graph.Expr, quote func(string) string) string {
	switch x.Kind {
	case graph.Constant:
		return x.Value.V.(string)
	case graph.OutputPath:
		return quote(x.Text)
	case graph.Concat:
		var all strings.Builder
		for _, item := range x.Items {
			all.WriteString(b.text(item, quote))
		}
		return all.String()
	case graph.Reference:
		var quoted []string
		for _, word := range b.words(x.Ref) {
			quoted = append(quoted, quote(word))
		}
		return strings.Join(quoted, " ")
	}
	b.t.Fatalf("the tour has no expression of kind %d", x.Kind)
	return ""
}

func (b *hand) words(r graph.Ref) []string {
	if r.Output == "" {
		return b.values[r.Node]
	}
	for _, o := range b.outs[r.Node] {
		if o.Name == r.Output {
			return []string{o.Path}
		}
	}
	b.t.Fatalf("no output %v", r)
	return nil
}
