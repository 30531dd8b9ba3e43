package console_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
)

func TestLineShowsWhatWouldMoveTheTerminal(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                 "plain",
		"naïve 日本 🙂":            "naïve 日本 🙂",
		"two\nlines\t.":         `two\nlines\t.`,
		"\x1b[2J\x1b]0;title\a": "^[[2J^[]0;title^G",
		"\xff\xfe":              `\xff\xfe`,
		"a\u009bb\u202ec\x7f":   `a\u009bb\u202ec^?`,
		"":                      "",
		"\x00\r":                "^@^M",
	} {
		if got := console.Line(text); got != want {
			t.Errorf("Line(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestLinesKeepsColoursAndTheLastStateOfALine(t *testing.T) {
	tests := []struct {
		text    string
		colours bool
		want    []string
	}{
		{"", true, nil},
		{"a\n\nb\n", false, []string{"a", "", "b"}},
		{"10%\r50%\r100%\r\ndone\r", false, []string{"100%", "done"}},
		{"\x1b[31mred\x1b[0m", false, []string{"red"}},
		{"\x1b[31mred", true, []string{"\x1b[31mred\x1b[0m"}},
		{"\x1b[31m\x1b[2Jred", true, []string{"\x1b[31m^[[2Jred\x1b[0m"}},
		{"a\tb\n日\tb", false, []string{"a       b", "日      b"}},
		{"\xff", true, []string{`\xff`}},
	}
	for _, tt := range tests {
		got := console.Lines(tt.text, tt.colours)
		if strings.Join(got, "\n") != strings.Join(tt.want, "\n") || len(got) != len(tt.want) {
			t.Errorf("Lines(%q, %v) = %q, want %q", tt.text, tt.colours, got, tt.want)
		}
	}
}

// Whatever a program prints, a line of it is valid UTF-8 without a control character.
func TestNothingGetsThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		for _, line := range append(console.Lines(text, false), console.Line(text)) {
			if !utf8.ValidString(line) {
				t.Fatalf("%q is not UTF-8", line)
			}
			for _, r := range line {
				if r < ' ' || r >= 0x7f && r < 0xa0 {
					t.Fatalf("%q holds %U", line, r)
				}
			}
		}
	})
}

func TestTruncateCountsCells(t *testing.T) {
	tests := []struct {
		text  string
		width int
		want  string
	}{
		{"short", 5, "short"},
		{"longer", 5, "long…"},
		{"日本語", 6, "日本語"},
		{"日本語", 5, "日本…"},
		{"日本語", 4, "日…"},
		{"x", 0, ""},
		{"\x1b[31mred\x1b[0m", 3, "\x1b[31mred\x1b[0m"},
	}
	for _, tt := range tests {
		if got := console.Truncate(tt.text, tt.width); got != tt.want {
			t.Errorf("Truncate(%q, %d) = %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}

func TestNameCutsWhatFillsScreens(t *testing.T) {
	if got := console.Name("f(x=\"a\nb\")"); got != `f(x="a\nb")` {
		t.Errorf("a short name is shown as %q", got)
	}
	if got := console.Name(strings.Repeat("x", 5000)); console.Width(got) > 1000 || !strings.HasSuffix(got, "…") {
		t.Errorf("a long name takes %d cells", console.Width(got))
	}
}

func TestTruncatedTextFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := console.Line(rapid.String().Draw(t, "text"))
		width := rapid.IntRange(0, 40).Draw(t, "width")
		if got := console.Width(console.Truncate(text, width)); got > width {
			t.Fatalf("Truncate(%q, %d) takes %d cells", text, width, got)
		}
	})
}

func TestSeconds(t *testing.T) {
	for s, want := range map[float64]string{
		0: "0ms", 0.00042: "0.4ms", 0.0042: "4.2ms", 0.02: "20ms", 0.85: "850ms", 0.9996: "1s", 1.2: "1.2s", 1: "1s",
		59.96: "1m00s", 184: "3m04s", 7620: "2h07m", 3*86400 + 4*3600: "3d04h", -1: "?",
	} {
		if got := console.Seconds(s); got != want {
			t.Errorf("Seconds(%v) = %q, want %q", s, got, want)
		}
	}
}

func TestSizeCountPercent(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 1540: "1.5 kB", 20e6: "20 MB", 999_600: "1.0 MB", 3e9: "3.0 GB"} {
		if got := console.Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int]string{0: "0 steps", 1: "1 step", 2: "2 steps"} {
		if got := console.Count(n, "step"); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
	if got := console.Count(2, "dependency"); got != "2 dependencies" {
		t.Errorf("Count of dependency = %q", got)
	}
	if got := console.Percent(0.625); got != "62%" {
		t.Errorf("Percent = %q", got)
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "just now", 12 * time.Second: "12s ago", 3 * time.Minute: "3m ago", 47 * time.Hour: "47h ago", 80 * time.Hour: "3d ago",
	} {
		if got := console.Ago(now.Add(-d), now); got != want {
			t.Errorf("Ago(%v) = %q, want %q", d, got, want)
		}
	}
	if got := console.Ago(time.Time{}, now); got != "never" {
		t.Errorf("Ago of no time = %q", got)
	}
}

func TestTableAligns(t *testing.T) {
	table := console.NewTable("NODE", ">TIME", "WHY")
	table.Row("日本", "1.2s", "lr changed")
	table.Row("a", "850ms")
	want := "NODE   TIME  WHY\n日本   1.2s  lr changed\na     850ms\n"
	if got := table.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWantColours(t *testing.T) {
	tests := []struct {
		mode     string
		terminal bool
		env      map[string]string
		want     bool
	}{
		{"auto", true, nil, true},
		{"auto", false, nil, false},
		{"auto", true, map[string]string{"NO_COLOR": "1"}, false},
		{"auto", true, map[string]string{"TERM": "dumb"}, false},
		{"always", false, map[string]string{"NO_COLOR": "1"}, true},
		{"never", true, nil, false},
	}
	for _, tt := range tests {
		if got := console.WantColours(tt.mode, tt.terminal, func(k string) string { return tt.env[k] }); got != tt.want {
			t.Errorf("WantColours(%q, %v, %v) = %v", tt.mode, tt.terminal, tt.env, got)
		}
	}
}
