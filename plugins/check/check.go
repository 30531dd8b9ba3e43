// Package check is the conformance kit for plugins: it plays the host against any executable, case by case, and says what
// was expected and what was seen. It knows of a plugin what docs/plugin-protocol.md says, and nothing else: cases that
// need a function that a plugin has to offer use the page's conformance functions, and are skipped where there is none.
package check

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// Options say what is checked, and how patient the kit is.
type Options struct {
	// Path is the program, absolute; Argv are its words, its own name first.
	Path string
	Argv []string
	// Dir is the folder in which the program runs; Env its environment, to which the kit adds what the protocol has.
	Dir string
	Env []string
	// Start is how long a process may take to shake hands: a minute in the protocol.
	Start time.Duration
	// Limit is how long a case may take, the start of its process included.
	Limit time.Duration
	// Total is how long all cases together may take; 0: as long as their limits allow.
	Total time.Duration
	// Only are the names of the cases to try, besides those without which others make no sense; all where there are none.
	Only []string
}

// Status is how a case ended.
type Status string

// The ends of a case.
const (
	OK      Status = "ok"
	Failed  Status = "failed"
	Skipped Status = "skipped" // the plugin offers nothing to find out by
)

// Result is what became of a case.
type Result struct {
	Case     string `json:"case"`
	Expected string `json:"expected"`
	Seen     string `json:"seen"`
	Status   Status `json:"result"`
	// Stderr is the end of what the plugin wrote to standard error, where the case failed.
	Stderr string `json:"stderr,omitempty"`
}

// Case is what is known of a case before it is tried.
type Case struct {
	Name, Expected string
	// Uses are the conformance functions without which it is skipped.
	Uses []string
}

// Cases are all cases, in their order.
func Cases() []Case {
	var all []Case
	for _, e := range experiments() {
		all = append(all, e.Case)
	}
	return all
}

// Run tries all cases, one after the other, and hands each result to each as soon as it is known. An error says that the
// kit itself could not work, or that ctx ended; what is wrong with the plugin is in the results.
func Run(ctx context.Context, opts Options, each func(Result)) error {
	dir, err := os.MkdirTemp("", "calyx-check-")
	if err != nil {
		return fmt.Errorf("check a plugin: %w", err)
	}
	k := &kit{opts: opts, life: ctx, dir: dir}
	all, cancel := ctx, func() {}
	if opts.Total > 0 {
		all, cancel = context.WithTimeout(ctx, opts.Total)
	}
	defer cancel()
	for _, e := range experiments() {
		if ctx.Err() != nil {
			break
		}
		if len(opts.Only) > 0 && !e.gate && !slices.Contains(opts.Only, e.Name) {
			continue
		}
		r := k.try(all, e)
		if ctx.Err() == nil {
			each(r)
		}
	}
	k.drop()
	return errors.Join(ctx.Err(), os.RemoveAll(dir))
}

// experiment is a case and how it is tried.
type experiment struct {
	Case
	// gate tells that no later case makes sense where this one fails.
	gate bool
	// try says what was seen. An error that is a skip is no failure.
	try func(context.Context, *kit) (seen string, err error)
}

// skip says why a case cannot be tried.
type skip string

func (s skip) Error() string { return string(s) }

// try tries one case; all ends when the time of all of them does.
func (k *kit) try(all context.Context, e experiment) Result {
	r := Result{Case: e.Name, Expected: e.Expected}
	why := k.impossible(e)
	if all.Err() != nil {
		why = fmt.Sprintf("no time is left: all cases together have %v", k.opts.Total)
	}
	if why != "" {
		r.Status, r.Seen = Skipped, why
		return r
	}
	ctx, cancel := context.WithTimeout(all, k.opts.Limit)
	defer cancel()
	k.now, k.last, k.spoke = ctx, nil, false
	seen, err := e.try(ctx, k)
	if err == nil && k.spoke {
		err = k.shared.session.settle(ctx) // so that what breaks the protocol after all is this case's fault
	}
	if err != nil && all.Err() != nil {
		err = fmt.Errorf("%w, and all cases together have %v", err, k.opts.Total)
	}
	var untried skip
	switch {
	case err == nil:
		r.Status, r.Seen = OK, seen
	case errors.As(err, &untried):
		r.Status, r.Seen = Skipped, untried.Error()
	default:
		r.Status, r.Seen = Failed, err.Error()
		r.Stderr = k.words()
		k.drop() // whatever state it left the process in is not the next case's
		if e.gate {
			k.closed = e.Name
		}
	}
	return r
}

// impossible says why a case cannot be tried, or nothing.
func (k *kit) impossible(e experiment) string {
	if k.closed != "" {
		return fmt.Sprintf("the case %q failed", k.closed)
	}
	for _, name := range e.Uses {
		if k.functions[name] == nil {
			return "offers no " + name
		}
	}
	return ""
}
