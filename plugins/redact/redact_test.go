package redact_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/plugins/redact"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"nothing", "nothing"},
		{"a token=abc123 b", "a token=*** b"},
		{"abc123abc123", "******"},
		{"abc12", "abc12"},
		{"abc123456", "***"}, // the longer secret, whole
		{"abc12345", "***45"},
		{"abcabc123", "abc***"},
	} {
		if got := redact.Text(c.text, []string{"", "a", "abc123", "abc123456"}); got != c.want {
			t.Errorf("Text(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

// However a text is cut into pieces, what comes out is the same, and holds no secret.
func TestPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 0, 60, -1)
		secrets := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 4, 8, -1), 0, 3).Draw(t, "secrets")
		text := letters.Draw(t, "text")
		whole := redact.Text(text, secrets)
		for _, s := range secrets {
			if strings.Contains(whole, s) {
				t.Fatalf("%q is left in %q", s, whole)
			}
		}
		r := redact.New(secrets)
		var got []byte
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			got = append(got, r.Next([]byte(rest[:n]))...)
			rest = rest[n:]
		}
		got = append(got, r.Rest()...)
		if string(got) != whole {
			t.Fatalf("in pieces %q, at once %q", got, whole)
		}
	})
}
