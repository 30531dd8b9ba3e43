package reports

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/calyx-build/calyx/cas"
	"github.com/calyx-build/calyx/reports/idle"
)

const (
	// maxRuns and maxSpans are how many runs of a workspace are remembered, and how many spans in them: the newest. As many that
	// found nothing to do are remembered beside those that did something.
	maxRuns  = 200
	maxSpans = 1_000_000
)

// Runs lists the recorded runs of a workspace, in all its instances, newest first. One that broke off without saying so is
// shown as interrupted.
func Runs(ctx context.Context, store cas.Store, workspace string) ([]Head, error) {
	rows, err := headRows(ctx, store, workspace)
	if err != nil {
		return nil, err
	}
	heads := make([]Head, len(rows))
	for i := range rows {
		heads[i] = rows[i].Head
	}
	return heads, nil
}

// headRows reads all runs' rows, newest first, with the states that they are in now.
func headRows(ctx context.Context, store cas.Store, workspace string) ([]headRow, error) {
	var found []headRow
	err := store.Scan(ctx, headPrefix(workspace), func(_, value []byte) bool {
		if h, ok := decodeHead(value); ok {
			found = append(found, h)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	here, now := place(), time.Now()
	for i := range found {
		found[i].settle(here, now)
	}
	slices.SortFunc(found, func(a, b headRow) int {
		return cmp.Or(b.Started.Compare(a.Started), strings.Compare(b.Run, a.Run))
	})
	return found, nil
}

// RunError says that there is no such run, or more than one.
type RunError struct {
	Spec     string
	Instance string   // whose runs were counted; empty: those of all instances
	Matches  []string // of an ambiguous beginning of an id
	Known    int      // how many runs there are
}

func (e *RunError) Error() string {
	doing, of := fmt.Sprintf("find run %q", e.Spec), ""
	if e.Spec == "" {
		doing = "find the last run"
	}
	if e.Instance != "" {
		of = fmt.Sprintf(" of instance %q", e.Instance)
	}
	switch {
	case len(e.Matches) > 0:
		return fmt.Sprintf("%s: %s and %s both begin so", doing, e.Matches[0], e.Matches[1])
	case e.Known == 0:
		return fmt.Sprintf("%s: none%s is recorded", doing, of)
	}
	return fmt.Sprintf("%s: there is no such run among the %d recorded%s", doing, e.Known, of)
}

// Resolve finds the run that spec means among runs, newest first: "" or "@0" the last one of the instance, "@-1" the one
// before it, and so on; else an id or the beginning of one, with or without "@", of any instance. Letters in ids count
// without their case. The error is a *RunError.
func Resolve(runs []Head, instance, spec string) (Head, error) {
	name := strings.TrimPrefix(spec, "@")
	if back, err := strconv.Atoi(cmp.Or(name, "0")); err == nil && (back < 0 || name == "0" || name == "") {
		own := OfInstance(runs, instance)
		if back > -len(own) {
			return own[-back], nil
		}
		return Head{}, &RunError{Spec: spec, Instance: instance, Known: len(own)}
	}
	return resolvePrefix(runs, spec, strings.ToUpper(name))
}

// OfInstance returns the runs of one instance, in their order.
func OfInstance(runs []Head, instance string) []Head {
	return slices.DeleteFunc(slices.Clone(runs), func(h Head) bool { return h.Instance != instance })
}

func resolvePrefix(runs []Head, spec, prefix string) (Head, error) {
	failure := &RunError{Spec: spec, Known: len(runs)}
	var found Head
	for _, h := range runs {
		id := strings.ToUpper(h.Run)
		if prefix == "" || !strings.HasPrefix(id, prefix) {
			continue
		}
		if id == prefix {
			return h, nil
		}
		found = h
		failure.Matches = append(failure.Matches, h.Run)
	}
	if len(failure.Matches) != 1 {
		return Head{}, failure
	}
	return found, nil
}

// Load reads a run with its spans. A piece that cannot be read is left out. The error is a *RunError where there is no
// run with that id.
func Load(ctx context.Context, store cas.Store, workspace, run string) (*Run, error) {
	rows, err := store.Rows(ctx, headKey(workspace, run))
	if err != nil {
		return nil, fmt.Errorf("load run %q: %w", run, err)
	}
	h, ok := decodeHead(rows[0])
	if !ok {
		return nil, &RunError{Spec: run, Known: 1}
	}
	h.settle(place(), time.Now())
	r := &Run{Head: h.Head, Spans: make([]Span, 0, h.Spans)}
	var c codec
	err = store.Scan(ctx, piecePrefix(workspace, run), func(_, value []byte) bool {
		r.Spans = append(r.Spans, c.unpackSpans(value)...)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("load run %q: %w", run, err)
	}
	return r, nil
}

// Recent loads the run with that id and those of its instance before it that did something: at most runs of them, and only as many as hold
// about maxSpans spans together. They come newest first; the first is the run itself, however large.
func Recent(ctx context.Context, store cas.Store, workspace, run string, runs, maxSpans int) ([]*Run, error) {
	rows, err := headRows(ctx, store, workspace)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(rows, func(h headRow) bool { return h.Run == run })
	if at < 0 {
		return nil, &RunError{Spec: run, Known: len(rows)}
	}
	var loaded []*Run
	instance := rows[at].Instance
	for i, h := range rows[at:] {
		if h.Instance != instance || i > 0 && h.Idle() {
			continue
		}
		if maxSpans -= h.Spans; len(loaded) == runs || len(loaded) > 0 && maxSpans < 0 {
			break
		}
		r, err := Load(ctx, store, workspace, h.Run)
		if err != nil {
			return nil, err
		}
		loaded = append(loaded, r)
	}
	return loaded, nil
}

// TakeIdle records the runs that found nothing to do and were noted in the workspace's folder, root. Where it fails they stay noted.
func TakeIdle(ctx context.Context, store cas.Store, workspace, root string) error {
	return idle.Take(root, func(runs []idle.Run) error {
		var txn cas.Txn
		for _, r := range runs {
			row, err := encodeHead(&headRow{Head: idleHead(r), Seen: r.Ended})
			if err != nil {
				return err
			}
			txn.Put = append(txn.Put, cas.Row{Key: headKey(workspace, r.Run), Value: row})
		}
		_, err := cas.Commit(ctx, store, txn)
		return err
	})
}

// prune forgets the oldest runs beyond the bounds. A run that goes on stays.
func prune(ctx context.Context, store cas.Store, workspace string) error {
	rows, err := headRows(ctx, store, workspace)
	if err != nil {
		return err
	}
	var txn cas.Txn
	did, found, spans := 0, 0, 0
	for _, h := range rows {
		count := &did
		if h.Idle() {
			count = &found
		}
		*count++
		spans += h.Spans
		if *count == 1 || h.State == StateRunning || *count <= maxRuns && spans <= maxSpans {
			continue
		}
		txn.Put = append(txn.Put, cas.Row{Key: headKey(workspace, h.Run)})
		for seq := range h.Pieces {
			txn.Put = append(txn.Put, cas.Row{Key: pieceKey(workspace, h.Run, seq)})
		}
	}
	if len(txn.Put) == 0 {
		return nil
	}
	if _, err := cas.Commit(ctx, store, txn); err != nil {
		return fmt.Errorf("forget old runs: %w", err)
	}
	return nil
}
