package enginetest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor/workspace"
	"github.com/calyx-build/calyx/graph"
)

// execution is one that was successful.
type execution struct {
	executed
	session  int
	wanted   bool      // whatever was recorded before it
	recorded time.Time // as the world tells time, when one that saw the same last was; zero: none was
}

// note takes what was executed, and makes sure that it was needed.
func (b *built) note(x executed) {
	w := b.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if x.Failure != "" {
		w.met["a failure"]++
		b.failures = append(b.failures, x.Node+": "+x.Failure)
		return
	}
	b.executed = append(b.executed, x.Node)
	last, known := w.done[x.Saw]
	now := execution{executed: x, session: len(w.before), wanted: x.Kind == graph.Forced, recorded: last.recorded}
	// What two builds tell may arrive in another order: a build gives the right to execute away before it tells of its own.
	beside := known && last.session == now.session
	first := beside && now.Started.Before(last.Started)
	tolerated := beside && b.contested // two instances may wait for each other: then one of them runs redundantly (rule 7)
	switch {
	case x.Kind == graph.OutputMissing && w.lossy:
		now.wanted = true
		w.met["a lost blob made again"]++
	case x.Kind == graph.Expired:
		now.wanted = true
		w.met["a result that was too old"]++
		if age := w.now().Sub(last.recorded); age < lifetime && !first && !tolerated {
			w.t.Errorf("%s was executed because its result had expired, at the age of %v", x.Node, age)
		}
	}
	if !x.Edited && !b.tainted(x.Node) { // what saw the edit or a failure is not
		now.recorded = w.now()
	}
	later := now
	if first {
		later = last
	}
	if known && !last.recorded.IsZero() && !later.wanted && !tolerated {
		w.t.Errorf("%s was executed (%v), though %s saw the same:\n%s", later.Node, later.Reason, last.Node, x.Saw)
	}
	later.recorded = now.recorded
	w.done[x.Saw] = later
}

// tainted tells whether a node went on behind a failure. It asks an evaluation of its own: what b.naive touched is what the
// targets need.
func (b *built) tainted(node string) bool {
	n := newNaive(b.w.p, b.naive.files, b.naive.params)
	return n.step(b.w.p.find(node)).tainted
}

// compare holds the build against the naive evaluation.
func (b *built) compare(n *naive) {
	ok, failed := true, false
	for _, name := range b.Targets {
		ok = n.step(b.w.p.find(name)).err == nil && ok
	}
	for _, o := range n.known {
		failed = failed || o.err != nil
	}
	// A build that stops at a failure which somebody would have caught may have come to all of its targets, or not.
	if certain := b.KeepGoing || !ok || !failed; certain && ok != b.report.OK {
		b.w.t.Errorf("the build's OK is %v, should be %v; failures: %q", b.report.OK, ok, b.failures)
	}
	if len(b.report.Moved) > 0 {
		b.w.t.Errorf("nothing moved, and %q is said to have", b.report.Moved)
	}
	for _, name := range b.executed {
		if _, touched := n.known[name]; !touched && !strings.HasPrefix(name, "//") {
			b.w.t.Errorf("%s was executed, and nothing asked for it", name)
		}
	}
	if (b.report.OK || b.KeepGoing) && !b.contested {
		b.outputs()
	}
	if b.report.OK {
		b.values()
		b.ages()
	}
}

// ages makes sure that no result that the build took is too old.
func (b *built) ages() {
	id, err := workspace.ID(b.w.root)
	if err != nil {
		b.w.t.Error(err)
		return
	}
	var ageing []string
	for name, o := range b.naive.known {
		if b.w.p.find(name).ages && o.err == nil && !o.tainted {
			ageing = append(ageing, name)
		}
	}
	scope := trace.Scope{Workspace: id, Instance: b.Instance}
	records, err := trace.NewDB(b.store).Records(b.w.t.Context(), scope, ageing)
	if err != nil {
		b.w.t.Error(err)
	}
	for i, r := range records {
		if r == nil || b.w.now().Sub(r.Result.At) >= lifetime {
			b.w.t.Errorf("%s was not executed, though its result is too old: %+v", ageing[i], r)
		}
	}
}

// outputs compares the files of all steps in the closure of the targets.
func (b *built) outputs() {
	for name, o := range b.naive.known {
		if o.err != nil {
			continue
		}
		for path, want := range o.outs {
			got, err := os.ReadFile(filepath.Join(b.w.root, path))
			if err != nil || string(got) != want {
				b.w.t.Errorf("%s: output %s is %q (%v), should be %q", name, path, got, err, want)
			}
		}
	}
}

// compareEither makes sure that every output is what one of two builds makes of it that contest it: nothing, where the step
// fails in one. Where it fails in both, what was there before may be left.
func (b *built) compareEither(other *built) {
	allowed := map[string][]string{}
	for _, n := range []*naive{b.naive, other.naive} {
		for name, o := range n.known {
			for _, path := range b.w.p.find(name).outs {
				allowed[path] = append(allowed[path], o.outs[path])
			}
		}
	}
	for path, texts := range allowed {
		if !slices.ContainsFunc(texts, func(text string) bool { return text != "" }) {
			continue
		}
		got, err := os.ReadFile(filepath.Join(b.w.root, path))
		if err != nil && !errors.Is(err, fs.ErrNotExist) || !slices.Contains(texts, string(got)) {
			b.w.t.Errorf("output %s is %q (%v), should be one of %q", path, got, err, texts)
		}
	}
}

// misfits names an output of the targets that is not as n says.
func (b *built) misfits(n *naive) string {
	for _, name := range b.Targets {
		for path, want := range n.step(b.w.p.find(name)).outs {
			if got, err := os.ReadFile(filepath.Join(b.w.root, path)); err != nil || string(got) != want {
				return fmt.Sprintf("%s is %q, %v, should be %q", path, got, err, want)
			}
		}
	}
	return ""
}

// values compares the values of targets without outputs.
func (b *built) values() {
	for name, got := range b.report.Values {
		s := b.w.p.find(name)
		if want := b.naive.step(s).value; len(s.outs) == 0 && got != want {
			b.w.t.Errorf("%s: its value is %q, should be %q", name, got, want)
		}
	}
}
