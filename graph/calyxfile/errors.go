package calyxfile

import (
	"cmp"
	"fmt"
	"slices"
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

	from string // from where the file was called that Pos is in, if that is not the Calyxfile: the end of the text
}

// Error returns the place and the message, in one line unless the message holds several.
func (e Error) Error() string {
	if e.Pos.Line == 0 {
		return e.Pos.File + ": " + e.Msg + e.from
	}
	return e.Pos.String() + ": " + e.Msg + e.from
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

// How many errors are told and looked for: a loop can make a mistake a hundred thousand times.
const (
	maxErrors  = 100    // are told
	maxAtPlace = 3      // calls at one place have theirs told; those of the others there are counted
	maxCounted = 10_000 // end an evaluation
)

// report collects errors during an evaluation.
type report struct {
	list   Errors
	seen   map[Error]bool
	places map[errorPlace]*placeErrors
}

// errorPlace is what the user has to look at for an error.
type errorPlace struct {
	pos  graph.Pos
	from string
}

func (e Error) place() errorPlace { return errorPlace{e.Pos, e.from} }

// placeErrors is what is told of one place.
type placeErrors struct {
	calls []int // whose errors are told
	more  int   // how many errors there are beside those
}

// maxMessage is how many bytes of a message are kept: fail() takes any text.
const maxMessage = 4 << 10

// add reports an error that belongs to no call.
func (r *report) add(e Error) { r.addOf(0, e) }

// addOf reports an error of a call, which has a number. All errors of a call are told if one is.
func (r *report) addOf(call int, e Error) {
	if len(e.Msg) > maxMessage {
		e.Msg = strings.ToValidUTF8(e.Msg[:maxMessage], "") + "…"
	}
	if r.seen[e] || r.full() {
		return
	}
	if r.seen == nil {
		r.seen, r.places = map[Error]bool{}, map[errorPlace]*placeErrors{}
	}
	r.seen[e] = true
	p := r.places[e.place()]
	if p == nil {
		p = &placeErrors{}
		r.places[e.place()] = p
	}
	switch {
	case call != 0 && slices.Contains(p.calls, call):
	case len(p.calls) < maxAtPlace:
		p.calls = append(p.calls, call)
	default:
		p.more++
		return
	}
	r.list = append(r.list, e)
}

func (r *report) failed() bool { return len(r.list) > 0 }

// full reports whether there is no point in looking for more errors.
func (r *report) full() bool { return len(r.list) >= maxErrors || len(r.seen) >= maxCounted }

// sorted returns all errors by file, line, column and text, those of a place followed by how many more there are at it.
func (r *report) sorted() Errors {
	slices.SortFunc(r.list, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col), cmp.Compare(a.from, b.from), cmp.Compare(a.Msg, b.Msg))
	})
	all := make(Errors, 0, len(r.list)+1)
	for i, e := range r.list {
		all = append(all, e)
		last := i+1 == len(r.list) || r.list[i+1].place() != e.place()
		if more := r.places[e.place()].more; last && more > 0 {
			all = append(all, Error{Pos: e.Pos, Msg: fmt.Sprintf("… and %d more at this place", more), Plugin: e.Plugin, from: e.from})
		}
	}
	if r.full() {
		all = append(all, Error{Pos: graph.Pos{File: all[0].Pos.File}, Msg: "there are too many errors; what follows was not looked at"})
	}
	return all
}

// nearest is the end of a message about an unknown word.
func nearest(word string, known []string) string {
	sort.Strings(known)
	if n := graph.Nearest(word, known); n != "" {
		return fmt.Sprintf(" (did you mean %q?)", n)
	}
	return ""
}
