package calyxfile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/graph/calyxfile"
)

// fixture is what every chunk of testdata finds beside it.
func fixture() *world {
	return &world{
		files: map[string]string{
			"params.yaml":   "train:\n  epochs: 3\n  layers: [64, 32]\nname: base\n",
			"bad-key.yaml":  "a b: 1\n",
			"twice.yaml":    "a: 1\na: 2\n",
			"list.json":     "[1, 2]\n",
			"data.json":     `{"names": ["x", "y"], "big": 123456789012345678901234567890, "f": 1.0}`,
			"data/raw.csv":  "b\na\n",
			"lib.star":      "def make(name, **kw):\n    return step(name, **kw)\n\ndef divide(n):\n    return 1 // n\n",
			"syntax.star":   "x = = 1\n",
			"self.star":     "load(\"self.star\", \"x\")\nx = 1\n",
			"many.star":     "a = undefined_a\nb = undefined_b\n",
			"failing.star":  "load(\"lib.star\", \"divide\")\nx = divide(0)\n",
			"not-utf8.json": "\"\xff\"",
		},
		env: map[string]string{"HOME": "/home/user"},
		set: map[string]any{"overridden": int64(5)},
	}
}

var expectation = regexp.MustCompile(`###(.*)`)

// TestChunks runs the files of testdata. Each consists of chunks, separated by lines of ---, that are evaluated one by
// one. A comment ### says that its line has an error, and gives a regular expression for `COLUMN: MESSAGE` (with
// ` | HINT` where there is a hint). There are no other errors, and a chunk without ### has none.
func TestChunks(t *testing.T) {
	files, err := filepath.Glob("testdata/*.star")
	if err != nil || len(files) == 0 {
		t.Fatalf("no chunks in testdata: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		line := 1
		for _, chunk := range strings.Split(string(text), "---\n") {
			t.Run(fmt.Sprintf("%s:%d", filepath.Base(file), line), func(t *testing.T) { checkChunk(t, chunk) })
			line += strings.Count(chunk, "\n") + 1
		}
	}
}

func checkChunk(t *testing.T, chunk string) {
	_, err := fixture().evaluate(chunk)
	var found calyxfile.Errors
	if err != nil && !errors.As(err, &found) {
		t.Fatalf("%v is no Errors", err)
	}
	wanted := wantedErrors(t, chunk)
	for _, e := range found {
		if !consume(wanted, e) {
			t.Errorf("unexpected error: %v | %s", e, e.Hint)
		}
	}
	for line, patterns := range wanted {
		for _, p := range patterns {
			t.Errorf("line %d: no error matches %q", line, p)
		}
	}
}

func wantedErrors(t *testing.T, chunk string) map[int][]*regexp.Regexp {
	wanted := map[int][]*regexp.Regexp{}
	for i, line := range strings.Split(chunk, "\n") {
		m := expectation.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		for _, pattern := range strings.Split(m[1], "###") {
			re, err := regexp.Compile(strings.TrimSpace(pattern))
			if err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
			wanted[i+1] = append(wanted[i+1], re)
		}
	}
	return wanted
}

// consume takes the expectation that an error meets.
func consume(wanted map[int][]*regexp.Regexp, e calyxfile.Error) bool {
	text := fmt.Sprintf("%d: %s", e.Pos.Col, e.Msg)
	if e.Hint != "" {
		text += " | " + e.Hint
	}
	for i, re := range wanted[e.Pos.Line] {
		if re.MatchString(text) && e.Pos.File == "Calyxfile" {
			wanted[e.Pos.Line] = append(wanted[e.Pos.Line][:i], wanted[e.Pos.Line][i+1:]...)
			return true
		}
	}
	return false
}
