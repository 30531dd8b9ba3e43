package depfile_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/calyx-build/calyx/executor/depfile"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"one", "x.o: x.c\n", []string{"x.c"}},
		{"no end of line", "x.o: x.c", []string{"x.c"}},
		{"several", "x.o: x.c  a.h\tb.h\n", []string{"x.c", "a.h", "b.h"}},
		{"no blank", "x.o:x.c\n", []string{"x.c"}},
		{"over lines", "x.o: x.c \\\n  a.h \\\n b.h\n", []string{"x.c", "a.h", "b.h"}},
		{"over lines of Windows", "x.o: x.c \\\r\n  a.h\r\n", []string{"x.c", "a.h"}},
		{"a blank follows a line", "x.o: x.c\\\na.h\n", []string{"x.c", "a.h"}},
		{"several targets", "x.o x.d: x.c\n", []string{"x.c"}},
		{"several rules", "x.o: x.c a.h\ny.o: y.c a.h\n", []string{"x.c", "a.h", "y.c"}},
		{"gcc -MP", "x.o: x.c a.h\n\na.h:\n", []string{"x.c", "a.h"}},
		{"spaces", `x.o: my\ file.c`, []string{"my file.c"}},
		{"a backslash before a space", `x.o: a\\ b`, []string{`a\`, "b"}},
		{"a backslash and a space", `x.o: a\\\ b`, []string{`a\ b`}},
		{"a backslash alone", `x.o: a\b c\\d`, []string{`a\b`, `c\\d`}},
		{"a hash", `x.o: a\#b # not this`, []string{"a#b"}},
		{"a dollar", "x.o: a$$b $c", []string{"a$b", "$c"}},
		{"a colon in a target", `a\:b: c:d`, []string{"c:d"}},
		{"comments", "# x\nx.o: x.c\n# y", []string{"x.c"}},
	} {
		got, err := depfile.Parse([]byte(tt.text))
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"x.o x.c\n":          "line 1: there is no colon",
		"x.o: x.c\n\n: y.c":  "line 3: there is no target",
		"a: \\\n b\n\nhello": "line 4: there is no colon",
	} {
		if got, err := depfile.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

// TestEscapedNamesComeBack writes names as compilers do and reads them.
func TestEscapedNamesComeBack(t *testing.T) {
	escape := strings.NewReplacer(" ", `\ `, "#", `\#`, "$", "$$")
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zA-Z0-9_./ #$é-]*[a-z]`), 1, 8, rapid.ID[string]).Draw(t, "names")
		text := "out.o:"
		for _, n := range names {
			text += rapid.SampledFrom([]string{" ", " \\\n", "\t"}).Draw(t, "blank") + escape.Replace(n)
		}
		got, err := depfile.Parse([]byte(text + "\n"))
		if err != nil || !slices.Equal(got, names) {
			t.Errorf("%q gives %q, %v, want %q", text, got, err, names)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"x.o: x.c \\\n a.h\n", `a\\\ b: c\#`, "a: b $$ # c\r\n: d", "\\", "\\\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := depfile.Parse(data)
		if err != nil && all != nil {
			t.Errorf("%q gives both %q and %v", data, all, err)
		}
		seen := map[string]bool{}
		for _, name := range all {
			if name == "" || seen[name] || strings.Contains(name, "\n") {
				t.Errorf("%q gives %q", data, all)
			}
			seen[name] = true
		}
	})
}
