package enginetest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/executor/workspace"
	"github.com/calyx-build/calyx/graph"
)

// histories are how many random pipelines live; CALYX_SOAK=1 asks for many more.
func histories() (pipelines, builds int) {
	if os.Getenv("CALYX_SOAK") != "" {
		return 5000, 25
	}
	return 150, 8
}

// TestHistories checks rules 1, 2, 3, 5, 6 and 7 of design page 1: each build is sound (its outputs are a clean build's),
// minimal (nothing runs that saw what an earlier execution saw, in this build or in one beside it) and lazy (nothing runs
// that was not asked for), also where sources are edited while it runs and blobs are lost.
func TestHistories(t *testing.T) {
	pipelines, builds := histories()
	partial, expired := 0, 0
	for seed := range pipelines {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, uint64(seed), 2+seed%12)
			for range builds {
				w.session()
				for range w.r.IntN(4) {
					w.change()
				}
				if t.Failed() {
					t.Fatalf("history:\n%s\nCalyxfile:\n%s", strings.Join(w.log, "\n"), w.p.calyxfile())
				}
			}
			partial += w.partial
			expired += w.expired
		})
	}
	t.Logf("%d builds looked up a part of their steps, %d results were too old", partial, expired)
	if partial == 0 && !t.Failed() {
		t.Error("no build looked up a part of its steps only")
	}
	if expired == 0 && !t.Failed() {
		t.Error("no result was too old")
	}
}

// hangs is a time in which every build here ends by far: one that takes longer never would.
const hangs = 20 * time.Second

// built is one build under way.
type built struct {
	w         *world
	o         executor.Options
	instance  string
	run       *runner
	store     *forgetful
	naive     *naive // of the sources as they were when it began
	contested bool   // another instance's build writes the same outputs
	edited    bool   // a source was edited while it ran
	executed  []string
	failures  []string
	asked     int64 // rows of the store
	sum       executor.Summary
}

// session is one build, or two at the same time, with what they leave behind compared afterwards.
func (w *world) session() {
	b := w.newBuilt(w.pick([]string{"default", "default", "other"}))
	w.before = append(w.before, maps.Clone(w.files))
	switch w.r.IntN(6) {
	case 0:
		b.driveBeside(w.newBuilt(w.pick([]string{"default", "other"})))
	case 1:
		b.driveEdited()
	default:
		b.drive()
		b.compare(b.naive)
		if steps := b.sum.Executed + b.sum.Cached + b.sum.Fresh; b.sum.OK && len(b.executed) > 0 && b.asked < 2*int64(steps) {
			w.partial++ // whoever looks a step up asks for two rows at least
		}
	}
}

// newBuilt chooses what to build and how.
func (w *world) newBuilt(instance string) *built {
	b := &built{w: w, instance: instance, run: &runner{saw: map[string]string{}}, store: w.stores[0]}
	b.o = executor.Options{Jobs: []int{1, 8}[w.r.IntN(2)], KeepGoing: w.r.IntN(2) == 0, Values: w.r.IntN(4) == 0, Observer: b}
	b.o.Force = w.r.IntN(10) == 0
	b.o.ForceAll = w.r.IntN(30) == 0
	b.choose()
	params := maps.Clone(w.p.params)
	for name, v := range w.states[b.instance] {
		params[name] = int(v.(int64))
	}
	if w.r.IntN(5) == 0 {
		params["p0"] = w.r.IntN(3)
		b.o.Set = map[string]string{"p0": fmt.Sprint(params["p0"])}
	}
	b.naive = newNaive(w.p, maps.Clone(w.files), params)
	return b
}

// driveBeside runs two builds of one workspace at the same time, each like a process of its own. Builds of one instance have
// the same outputs; those of two instances leave there what the later one of them made.
func (b *built) driveBeside(other *built) {
	other.store = b.w.stores[1]
	if other.instance == b.instance {
		other.o.Set = b.o.Set
		other.naive.params = b.naive.params
	}
	b.contested = other.instance != b.instance
	other.contested = b.contested
	b.o.KeepGoing, other.o.KeepGoing = true, true
	var both sync.WaitGroup
	both.Go(b.drive)
	both.Go(other.drive)
	both.Wait()
	b.compare(b.naive)
	other.compare(other.naive)
}

