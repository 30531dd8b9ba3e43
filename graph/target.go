package graph

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Target is what the user asks for: a node or an output path (Name and Args), perhaps one output or element of it,
// perhaps as it was in a past run.
type Target struct {
	Name    string // a node's name, an output path, or (Pattern) a glob over both
	Args    []NamedLiteral
	Output  string // of name:OUTPUT and name["OUTPUT"]; empty: the whole value
	Element *int   // of name[3]
	Pattern bool
	Run     string // of @RUN: an id, or -1 for the run before; empty: now
}

// runPattern is what may follow the last @: something that no file name with an extension or folder looks like.
var runPattern = regexp.MustCompile(`@(-?[0-9]+|[A-Za-z0-9_-]+)$`)

// ParseTarget reads a TARGET of the command line: name, name(x=1), an output path, name:OUTPUT, name["OUTPUT"], name[3]
// or a pattern, each perhaps with @RUN. What is no name is taken for a path. Errors wrap ErrSpelling.
func ParseTarget(text string) (Target, error) {
	var t Target
	rest := text
	if at := runPattern.FindStringIndex(text); at != nil && at[0] > 0 {
		rest, t.Run = text[:at[0]], text[at[0]+1:]
	}
	p := parser{text: rest}
	if rest == "" {
		return Target{}, p.fail("want a target")
	}
	name := p.word()
	switch next := p.peek(); {
	case ValidName(name) && next == ':' && p.at+1 < len(rest):
		t.Name, t.Output = name, rest[p.at+1:]
		return t, nil
	case ValidName(name) && (next == '(' || next == '[' && isIndex(rest[p.at:])):
		p.at = 0
		// The names of a matrix's nodes are matched with their arguments: what is none may be a part of one.
		if err := p.target(&t); err == nil || !strings.ContainsAny(rest, "*?") {
			return t, err
		}
		t = Target{Run: t.Run}
	}
	t.Name, t.Pattern = rest, strings.ContainsAny(rest, "*?[")
	return t, nil
}

// MatchesName reports whether a pattern matches a node's name. The slashes in a name, which are those of a matrix's arguments, end
// no folder.
func MatchesName(pattern, name string) bool {
	return doublestar.MatchUnvalidated(slashless(pattern), slashless(name))
}

func slashless(text string) string { return strings.ReplaceAll(text, "/", "\x00") }

// isIndex tells name[3] and name["x"] from the pattern name[ab].
func isIndex(s string) bool {
	return strings.HasPrefix(s, `["`) || indexPattern.MatchString(s)
}

var indexPattern = regexp.MustCompile(`^\[ *-?[0-9]+ *\]$`)

// target reads name(args)[part].
func (p *parser) target(t *Target) error {
	var err error
	if t.Name, t.Args, err = p.spelling(); err == nil && p.take('[') {
		err = p.part(t)
	} else if err == nil && p.take(':') {
		t.Output, p.at = p.text[p.at:], len(p.text)
	}
	if err == nil && p.at < len(p.text) {
		err = p.fail("unexpected %q", p.text[p.at:])
	}
	return err
}

// part reads what stands in name["OUTPUT"] or name[3], and the bracket that closes it.
func (p *parser) part(t *Target) error {
	var err error
	if p.next() == '"' {
		t.Output, err = p.quoted()
	} else {
		n, bad := strconv.Atoi(p.word())
		if bad != nil {
			return p.fail("want the number of an element, or an output in double quotes")
		}
		t.Element = &n
	}
	if err != nil {
		return err
	}
	return p.expect(']')
}

// String writes the target in the form that ParseTarget reads.
func (t Target) String() string {
	s := Spell(t.Name, t.Args)
	if t.Output != "" {
		s += "[" + strconv.Quote(t.Output) + "]"
	}
	if t.Element != nil {
		s += "[" + strconv.Itoa(*t.Element) + "]"
	}
	if t.Run != "" {
		s += "@" + t.Run
	}
	return s
}
