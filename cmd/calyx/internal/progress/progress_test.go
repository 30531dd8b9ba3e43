package progress_test

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/cmd/calyx/internal/progress"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

var value = trace.Value{Media: trace.MediaText, Digest: hashing.Sum([]byte("x"))}

// events is a build with one node of each outcome.
func events() []executor.Event {
	return []executor.Event{
		executor.RunStarted{Run: "r1", Started: time.Unix(0, 0), Instance: "main", Jobs: 2},
		executor.Note{Text: "raw.csv moved", Hint: "build again", Warn: true},
		executor.NodeDone{Node: "old", Outcome: executor.Fresh, Value: value},
		executor.NodeDone{Node: "kept", Outcome: executor.Cached, Value: value, Usual: 2},
		executor.NodeStarted{Node: "train", Attempt: 1},
		executor.NodeProgress{Node: "train", Done: 1, Total: 2, Unit: "epochs"},
		executor.NodeDone{Node: "train", Outcome: executor.Executed, Value: value, Seconds: 1.2,
			Reason: graph.Reason{Kind: graph.StoredChanged, Node: "train", Subject: "lr", Before: "1", After: "2"}},
		executor.NodeDone{Node: "eval", Outcome: executor.Failed, Seconds: 0.3,
			Failure: &executor.Failure{Message: "exit status 2", Exit: 2, Hint: "mend it"}, LogTail: "line\n\x1b]0;evil\a\xff\n"},
		executor.NodeDone{Node: "report", Outcome: executor.Blocked, Blocked: []string{"eval"}},
		executor.RunEnded{Run: "r1", Executed: 1, Cached: 1, Fresh: 1, Failed: 1, Blocked: 1, Seconds: 1.5},
	}
}

func show(o executor.Observer) {
	for _, e := range events() {
		o.Event(e)
	}
}

