// Package ahead answers a `calyx build` that has nothing to do before the program is set up.
//
// The store, the protocol of plugins and their libraries take milliseconds to initialise, which is most of the time that such a
// build takes, and it needs none of them. Go initialises a package as soon as all that it imports is, those with
// smaller paths first; so this one, which imports little, comes early, and looks at the last build's snapshot. If nothing moved,
// that is the answer, and the process ends. If something did, or if the command line says more than is understood
// here, the program goes on as if nobody had asked, and the engine takes what the look finds (Take).
//
// What this package and those that it imports import decides when it runs: a library that takes long to initialise does not
// belong here.
package ahead

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/cmd/calyx/internal/place"
	"github.com/calyx-build/calyx/cmd/calyx/internal/release"
	"github.com/calyx-build/calyx/executor/still"
	"github.com/calyx-build/calyx/graph/state"
	"github.com/calyx-build/calyx/hashing"
	"github.com/calyx-build/calyx/hashing/cores"
	"github.com/calyx-build/calyx/reports/idle"
)

// begun is the look that this process began ahead; nil: none.
var begun *look

func init() {
	if begun = begin(os.Args[1:], os.Environ()); begun == nil {
		return
	}
	select {
	case <-begun.done:
		begun.answer()
	case <-begun.moved: // what else did is seen while the program is set up
	}
}

// look is one that is under way.
type look struct {
	question *still.Question
	line     line
	began    time.Time
	memo     *hashing.Memo
	moved    chan struct{} // closed as soon as something is seen to have moved
	done     chan struct{} // closed when found is there
	found    still.Look
}

// begin starts a look where the command line is that of a plain build.
func begin(args, environ []string) *look {
	began := time.Now()
	line, ok := parse(args)
	if !ok || slices.ContainsFunc(environ, saysFlag) {
		return nil
	}
	q, ok := question(line.targets)
	if !ok {
		return nil
	}
	l := &look{
		question: q, line: line, began: began, moved: make(chan struct{}), done: make(chan struct{}),
		memo: hashing.NewMemo(func() int64 { return time.Now().UnixNano() }),
	}
	go func() {
		l.found = still.Ask(context.Background(), q, l.memo, func() { close(l.moved) })
		close(l.done)
	}()
	return l
}

// saysFlag reports whether a variable of the environment stands for a flag.
func saysFlag(entry string) bool { return strings.HasPrefix(entry, "CALYX_") }

// question is what a build of the targets in the working directory asks.
func question(targets []string) (*still.Question, bool) {
	cwd, err := place.WorkingDirectory()
	if err != nil {
		return nil, false
	}
	p, ok := place.Above(cwd)
	if !ok || p.Below != "" && len(targets) > 0 { // they may be paths from there
		return nil, false
	}
	return &still.Question{
		Root: p.Root, Calyxfile: p.Calyxfile, Instance: place.MainInstance, CacheDir: place.Cache(cwd, p.Root, ""),
		Version: release.Text(), Targets: targets, Lookup: os.LookupEnv,
		Stored: func(backend string) (map[string]any, error) { return state.Values(backend, p.Root, place.MainInstance) },
	}, true
}

// answer ends the process where there is nothing to do.
func (l *look) answer() {
	now := time.Now()
	if !l.found.NothingMoved(now) {
		return
	}
	l.found.Keep(l.question)
	host, _ := os.Hostname() // shown to people; empty where there is none
	// Where it cannot be noted, nothing is lost that a build needs.
	_ = idle.Note(l.question.Root, idle.Run{
		Run: trace.NewRunID(l.began), Instance: l.question.Instance, Started: l.began, Ended: now, Targets: l.line.targets,
		Jobs: cmp.Or(l.line.jobs, cores.Count()), Version: l.question.Version, Command: os.Args, Host: host, Fresh: l.found.Note.Fresh,
	})
	if !l.line.quiet {
		_, _ = fmt.Fprintln(os.Stderr, console.NothingToDo(l.found.Note.Fresh, now.Sub(l.began).Seconds()))
	}
	os.Exit(0)
}

// Take returns what the look found that was begun ahead, and the memory of what it read; ok is false where none was, or for another
// question. It calls moved as still.Ask does. It is called at most once.
func Take(q *still.Question, moved func()) (found still.Look, memo *hashing.Memo, ok bool) {
	l := begun
	if l == nil || q.File() != l.question.File() || q.Binding() != l.question.Binding() {
		return still.Look{}, nil, false
	}
	select {
	case <-l.moved:
		moved()
		<-l.done
	case <-l.done:
	}
	return l.found, l.memo, true
}

// line is a command line that is understood here.
type line struct {
	targets []string
	jobs    int // 0: one per core
	quiet   bool
}

// parse understands the plainest builds: targets, and flags that change nothing about one that has nothing to do.
func parse(args []string) (l line, ok bool) {
	if len(args) == 0 || args[0] != "build" {
		return l, false
	}
	for rest := args[1:]; len(rest) > 0; rest = rest[1:] {
		switch word := rest[0]; {
		case word == "-q" || word == "--quiet":
			l.quiet = true
		case word == "-k" || word == "--keep-going":
		case word == "-j" || word == "--jobs":
			if len(rest) < 2 {
				return l, false
			}
			n, err := strconv.Atoi(rest[1])
			if err != nil || n < 0 {
				return l, false
			}
			l.jobs, rest = n, rest[1:]
		case word == "--progress":
			if len(rest) < 2 || rest[1] != "none" && rest[1] != "plain" {
				return l, false
			}
			rest = rest[1:]
		case word == "" || word[0] == '-' || strings.Contains(word, "@"): // of a past run
			return l, false
		default:
			l.targets = append(l.targets, word)
		}
	}
	return l, true
}
