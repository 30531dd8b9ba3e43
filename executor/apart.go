package executor

import (
	"strings"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/hashing"
)

// easilySeen is the length in bytes up to which two texts are told apart at a glance.
const easilySeen = 60

// apart shows what is different about a part of a key, before and now: of long dictionaries the first entry that differs,
// of long texts what follows the beginning that they share, and digests where only parts are known and these are alike.
func apart(before, now trace.Component) (was, is string) {
	was, is = shown(before), shown(now)
	switch {
	case was == is:
		return before.Text, now.Text
	case max(len(was), len(is)) <= easilySeen || before.Kind == "" || now.Kind == "":
		return was, is
	}
	if a, b, ok := entriesApart(was, is); ok {
		return a, b
	}
	return behindPrefix(was, is)
}

// entriesApart finds the first entry in which two dictionaries in JSON differ, and shows it by its path.
func entriesApart(before, now string) (was, is string, ok bool) {
	a, errA := graph.ParseJSON([]byte(before))
	b, errB := graph.ParseJSON([]byte(now))
	if errA != nil || errB != nil {
		return "", "", false
	}
	path, a, b := descend(nil, a, b)
	if len(path) == 0 {
		return "", "", false
	}
	return entryText(path, a), entryText(path, b), true
}

// missing stands for an entry that a dictionary does not have.
type missing struct{}

// descend follows the first difference into nested dictionaries.
func descend(path []string, a, b any) ([]string, any, any) {
	x, isMap := a.(hashing.Map)
	y, both := b.(hashing.Map)
	if !isMap || !both {
		return path, a, b
	}
	for _, m := range []hashing.Map{x, y} {
		for _, entry := range m {
			if p, q := lookIn(x, entry.Key), lookIn(y, entry.Key); !sameJSON(p, q) {
				return descend(append(path, entry.Key), p, q)
			}
		}
	}
	return path, a, b
}

func lookIn(m hashing.Map, key string) any {
	for _, entry := range m {
		if entry.Key == key {
			return entry.Value
		}
	}
	return missing{}
}

func sameJSON(a, b any) bool {
	if a == (missing{}) || b == (missing{}) {
		return a == b
	}
	x, errX := graph.JSON(a)
	y, errY := graph.JSON(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

func entryText(path []string, v any) string {
	name := strings.Join(path, ".")
	if v == (missing{}) {
		return "no " + name
	}
	text, err := graph.JSON(v)
	if err != nil {
		return name
	}
	return name + " = " + string(text)
}

// sharedShown is how much of a common beginning is shown, in bytes.
const sharedShown = 16

// behindPrefix leaves most of a long common beginning out.
func behindPrefix(a, b string) (was, is string) {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if n < easilySeen/2 {
		return a, b
	}
	cut := n - sharedShown
	for cut > 0 && a[cut]&0xC0 == 0x80 { // not within a character
		cut--
	}
	return "…" + a[cut:], "…" + b[cut:]
}
