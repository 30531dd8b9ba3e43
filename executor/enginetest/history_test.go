package enginetest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calyx-build/calyx/executor"
)

// histories are how many random pipelines live; CALYX_SOAK=1 asks for many more.
func histories() (pipelines, builds int) {
	if os.Getenv("CALYX_SOAK") != "" {
		return 5000, 25
	}
	return 150, 8
}

// TestHistories checks rules 1, 2, 3 and 5 of design page 1: each build is sound (its outputs are a clean build's),
// minimal (nothing runs that saw what an earlier execution saw) and lazy (nothing runs that was not asked for).
func TestHistories(t *testing.T) {
	pipelines, builds := histories()
	for seed := range pipelines {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, uint64(seed), 2+seed%12)
			for range builds {
				w.build()
				for range w.r.IntN(4) {
					w.change()
				}
				if t.Failed() {
					t.Fatalf("history:\n%s\nCalyxfile:\n%s", strings.Join(w.log, "\n"), w.p.calyxfile())
				}
			}
		})
	}
}

// hangs is a time in which every build here ends by far: one that takes longer never would.
const hangs = time.Minute

// built is one build under way.
type built struct {
	w        *world
	o        executor.Options
	instance string
	run      *runner
	naive    *naive
	executed []string
	failures []string
}

// build builds something, and compares.
func (w *world) build() {
	b := &built{w: w, instance: w.pick([]string{"default", "default", "other"}), run: &runner{saw: map[string]string{}}}
	b.o = executor.Options{Jobs: []int{1, 8}[w.r.IntN(2)], KeepGoing: w.r.IntN(2) == 0, Values: w.r.IntN(2) == 0, Observer: b}
	b.choose()
	params := maps.Clone(w.p.params)
	for name, v := range w.states[b.instance] {
		params[name] = int(v.(int64))
	}
	if w.r.IntN(5) == 0 {
		params["p0"] = w.r.IntN(3)
		b.o.Set = map[string]string{"p0": fmt.Sprint(params["p0"])}
	}
	b.naive = newNaive(w.p, w.files, params)
	w.before = append(w.before, maps.Clone(w.files))
	w.say("build %v of %s, -j%d keep-going %v set %v values %v", b.o.Targets, b.instance, b.o.Jobs, b.o.KeepGoing, b.o.Set, b.o.Values)
	sum := b.drive()
	w.say("  executed %v, failed %q", b.executed, b.failures)
	b.compare(sum)
}

// choose picks the targets: some, or all.
func (b *built) choose() {
	for _, s := range b.w.p.steps {
		if b.w.r.IntN(3) == 0 {
			b.o.Targets = append(b.o.Targets, s.name)
		}
	}
	if b.w.r.IntN(2) == 0 || len(b.o.Targets) == 0 {
		b.o.Targets = nil
		for _, s := range b.w.p.steps {
			b.o.Targets = append(b.o.Targets, s.name)
		}
	}
}

func (b *built) drive() executor.Summary {
	ctx, cancel := context.WithTimeout(b.w.t.Context(), hangs)
	defer cancel()
	e := b.w.engine(b.instance, b.run)
	sum, err := e.Build(ctx, b.o)
	if ctx.Err() != nil {
		b.w.t.Errorf("the build hangs")
	}
	if err != nil {
		b.w.t.Errorf("build: %v", err)
	}
	if err := e.Close(); err != nil {
		b.w.t.Errorf("close: %v", err)
	}
	return sum
}

// Event notes what was executed, and whether that was needed.
func (b *built) Event(e executor.Event) {
	d, ok := e.(executor.NodeDone)
	if !ok {
		return
	}
	if d.Failure != nil {
		b.failures = append(b.failures, d.Node+": "+d.Failure.Message)
	}
	if d.Outcome != executor.Executed {
		return
	}
	b.executed = append(b.executed, d.Node)
	b.run.mu.Lock()
	defer b.run.mu.Unlock()
	saw := b.run.saw[d.Node]
	if before, twice := b.w.done[saw]; twice {
		b.w.t.Errorf("%s was executed (%v), though %s saw the same:\n%s", d.Node, d.Reason, before, saw)
	}
	b.w.done[saw] = d.Node
}

// compare holds the build against the naive evaluation.
func (b *built) compare(sum executor.Summary) {
	ok := true
	for _, name := range b.o.Targets {
		ok = b.naive.step(b.w.p.find(name)).err == nil && ok
	}
	if ok != sum.OK {
		b.w.t.Errorf("the build's OK is %v, should be %v; failures: %q", sum.OK, ok, b.failures)
	}
	if len(sum.Moved) > 0 {
		b.w.t.Errorf("nothing moved, and %q is said to have", sum.Moved)
	}
	for _, name := range b.executed {
		if _, touched := b.naive.known[name]; !touched && !strings.HasPrefix(name, "//") {
			b.w.t.Errorf("%s was executed, and nothing asked for it", name)
		}
	}
	if ok || b.o.KeepGoing {
		b.outputs()
	}
	if ok && sum.OK {
		b.values(sum)
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

// values compares the values of targets without outputs.
func (b *built) values(sum executor.Summary) {
	if !b.o.Values {
		return
	}
	for i, v := range sum.Values {
		s := b.w.p.find(b.o.Targets[i])
		if len(s.outs) > 0 {
			continue
		}
		text := v.Inline
		if text == nil {
			found, err := b.w.store.Get(b.w.t.Context(), v.Value.Digest)
			if err != nil {
				b.w.t.Errorf("%s: %v", s.name, err)
				continue
			}
			text = found[0]
		}
		if want := b.naive.step(s).value; string(text) != want {
			b.w.t.Errorf("%s: its value is %q, should be %q; saw:\n%s", s.name, text, want, b.run.saw[s.name])
		}
	}
}