// driveEdited edits a source while the build runs. Where the build says that it is well, its outputs are those of a clean
// build before or after the edit.
func (b *built) driveEdited() {
	w := b.w
	path, text, at := w.pick(w.p.sources), fmt.Sprint(w.r.IntN(6)), 1+w.r.IntN(4)
	b.run.onStart = func(started int) {
		if started == at {
			b.edited = true
			w.write(path, text)
		}
	}
	b.drive()
	if !b.edited {
		b.compare(b.naive)
		return
	}
	w.say("  %s was edited while it ran: %s", path, text)
	w.files[path] = text
	if !b.sum.OK {
		return
	}
	after := newNaive(w.p, maps.Clone(w.files), b.naive.params)
	before, now := b.misfits(b.naive), b.misfits(after)
	if before != "" && now != "" {
		w.t.Errorf("the outputs are neither those before the edit (%s) nor those after it (%s)", before, now)
	}
}

// misfits names an output of the targets that is not as n says.
func (b *built) misfits(n *naive) string {
	for _, name := range b.o.Targets {
		for path, want := range n.step(b.w.p.find(name)).outs {
			if got, err := os.ReadFile(filepath.Join(b.w.root, path)); err != nil || string(got) != want {
				return fmt.Sprintf("%s is %q, %v, should be %q", path, got, err, want)
			}
		}
	}
	return ""
}

// choose picks the targets: those of the last build, some, or all.
func (b *built) choose() {
	defer func() { b.w.targets = b.o.Targets }()
	if b.w.targets != nil && b.w.r.IntN(2) == 0 {
		b.o.Targets = b.w.targets
		return
	}
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

func (b *built) drive() {
	ctx, cancel := context.WithTimeout(b.w.t.Context(), hangs)
	defer cancel()
	b.say("build %v of %s, -j%d keep-going %v force %v/%v set %v values %v", b.o.Targets, b.instance, b.o.Jobs, b.o.KeepGoing, b.o.Force, b.o.ForceAll, b.o.Set, b.o.Values)
	e := b.w.engine(b.instance, b.run, b.store)
	asked := b.store.asked.Load()
	sum, err := e.Build(ctx, b.o)
	b.asked = b.store.asked.Load() - asked
	if ctx.Err() != nil {
		b.w.t.Errorf("the build hangs")
	}
	if err != nil {
		b.w.t.Errorf("build: %v", err)
	}
	if err := e.Close(); err != nil {
		b.w.t.Errorf("close: %v", err)
	}
	b.say("  executed %v, failed %q", b.executed, b.failures)
	b.sum = sum
}

// say is world.say for builds that run at the same time.
func (b *built) say(format string, args ...any) {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.w.say(format, args...)
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
	saw := b.run.saw[d.Node]
	b.run.mu.Unlock()
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	wanted := d.Reason.Kind == graph.Forced || b.w.lossy && d.Reason.Kind == graph.OutputMissing
	if b.contested && b.w.doneIn[saw] == len(b.w.before) {
		wanted = true // two instances may wait for each other: then one of them runs redundantly (rule 7)
	}
	if d.Reason.Kind == graph.Expired {
		if age := b.w.now().Sub(b.w.doneAt[saw]); age < lifetime {
			b.w.t.Errorf("%s was executed because its result had expired, at the age of %v", d.Node, age)
		}
		wanted = true
		b.w.expired++
	}
	b.w.doneIn[saw] = len(b.w.before)
	if before, twice := b.w.done[saw]; twice && !wanted {
		b.w.t.Errorf("%s was executed (%v), though %s saw the same:\n%s", d.Node, d.Reason, before, saw)
	}
	if !b.edited { // what saw the edit is not recorded
		b.w.done[saw] = d.Node
		b.w.doneAt[saw] = b.w.now()
	}
}

// compare holds the build against the naive evaluation.
func (b *built) compare(n *naive) {
	ok := true
	for _, name := range b.o.Targets {
		ok = n.step(b.w.p.find(name)).err == nil && ok
	}
	if ok != b.sum.OK {
		b.w.t.Errorf("the build's OK is %v, should be %v; failures: %q", b.sum.OK, ok, b.failures)
	}
	if len(b.sum.Moved) > 0 {
		b.w.t.Errorf("nothing moved, and %q is said to have", b.sum.Moved)
	}
	for _, name := range b.executed {
		if _, touched := n.known[name]; !touched && !strings.HasPrefix(name, "//") {
			b.w.t.Errorf("%s was executed, and nothing asked for it", name)
		}
	}
	if (ok || b.o.KeepGoing) && !b.contested {
		b.outputs()
	}
	if ok && b.sum.OK {
		b.values(b.sum)
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
	for name := range b.naive.known {
		if b.w.p.find(name).ages {
			ageing = append(ageing, name)
		}
	}
	scope := trace.Scope{Workspace: id, Instance: b.instance}
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
			found, err := b.store.Get(b.w.t.Context(), v.Value.Digest)
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
