package examples

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPolyglot builds a graph of Go, Python, Node and a shell command, and edits each language's part of it.
func TestPolyglot(t *testing.T) {
	needs(t, "python3", "node", "npm", "gzip")
	w := setUp(t, "polyglot")

	first := w.build()
	for _, node := range []string{"program", "names.json", "frequencies", "fit", "page", "packed"} {
		if !slices.Contains(first, node) {
			t.Errorf("the first build did not execute %s", node)
		}
	}
	var law struct{ S, R2 float64 }
	if w.get("fit", &law); law.S < 0.5 || law.S > 1.5 || law.R2 < 0.9 {
		t.Errorf("the names follow no law: %+v", law)
	}
	page := string(run(t, w.dir, "gunzip", "-c", filepath.Join("out", "zipf.html.gz")))
	if strings.Count(page, "<svg") != 2 || !strings.Contains(page, "<code>self</code>") {
		t.Errorf("the page lacks something:\n%s", page)
	}

	for _, c := range []struct {
		name           string
		file, from, to string
		runs           []string
	}{
		{"nothing", "", "", "", nil},
		{"a comment in the corpus", "corpus/json/tool.py", "import argparse\n", "import argparse  # and its friends\n", []string{"names.json"}},
		{"a name in the corpus", "corpus/json/tool.py", "def main():", "def uncommonly_named():",
			[]string{"commonest", "fit", "frequencies", "likeness", "names.json", "packed", "page"}},
		{"a comment in the Python", "zipf.py", "    total: Counts = {}\n", "    total: Counts = {}  # by name\n", nil},
		{"a function in Python", "zipf.py", "np.geomspace(1, len(frequencies), 60)", "np.geomspace(1, len(frequencies), 50)",
			[]string{"fit", "packed", "page"}},
		{"the Node module", "page.mjs", "const CELL = 22;", "const CELL = 24;", []string{"packed", "page"}},
		{"the shell command", "Calyxfile", "gzip -9nc", "gzip -1nc", []string{"packed"}},
		{"the Go program, not what it counts", "words/main.go", `"1.0"`, `"1.1"`, append(namesOf(first), "program")},
	} {
		if c.file != "" {
			w.edit(c.file, c.from, c.to)
		}
		got := w.build()
		slices.Sort(got)
		slices.Sort(c.runs)
		if !slices.Equal(got, c.runs) {
			t.Errorf("after an edit of %s, a build executed %q, want %q", c.name, got, c.runs)
		}
	}
}

func namesOf(nodes []string) []string {
	var names []string
	for _, node := range nodes {
		if strings.HasPrefix(node, "names.") {
			names = append(names, node)
		}
	}
	return names
}