func TestPlain(t *testing.T) {
	failure := "failed    eval  300ms  exit status 2\n  │ line\n  │ ^[]0;evil^G\\xff\n  hint: mend it\n"
	warning := "calyx: warning: raw.csv moved\ncalyx: hint: build again\n"
	blocked := "blocked   report  (eval failed)\n"
	for _, tt := range []struct {
		name   string
		detail progress.Detail
		want   string
	}{
		{"usual", progress.Detail{}, warning + "executed  train  1.2s  (lr changed)\n" + failure + blocked},
		{"why", progress.Detail{Why: true}, warning + "executed  train  1.2s  (lr changed: 1 → 2)\n" + failure + blocked},
		{"quiet", progress.Detail{Quiet: true}, warning + failure},
		{"verbose", progress.Detail{Verbose: true},
			warning + "fresh     old\ncached    kept  (saved 2s)\nexecuted  train  1.2s  (lr changed)\n" + failure + blocked},
	} {
		var b bytes.Buffer
		show(progress.NewPlain(&b, tt.detail, console.Style{}))
		if got := b.String(); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

func TestEvents(t *testing.T) {
	var b bytes.Buffer
	show(progress.NewEvents(&b, false))
	digest := value.Digest.String()
	want := []string{
		`{"event":"start","run":"r1","started":"1970-01-01T00:00:00Z","targets":[],"instance":"main","jobs":2,"expected_seconds":0}`,
		`{"event":"note","text":"raw.csv moved","hint":"build again","warning":true}`,
		`{"event":"node","node":"kept","outcome":"cached","seconds":0,"value":"` + digest + `","reason":null}`,
		`{"event":"node","node":"train","outcome":"executed","seconds":1.2,"value":"` + digest +
			`","reason":{"kind":"stored-changed","node":"train","subject":"lr","before":"1","after":"2"}}`,
		`{"event":"node","node":"eval","outcome":"failed","seconds":0.3,"value":null,"reason":null,` +
			`"error":{"message":"exit status 2","exit":2,"log":"line\n\u001b]0;evil\u0007` + "\ufffd" + `\n","hint":"mend it"}}`,
		`{"event":"node","node":"report","outcome":"blocked","seconds":0,"value":null,"reason":null,"blocked_by":["eval"]}`,
		`{"event":"end","run":"r1","ok":false,"executed":1,"cached":1,"fresh":1,"failed":1,"blocked":1,"seconds":1.5}`,
	}
	got := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || normal(t, got[i]) != normal(t, want[i]) {
			t.Fatalf("line %d: got\n%s\nwant\n%s", i+1, strings.Join(got[min(i, len(got)):], "\n"), strings.Join(want[min(i, len(want)):], "\n"))
		}
	}
	b.Reset()
	show(progress.NewEvents(&b, true))
	if !strings.Contains(b.String(), `"node":"old","outcome":"fresh"`) {
		t.Error("verbose events leave out a fresh node")
	}
}

// normal writes JSON in one way, whatever was escaped.
func normal(t *testing.T, line string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(line), &v); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEventsRememberTheFirstError(t *testing.T) {
	j := progress.NewEvents(failing{}, false)
	show(j)
	if j.Err() == nil {
		t.Error("the error is lost")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, bytes.ErrTooLarge }

func TestClosing(t *testing.T) {
	sum := func(ok bool, executed, cached, fresh, failed, blocked int) executor.Summary {
		return executor.Summary{RunEnded: executor.RunEnded{OK: ok, Executed: executed, Cached: cached, Fresh: fresh, Failed: failed, Blocked: blocked, Seconds: 3.4}}
	}
	interrupted := sum(false, 2, 0, 0, 0, 0)
	interrupted.Interrupted = true
	for _, tt := range []struct {
		sum  executor.Summary
		want string
	}{
		{sum(true, 3, 1, 8, 0, 0), "built 12 steps in 3.4s: 3 executed, 1 cached, 8 fresh"},
		{sum(true, 1, 0, 0, 0, 0), "built 1 step in 3.4s: 1 executed"},
		{sum(true, 0, 0, 12, 0, 0), "nothing to do: 12 steps are fresh (3.4s)"},
		{sum(true, 0, 0, 0, 0, 0), "nothing to build: there is no step"},
		{sum(false, 1, 0, 1, 1, 2), "built 5 steps in 3.4s: 1 failed, 2 blocked, 1 executed, 1 fresh"},
		{interrupted, "interrupted after 3.4s; what is done is kept: 2 executed"},
	} {
		if got := progress.Closing(tt.sum); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// terminal is a screen that several goroutines may use, whose size can be changed.
type terminal struct {
	mu sync.Mutex
	*screen
}

func (s *terminal) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen.Write(p)
}

func (s *terminal) size() (int, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.width, 24
}

func (s *terminal) cursorShown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor
}

func TestLiveLeavesWhatPlainWrites(t *testing.T) {
	var plain bytes.Buffer
	show(progress.NewPlain(&plain, progress.Detail{}, console.Style{}))
	s := &terminal{screen: newScreen(t, 60)}
	live := progress.NewLive(s, s.size, progress.Detail{}, console.NewStyle(true))
	live.Start()
	for _, e := range events() {
		live.Event(e)
		live.Draw()
	}
	if s.cursorShown() {
		t.Error("the cursor is shown while the display moves")
	}
	live.Close()
	if got := strings.Join(s.lines(), "\n") + "\n"; got != plain.String() {
		t.Errorf("the screen shows\n%s\nwant\n%s", got, plain.String())
	}
	if !s.cursor {
		t.Error("the cursor stays hidden")
	}
}

func TestLiveShowsWhatRuns(t *testing.T) {
	s := &terminal{screen: newScreen(t, 80)}
	live := progress.NewLive(s, s.size, progress.Detail{}, console.Style{})
	live.Event(executor.RunStarted{Expected: 90})
	live.Event(executor.NodeStarted{Node: "train(lr=0.1)", Attempt: 2, Usual: 40})
	live.Event(executor.NodeStarted{Node: "embed\n"})
	live.Event(executor.NodeProgress{Node: "embed\n", Done: 5, Total: 10, Unit: "rows"})
	live.Event(executor.Counts{Done: 3, Total: 6, Running: 2, Remaining: -1})
	live.Draw()
	got := strings.Join(s.lines(), "\n")
	for _, want := range []string{"━━━━━━━━━━━━────────────  3/6  2 running", "  train(lr=0.1)    ", " of about 40s  attempt 2", `  embed\n          `, "━━━━━━──────  5/10 rows"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	live.Stopping()
	live.Draw()
	if got := strings.Join(s.lines(), "\n"); !strings.Contains(got, "stopping") {
		t.Errorf("nothing of stopping in\n%s", got)
	}
	live.Suspend()
	if got := s.lines(); len(got) > 0 || !s.cursor {
		t.Errorf("suspended, it leaves %q, cursor %v", got, s.cursor)
	}
}

func TestLiveNeverExceedsTheTerminal(t *testing.T) {
	s := &terminal{screen: newScreen(t, 30)}
	live := progress.NewLive(s, s.size, progress.Detail{}, console.Style{})
	live.Event(executor.RunStarted{})
	for i := range 100 {
		live.Event(executor.NodeStarted{Node: strings.Repeat("日本語", 20) + strconv.Itoa(i)})
	}
	live.Draw()
	if n := len(s.rows); n > 22 {
		t.Errorf("it takes %d rows of 24", n)
	}
}

// Whatever happens in whatever order, and however the terminal is resized meanwhile, what is left on the screen is what
// the plain display writes, and the moving part is gone.
func TestLiveSurvivesResizing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var plain bytes.Buffer
		lines := progress.NewPlain(&plain, progress.Detail{}, console.Style{})
		s := &terminal{screen: newScreen(t, 80)}
		live := progress.NewLive(s, s.size, progress.Detail{}, console.Style{})
		live.Event(executor.RunStarted{})
		for range rapid.IntRange(1, 20).Draw(r, "steps") {
			switch rapid.IntRange(0, 3).Draw(r, "what") {
			case 0:
				live.Event(executor.NodeStarted{Node: rapid.StringN(1, 60, -1).Draw(r, "node")})
			case 1:
				e := executor.NodeDone{Node: rapid.StringMatching(`[a-z]{1,9}`).Draw(r, "node"), Outcome: executor.Executed}
				live.Event(e)
				lines.Event(e)
			case 2:
				s.reflow(rapid.IntRange(40, 120).Draw(r, "width"))
			}
			live.Draw()
		}
		live.Suspend()
		if got := strings.Join(s.lines(), "\n"); got != strings.TrimSuffix(plain.String(), "\n") {
			r.Fatalf("the screen shows\n%s\nwant\n%s", got, plain.String())
		}
	})
}
