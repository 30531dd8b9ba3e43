package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/calyx-build/calyx/cmd/calyx/internal/console"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/graph"
	"github.com/calyx-build/calyx/graph/calyxfile"
	"github.com/calyx-build/calyx/graph/state"
)

// The exit statuses; they are part of the command line's contract.
const (
	exitDone        = 0
	exitFailed      = 1 // a step failed, or an input moved during the build
	exitUsage       = 2 // the command line or the Calyxfile is wrong
	exitFault       = 3 // cache, remote or internal fault
	exitDirty       = 4 // status --exit-code found something dirty
	exitInterrupted = 130
)

// failure is an error with the exit status that it gives and what the user may do about it. With no err it ends calyx with
// its status and prints nothing.
type failure struct {
	status int
	err    error
	hint   string
}

func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit status %d", f.status)
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// Hint is what may be done about it.
func (f *failure) Hint() string { return f.hint }

// usage is an error of the command line.
func usage(hint, format string, args ...any) error {
	return &failure{status: exitUsage, err: fmt.Errorf(format, args...), hint: hint}
}

// quietly ends calyx with a status and without a word.
func quietly(status int) error { return &failure{status: status} }

// didYouMean is a hint that names the nearest right word, or "".
func didYouMean(word string, candidates []string) string {
	if near := graph.Nearest(word, candidates); near != "" && near != word {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// report prints an error and returns the exit status that it gives.
func (a *app) report(err error) int {
	if err == nil {
		return exitDone
	}
	if a.signals.interrupted() && errors.Is(err, context.Canceled) {
		a.errorLine("interrupted")
		return exitInterrupted
	}
	var silent *failure
	if errors.As(err, &silent) && silent.err == nil {
		return silent.status
	}
	var wrong calyxfile.Errors
	if errors.As(err, &wrong) {
		for _, e := range wrong {
			a.errorLine(e.Error())
			a.hintLine(e.Hint)
		}
		return statusOfCalyxfile(wrong)
	}
	var target *executor.TargetError
	if errors.As(err, &target) {
		err = noTarget(target)
	}
	a.errorLine(err.Error())
	a.hintLine(hintOf(err))
	return statusOf(err)
}

// errorText is an error with its hints, for a program that shows it itself.
func errorText(err error) string {
	var lines []string
	add := func(text, hint string) {
		lines = append(lines, text)
		if hint != "" {
			lines = append(lines, hint)
		}
	}
	var wrong calyxfile.Errors
	var target *executor.TargetError
	switch {
	case errors.As(err, &wrong):
		for _, e := range wrong {
			add(e.Error(), e.Hint)
		}
	case errors.As(err, &target):
		err = noTarget(target)
		add(err.Error(), hintOf(err))
	default:
		add(err.Error(), hintOf(err))
	}
	return strings.Join(lines, "\n")
}

// statusOfCalyxfile tells a wrong Calyxfile from a right one that uses a plugin which cannot be described.
func statusOfCalyxfile(wrong calyxfile.Errors) int {
	if slices.ContainsFunc(wrong, func(e calyxfile.Error) bool { return !e.Plugin }) {
		return exitUsage
	}
	return exitFailed
}

// noTarget says that a target names nothing, and what may be meant.
func noTarget(e *executor.TargetError) error {
	if e.Why != "" {
		return usage("", "%s", e.Error())
	}
	hint := "`calyx ls --all` lists what there is"
	if e.Near != "" {
		hint = fmt.Sprintf("did you mean %q?", e.Near)
	}
	return usage(hint, "find target %q: there is no such node or output", e.Target)
}

// hintOf returns the hint of the outermost error that has one.
func hintOf(err error) string {
	var h interface{ Hint() string }
	switch {
	case errors.As(err, &h):
		return h.Hint()
	case errors.Is(err, syscall.ENOSPC):
		return fullDiskHint
	}
	return ""
}

// statusOf returns the exit status of an error: what is not known to be the user's is a fault.
func statusOf(err error) int {
	var f *failure
	var one calyxfile.Error
	var set *executor.SetError
	var function *executor.FunctionError
	var open *executor.OpenError
	var values *state.FileError
	switch {
	case errors.As(err, &f):
		return f.status
	case errors.As(err, &one), errors.As(err, &set), errors.As(err, &function), errors.As(err, &open), errors.As(err, &values), errors.Is(err, graph.ErrSpelling):
		return exitUsage
	}
	return exitFault
}

func (a *app) errorLine(text string) { a.complain(a.errStyle().Bad("calyx: error:"), text) }

func (a *app) hintLine(text string) {
	if text != "" {
		a.complain(a.errStyle().Accent("calyx: hint:"), text)
	}
}

// complain prints a text to standard error; its further lines are indented.
func (a *app) complain(label, text string) {
	lines := console.Lines(text, false)
	a.news.tell(label + " " + strings.Join(lines, "\n  "))
}

// trimInternal removes the words with which calyx's own panics begin.
func trimInternal(text string) string { return strings.TrimPrefix(text, "internal error: ") }
