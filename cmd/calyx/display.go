package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/calyx-build/calyx/cmd/calyx/internal/progress"
	"github.com/calyx-build/calyx/cmd/calyx/internal/release"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/reports"
)

var progressModes = []string{"auto", "tty", "plain", "none"}

// display shows a build as it runs.
type display struct {
	mode   string // one of progressModes, not auto
	events bool   // JSON on standard output
	detail progress.Detail
}

// display decides how a build is shown. JSON takes the place of progress, unless progress was asked for.
func (b *buildFlags) display(a *app, asJSON bool) display {
	d := display{mode: b.progress, events: asJSON, detail: progress.Detail{Why: b.why, Verbose: a.global.verbose, Quiet: a.global.quiet}}
	if d.mode != "auto" {
		return d
	}
	switch {
	case asJSON:
		d.mode = "none"
	case !a.global.quiet && isTerminal(a.stderr) && a.getenv("TERM") != "dumb":
		d.mode = "tty"
	default:
		d.mode = "plain"
	}
	return d
}

// observers hands each event to several, in order.
type observers []executor.Observer

// Event tells each of them.
func (list observers) Event(e executor.Event) {
	for _, o := range list {
		o.Event(e)
	}
}

// built is how a build went, and which nodes failed in it.
type built struct {
	executor.Summary
	failed failures
}

// failures collects the nodes that failed: steps, and inputs that have no value.
type failures struct {
	steps, inputs []string
	declared      bool // the Calyxfile is wrong
	refused       bool // the first of the steps may not run
}

// Event notes a failure.
func (f *failures) Event(e executor.Event) {
	done, ok := e.(executor.NodeDone)
	switch {
	case !ok || done.Outcome != executor.Failed:
	case done.Stored:
		f.inputs = append(f.inputs, done.Node)
	default:
		if len(f.steps) == 0 {
			f.refused = done.Failure.Refused
		}
		f.steps = append(f.steps, done.Node)
		f.declared = f.declared || done.Failure.Declared
	}
}

// runBuild builds, shows it, and records the run.
func (a *app) runBuild(ctx context.Context, s *session, o executor.Options, d display) (built, error) {
	var b built
	about := reports.About{Version: release.Text(), Command: os.Args}
	if !o.Values { // who asks for a value that is there made no run
		about.Root = s.Root
	}
	recorder := reports.NewRecorder(ctx, s.engine.Store, about)
	list := observers{recorder, &b.failed}
	var events *progress.Events
	if d.events {
		events = progress.NewEvents(a.stdout, a.global.verbose)
		list = append(list, events)
	}
	show, end := a.show(d)
	if show != nil {
		list = append(list, show)
	}
	o.Observer = list
	o.Verbose = a.global.verbose
	o.Stop = a.signals.politely()
	var err error
	b.Summary, err = s.engine.Build(ctx, o)
	end()
	if err == nil && events != nil {
		err = events.Err()
	}
	recorded := recorder.Close()
	if err != nil {
		return b, err // what kept the run from being recorded too is no further news
	}
	return b, recorded
}

// show returns what draws the build on standard error, and what ends that.
func (a *app) show(d display) (executor.Observer, func()) {
	switch d.mode {
	case "plain":
		return progress.NewPlain(a.stderr, d.detail, a.errStyle()), func() {}
	case "tty":
		live := progress.NewLive(a.stderr, a.terminalSize, d.detail, a.errStyle())
		live.Start()
		a.signals.onExit(live.Suspend)
		a.news.through(live.Print)
		stopped := a.whenStopped(live)
		return live, func() {
			stopped()
			a.news.through(nil)
			live.Close()
			a.signals.onExit(nil)
		}
	}
	return nil, func() {}
}

// whenStopped lets go of the terminal while calyx is stopped (Ctrl-Z), and shows that the build is ending after Ctrl-C.
// The function that it returns ends that.
func (a *app) whenStopped(live *progress.Live) func() {
	suspends := make(chan os.Signal, 1)
	signal.Notify(suspends, syscall.SIGTSTP)
	done := make(chan struct{})
	go func() {
		stop := a.signals.politely()
		for {
			select {
			case <-suspends:
				live.Suspend()
				// The signal that cannot be caught: the shell sees calyx stopped, and the next picture comes with SIGCONT.
				_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
			case <-stop:
				live.Stopping()
				stop = nil
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(suspends)
		close(done)
	}
}

// The size of a terminal that does not tell it.
const (
	usualWidth  = 80
	usualHeight = 24
)

func (a *app) terminalSize() (width, height int) {
	width, height, err := term.GetSize(int(a.stderr.Fd()))
	if err != nil || width < 1 || height < 1 {
		return usualWidth, usualHeight
	}
	return width, height
}
