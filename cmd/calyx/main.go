// Command calyx builds pipelines: see docs/ and `calyx help`.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/cmd/calyx/internal/release"
)

func main() { os.Exit(run(os.Args[1:])) }

// run carries out one command line and returns the exit status.
func run(args []string) (status int) {
	// What steps and calyx create is readable by others whatever the user's shell says, so that it is the same everywhere.
	syscall.Umask(0o022)
	a := newApp()
	defer a.signals.cancel()
	go a.exitOnSecond()
	defer func() {
		if r := recover(); r != nil {
			status = a.report(internalFault(r, debug.Stack()))
		}
	}()
	return a.report(a.execute(args))
}

// patience is how long a second Ctrl-C lets running processes be killed before calyx is gone.
const patience = 500 * time.Millisecond

// exitOnSecond ends calyx at the second signal that asks for it. The first one is the command's to answer.
func (a *app) exitOnSecond() {
	received := make(chan os.Signal, 4)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	for range received {
		if !a.signals.interrupt() {
			continue
		}
		time.Sleep(patience)
		a.news.through(nil)
		a.signals.restoreTerminal()
		a.errorLine("interrupted at once; what was done is kept")
		os.Exit(exitInterrupted)
	}
}

// endWithin ends calyx by force where it has not ended by itself in time, or called what is returned.
func endWithin(most time.Duration) (inTime func()) {
	force := time.AfterFunc(most, func() { os.Exit(exitFault) })
	return func() { force.Stop() }
}

// internalFault is what a panic becomes: a user never sees one.
func internalFault(cause any, stack []byte) error {
	first, _, _ := strings.Cut(fmt.Sprint(cause), "\n")
	text := console.Line(first)
	file, err := os.CreateTemp("", "calyx-fault-*.txt")
	where := ""
	if err == nil {
		where = " with the file " + file.Name()
		_, _ = fmt.Fprintf(file, "calyx %s\n%v\n\n%s", release.Text(), cause, stack) // the report is a courtesy
		_ = file.Close()
	}
	return &failure{
		status: exitFault,
		err:    fmt.Errorf("internal error: %s", trimInternal(text)),
		hint:   "this is a mistake in calyx, not in your pipeline: please report it" + where,
	}
}
