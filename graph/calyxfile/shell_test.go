package calyxfile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/graph"
)

// shellStep declares a step with a line, beside the nodes raw (a source) and made (whose output is gen/made.txt).
func shellStep(t *testing.T, line, more string) *graph.Step {
	t.Helper()
	d := fixture().must(t, fmt.Sprintf(`
raw = stored("raw", path = "data/raw.csv")
made = step("made", sh = "x > {out}", outs = ["gen/made.txt"])
step("s", sh = %q %s)
`, line, more))
	return lastStep(d)
}

// TestTemplates shows what lines become; <x> is a reference and out(x) an output.
func TestTemplates(t *testing.T) {
	for line, want := range map[string]string{
		"sort {raw}|uniq":             `"sort " <raw> "|uniq"`,
		"{raw}{made}":                 `<raw> <made>`,
		"awk '{print}' {raw}":         `"awk '{print}' " <raw>`,
		"awk \"{print}\"":             `"awk \"{print}\""`,
		"echo ${raw} ${raw}x":         `"echo ${raw} ${raw}x"`,
		"{ raw; } {} {1} {a,b}":       `"{ raw; } {} {1} {a,b}"`,
		"a\\{raw}":                    `"a\\{raw}"`,
		"echo \"$(cat {raw})\"":       `"echo \"$(cat " <raw> ")\""`,
		"echo \"`cat {raw}`\" {made}": "\"echo \\\"`cat \" <raw> \"`\\\" \" <made>",
		"(cd x; cat {raw}) # don't":   `"(cd x; cat " <raw> ") # don't"`,
		"x#'{print}' {raw}":           `"x#'{print}' " <raw>`,
		"cp {raw} {out}":              `"cp " <raw> " " out(o/a b)`,
		"cp {raw} {outs}":             `"cp " <raw> " " outs()`,
		"{str} {num} {yes} {big}":     `"'it'\\''s' 0.001 true 1000000"`,
		"{empty} {list} {nolist}":     `"'' 'a b' 1 "`,
		"{nodes}":                     `<raw> " x " <made>`,
		"{dict}":                      `{"k":[1]}`,
		"{deep}":                      `[[1]]`,
		"{text}":                      `concat("v=" <raw>)`,
	} {
		s := shellStep(t, line, `, outs = ["o/a b"], args = dict(
    str = "it's", num = 0.001, yes = True, big = 1e6, empty = "", list = ["a b", 1], nolist = [], nodes = [raw, "x", made],
    dict = {"k": [1]}, deep = [[1]], text = "v=%s" % raw)`)
		if got := showAll(s.Shell.Items); got != want {
			t.Errorf("%s became\n%s, want\n%s", line, got, want)
		}
	}
}

// TestShellWords shows which words of a line count as files.
func TestShellWords(t *testing.T) {
	for line, want := range map[string]string{
		"sort a.txt -o b.txt":                       "a.txt b.txt",
		"./tool x | ../tool y; sub/tool z":          "tool x y sub/tool z",
		"sort --data=a.txt --flag=-x k=v":           "a.txt v k=v",
		"FOO=a.txt BAR=1 sort b":                    "a.txt FOO=a.txt 1 BAR=1 b",
		"sort <in.txt >out.txt 2>err.txt 3<x":       "in.txt x",
		"sort >>log.txt 2>&1 a":                     "a",
		"sort a&sort b && sort c || sort d":         "a b c d",
		"cat 'my file' \"other file\" an\\ escaped": "my file|other file|an escaped",
		"cat $x ${y} $(cat z) `cat w` \"$v/a\" a$v": "z w",
		"cat *.txt a? [ab] ~/x x~":                  "x~",
		"if test -f a; then cat b; fi":              "a b",
		"for f in a b; do cat c; done":              "f in a b c",
		"cat a # not b\ncat c":                      "a c",
		"cat a\\\nb":                                "ab",
		"cat {raw} x{raw} {made}/y":                 "",
		"cat gen/made.txt ./gen/made.txt/part":      "",
		"cat /etc/hosts /ws/in.txt ../x . .calyx/a": "in.txt",
		"cat \"a": "a",
		"cat 'a":  "a",
		"cat a\\": "a",
	} {
		s := shellStep(t, line, "")
		sep := " "
		if strings.Contains(want, "|") {
			sep = "|"
		}
		if got := strings.Join(s.Words, sep); got != want {
			t.Errorf("%s has the words %s, want %s", line, got, want)
		}
		if made := strings.Contains(line, "made.txt"); made != (len(s.Deps) == 1) {
			t.Errorf("%s has the deps %s", line, showField(s.Deps))
		}
	}
}
