package examples

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRag answers questions with real embeddings, and a language model that now and then refuses or fails.
func TestRag(t *testing.T) {
	needs(t, "python3")
	w := setUp(t, "rag")
	llm := startModel(t, w.dir)
	t.Setenv("LLM_URL", llm.url)

	first := w.build()
	if among(first, "embed(") < 25 || among(first, "answer(") != 8 {
		t.Errorf("the first build executed %q", first)
	}
	if stats := llm.stats(t); stats.Answered != 8 || stats.Failed == 0 {
		t.Errorf("the model was asked otherwise than each question until it answered: %+v", stats)
	}
	if report := w.run("get", "report"); !strings.Contains(report, `except that "y" is evaluated only once`) {
		t.Errorf("the report lacks what the language reference says of chained comparisons:\n%s", report)
	}

	w.edit("corpus/pass.txt", "nothing happens", "nothing whatsoever happens")
	changed := w.build()
	if got, want := slices.DeleteFunc(changed, func(n string) bool { return strings.HasPrefix(n, "search(") }),
		[]string{`passages(document="pass.txt")`, `embed(document="pass.txt")`}; !sameNodes(got, want) {
		t.Errorf("after an edit of a text that answers nothing, a build executed %q and searches, want %q", got, want)
	}

	w.edit("questions.txt", "What is an f-string?\n", "What is an f-string?\nWhat does pass do?\n")
	if got, want := w.build(), []string{`search(question="What does pass do?")`, `answer(question="What does pass do?")`, "report"}; !sameNodes(got, want) {
		t.Errorf("another question executed %q, want %q", got, want)
	}
	if stats := llm.stats(t); stats.Answered != 9 {
		t.Errorf("the model answered %d questions, want 9", stats.Answered)
	}

	t.Setenv("LLM_URL", "http://127.0.0.1:1")
	if got := w.build(); len(got) != 0 {
		t.Errorf("another address of the model executed %q", got)
	}
}

// model is the example's language model, as a process.
type model struct{ url string }

// startModel starts the language model of a workspace; it ends with the test.
func startModel(t *testing.T, dir string) model {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, ".venv", "bin", "python"), "llm.py")
	cmd.Dir = dir
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = in.Close(), cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the language model did not say where it is: %v", err)
	}
	return model{url: strings.TrimSpace(line)}
}

// stats tells how many requests the model answered, refused and failed.
func (m model) stats(t *testing.T) (stats struct{ Answered, Refused, Failed int }) {
	t.Helper()
	response, err := http.Get(m.url + "/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(&stats); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", stats)
	return stats
}

// among counts the nodes that begin with a prefix.
func among(nodes []string, prefix string) (n int) {
	for _, node := range nodes {
		if strings.HasPrefix(node, prefix) {
			n++
		}
	}
	return n
}
