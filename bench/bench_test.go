package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// testLab has GNU make in the place of calyx.
func testLab(t *testing.T, steps int) *lab {
	t.Helper()
	for _, peer := range peers() {
		if peer.name == "make" {
			l, err := newLab(t.TempDir(), peer, peers(), options{sizes: []int{steps}, runs: 1, timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			l.settling = 0
			return l
		}
	}
	panic("internal error: make is not among the peers")
}

// outputs reads every output of a workspace.
func outputs(t *testing.T, w *workspace) map[string]string {
	t.Helper()
	all := map[string]string{}
	for layer, column := range w.graph.each() {
		text, err := os.ReadFile(filepath.Join(w.dir, output(layer, column)))
		if err != nil {
			t.Fatal(err)
		}
		all[output(layer, column)] = string(text)
	}
	return all
}

// joined is what every output must be: the sources from the top of its column down to its layer.
func joined(t *testing.T, w *workspace) map[string]string {
	t.Helper()
	all := map[string]string{}
	above := ""
	for layer, column := range w.graph.each() {
		text, err := os.ReadFile(filepath.Join(w.dir, source(layer, column)))
		if err != nil {
			t.Fatal(err)
		}
		if layer == 0 {
			above = ""
		}
		above += string(text)
		all[output(layer, column)] = above
	}
	return all
}

func difference(a, b map[string]string) int {
	n := 0
	for k := range a {
		if a[k] != b[k] {
			n++
		}
	}
	return n
}

func TestInstalledToolsBuildTheSame(t *testing.T) {
	l := testLab(t, 30)
	present, _ := l.field(30)
	for _, tool := range present {
		w, err := l.workspace(t.Context(), tool, layered{30})
		if err != nil {
			t.Fatalf("%s: %v", tool.name, err)
		}
		got := outputs(t, w)
		if len(got) != 30 {
			t.Errorf("%s: %d outputs, want 30", tool.name, len(got))
		}
		if n := difference(got, joined(t, w)); n != 0 {
			t.Errorf("%s: %d outputs are wrong", tool.name, n)
		}
	}
}

func TestAnEditReachesTenSteps(t *testing.T) {
	l := testLab(t, 30)
	w, err := l.workspace(t.Context(), l.subject, layered{30})
	if err != nil {
		t.Fatal(err)
	}
	before := outputs(t, w)
	if _, err := editing(w).once(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := outputs(t, w)
	if n := difference(before, after); n != 10 {
		t.Errorf("%d outputs changed, want 10", n)
	}
	if n := difference(after, joined(t, w)); n != 0 {
		t.Errorf("%d outputs are wrong", n)
	}
}

func TestResetMakesTheNextBuildAFullOne(t *testing.T) {
	l := testLab(t, 20)
	w, err := l.workspace(t.Context(), l.subject, layered{20})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.graph.checkOutputs(w.dir); err == nil {
		t.Error("outputs are still there after a reset")
	}
	if _, err := w.build(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := difference(outputs(t, w), joined(t, w)); n != 0 {
		t.Errorf("%d outputs are wrong", n)
	}
}

func TestBuildRowsCompareWithEveryInstalledPeer(t *testing.T) {
	l := testLab(t, 20)
	l.peers = l.peers[:2] // ninja and make
	for _, g := range []group{{"edit", editRows}, {"full", fullRows}, {"memory", memoryRows}} {
		rows := g.rows(t.Context(), l)
		seen := map[string]bool{}
		for _, r := range rows {
			seen[r.Peer] = true
			if strings.Contains(r.Verdict, "failed") {
				t.Errorf("%s: %s: %s", g.name, r.Work, r.Verdict)
			}
			if r.Verdict != "not installed" && r.Subject <= 0 {
				t.Errorf("%s: %s beside %q: no figure", g.name, r.Work, r.Peer)
			}
		}
		if !seen["make"] || !seen["ninja"] {
			t.Errorf("%s: rows for %v, want make and ninja", g.name, seen)
		}
	}
}

func TestABuildWithoutOutputsFails(t *testing.T) {
	l := testLab(t, 20)
	idle := l.subject
	idle.name, idle.program = "idle", "true"
	if _, err := l.workspace(t.Context(), idle, layered{20}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want an error about outputs that are not there", err)
	}
}

func TestAnEditThatReachesNothingFails(t *testing.T) {
	l := testLab(t, 20)
	w, err := l.workspace(t.Context(), l.subject, layered{20})
	if err != nil {
		t.Fatal(err)
	}
	w.tool.program = "true"
	if _, err := editing(w).once(t.Context()); err == nil || !strings.Contains(err.Error(), "does not hold") {
		t.Errorf("got %v", err)
	}
}

func TestASwitchThatRestoresNothingFails(t *testing.T) {
	l := testLab(t, 20)
	w, err := l.workspace(t.Context(), l.subject, layered{20})
	if err != nil {
		t.Fatal(err)
	}
	w.tool.program = "true"
	s := switcher{w: w, edition: "edition-a"}
	if _, err := s.contender().once(t.Context()); err == nil || !strings.Contains(err.Error(), "does not hold") {
		t.Errorf("got %v", err)
	}
}

func TestCommandStopsAtTheLimitWithAllItStarted(t *testing.T) {
	_, err := command(t.Context(), time.Millisecond, t.TempDir(), "sh", "-c", "sleep 600 & sleep 600")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a passed deadline", err)
	}
}

func TestCommandShowsTheEndOfWhatAFailedProgramPrinted(t *testing.T) {
	_, err := command(t.Context(), time.Minute, t.TempDir(), "sh", "-c", "echo it broke; exit 3")
	if err == nil || !strings.Contains(err.Error(), "it broke") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
}

func TestCommandMeasuresMemory(t *testing.T) {
	s, err := command(t.Context(), time.Minute, t.TempDir(), "true")
	if err != nil {
		t.Fatal(err)
	}
	if s.peak < 100_000 || s.wall <= 0 {
		t.Errorf("got %+v", s)
	}
}

func TestInterleave(t *testing.T) {
	var order []string
	runner := func(name string, fails int) contender {
		runs := 0
		return contender{name: name, run: func(context.Context) (sample, error) {
			order = append(order, name)
			if runs++; runs == fails {
				return sample{}, errors.New("broken")
			}
			return sample{wall: time.Duration(runs)}, nil
		}}
	}
	all := interleave(t.Context(), 3, []contender{runner("a", 0), runner("b", 2)})
	if got := strings.Join(order, " "); got != "a b b a a" {
		t.Errorf("ran %s", got)
	}
	if len(all[0].samples) != 3 || all[0].err != nil || all[1].err == nil {
		t.Errorf("got %+v", all)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		walls []int
		want  float64
	}{{nil, 0}, {[]int{7}, 7}, {[]int{9, 1, 2}, 2}, {[]int{4, 1, 3, 9}, 3.5}} {
		var samples []sample
		for _, w := range c.walls {
			samples = append(samples, sample{peak: int64(w)})
		}
		if got := median(samples, func(s sample) float64 { return float64(s.peak) }); got != c.want {
			t.Errorf("median of %v: got %v, want %v", c.walls, got, c.want)
		}
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		subject, other float64
		limit          *limit
		verdict        string
	}{
		{5, 10, nil, "-"},
		{5, 10, &limit{Of: ofRatio, Value: 0.5}, "ok"},
		{6, 10, &limit{Of: ofRatio, Value: 0.5}, "over"},
		{10, 7, &limit{Of: ofSpeed, Least: true, Value: 0.65}, "ok"},
		{10, 6, &limit{Of: ofSpeed, Least: true, Value: 0.65}, "over"},
		{99, 0, &limit{Of: ofFigure, Value: 100}, "ok"},
		{101, 0, &limit{Of: ofFigure, Value: 100}, "over"},
		{13, 2, &limit{Of: ofSurplus, Value: 12}, "ok"},
		{15, 2, &limit{Of: ofSurplus, Value: 12}, "over"},
	} {
		if got := (row{Subject: c.subject, Other: c.other, Limit: c.limit}).judge().Verdict; got != c.verdict {
			t.Errorf("%v beside %v under %+v: got %s, want %s", c.subject, c.other, c.limit, got, c.verdict)
		}
	}
}

func TestALimitWithinTheSpreadIsUndecided(t *testing.T) {
	times := func(name string, seconds ...int) series {
		s := series{name: name}
		for _, n := range seconds {
			s.samples = append(s.samples, sample{wall: time.Duration(n) * time.Second})
		}
		return s
	}
	for _, c := range []struct {
		subject, peer series
		limit         limit
		verdict       string
	}{
		{times("calyx", 10, 10, 10), times("p", 10, 10, 10), limit{Of: ofRatio, Value: 1.15}, "ok"},
		{times("calyx", 9, 10, 13), times("p", 10, 10, 10), limit{Of: ofRatio, Value: 1.15}, "ok, undecided"},
		{times("calyx", 10, 13, 13), times("p", 10, 10, 10), limit{Of: ofRatio, Value: 1.15}, "over, undecided"},
		{times("calyx", 12, 13, 14), times("p", 10, 10, 10), limit{Of: ofRatio, Value: 1.15}, "over"},
		{times("calyx", 10, 20, 10), times("p", 10, 10, 10), limit{Of: ofSpeed, Least: true, Value: 0.65}, "ok, undecided"},
	} {
		rows := compare("w", "s", []series{c.subject, c.peer}, nil, series.seconds, map[string]limit{"p": c.limit})
		if rows[0].Verdict != c.verdict {
			t.Errorf("%v: got %q, want %q", c.subject.samples, rows[0].Verdict, c.verdict)
		}
	}
}

func TestLimitsHoldAtTheSizeTheyWereSetFor(t *testing.T) {
	l := limit{Of: ofRatio, Value: 1.15}
	if got := l.only(10_000, 10_000).against("ninja"); got["ninja"] != l {
		t.Errorf("at its size: got %v", got)
	}
	if got := l.only(10, 10_000).against("ninja"); len(got) != 0 {
		t.Errorf("at another size: got %v", got)
	}
}

func TestTableShowsAFailureOnOneLine(t *testing.T) {
	var b bytes.Buffer
	rows := []row{
		{Work: "w", Unit: "ms", Subject: 5, Peer: "ninja", Other: 10, Limit: &limit{Of: ofRatio, Value: 1.2}},
		row{Work: "w", Peer: "make"}.orFailed(series{name: "make", err: errors.New("two\nlines")}),
	}
	rows[0] = rows[0].judge()
	if err := writeTable(&b, rows); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], "≤ 1.2") || !strings.HasSuffix(lines[1], "ok") ||
		!strings.Contains(lines[2], "make failed: two lines") {
		t.Errorf("got:\n%s", b.String())
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-sizes 1k,2000 -rows noop,edit", ""},
		{"-quick", ""},
		{"-sizes 15", `"15" is not a multiple of 10`},
		{"-sizes x", `"x" is not a multiple`},
		{"-sizes -10", `"-10" is not a multiple`},
		{"-rows nop", `unknown "nop"`},
		{"-runs 0", "not a number of runs"},
		{"extra", `unknown argument "extra"`},
	} {
		_, err := parse(strings.Fields(c.args))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.args, err, c.want)
		}
	}
}

func TestQuickMeansSmallerSizes(t *testing.T) {
	o, err := parse([]string{"-quick"})
	if err != nil {
		t.Fatal(err)
	}
	if len(o.sizes) != 2 || o.sizes[1] != 10_000 || o.runs != 3 {
		t.Errorf("got sizes %v, %d runs", o.sizes, o.runs)
	}
}
