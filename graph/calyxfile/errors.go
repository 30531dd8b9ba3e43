package calyxfile

import (
	"cmp"
	"fmt"
	"sort"
	"strings"

	"github.com/calyx-build/calyx/graph"
)

// Error is one thing that is wrong with a Calyxfile, at its place.
type Error struct {
	Pos  graph.Pos // Line is 0 where the file as a whole is meant
	Msg  string
	Hint string // what to do instead, where calyx knows; empty else
	// Plugin is true where the Calyxfile is right, and a plugin that it uses could not be described.
	Plugin bool
}

// Error returns the place and the message, in one line unless the message holds several.
func (e Error) Error() string {
	if e.Pos.Line == 0 {
		return e.Pos.File + ": " + e.Msg
	}
	return e.Pos.String() + ": " + e.Msg
}

// Errors is everything that is wrong with a Calyxfile as far as one evaluation could see, in the order of the lines.
type Errors []Error

// Error returns one line for each error.
func (l Errors) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// maxErrors is how many errors end an evaluation; a loop can make a mistake a hundred thousand times.
const maxErrors = 100

// report collects errors during an evaluation.
type report struct {
	list Errors
	seen map[Error]bool
}

// maxMessage is how many bytes of a message are kept: fail() takes any text.
const maxMessage = 4 << 10

func (r *report) add(e Error) {
	if len(e.Msg) > maxMessage {
		e.Msg = strings.ToValidUTF8(e.Msg[:maxMessage], "") + "…"
	}
	if r.seen[e] || r.full() {
		return
	}
	if r.seen == nil {
		r.seen = map[Error]bool{}
	}
	r.seen[e] = true
	r.list = append(r.list, e)
}

func (r *report) failed() bool { return len(r.list) > 0 }

// full reports whether there is no point in looking for more errors.
func (r *report) full() bool { return len(r.list) >= maxErrors }

// sorted returns all errors by file, line, column and text.
func (r *report) sorted() Errors {
	sort.Slice(r.list, func(i, j int) bool {
		a, b := r.list[i], r.list[j]
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col), cmp.Compare(a.Msg, b.Msg)) < 0
	})
	if r.full() {
		r.list = append(r.list, Error{Pos: graph.Pos{File: r.list[0].Pos.File}, Msg: "there are too many errors; what follows was not looked at"})
	}
	return r.list
}

// nearest is the end of a message about an unknown word.
func nearest(word string, known []string) string {
	sort.Strings(known)
	if n := graph.Nearest(word, known); n != "" {
		return fmt.Sprintf(" (did you mean %q?)", n)
	}
	return ""
}
