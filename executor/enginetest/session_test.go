package enginetest

import (
	"fmt"
	"maps"
	"sync"
)

// built is one build under way.
type built struct {
	order
	w         *world
	store     *forgetful
	apart     bool   // in a process of its own
	naive     *naive // of the sources as they were when it began
	contested bool   // a build beside it writes other content to the same outputs
	executed  []string
	failures  []string
	report    report
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
		b.driveAlone()
	}
}

func (b *built) driveAlone() {
	b.drive()
	b.compare(b.naive)
	if b.report.OK && len(b.executed) > 0 && b.report.Asked < int64(b.report.Steps) {
		b.w.meets("a build of a part of the steps") // whoever looks a step up asks for its record
	}
	if b.report.OK && b.report.Cached > 0 && b.report.Keyed == 0 {
		b.w.meets("a return to an earlier state") // whoever looks a step up asks for what stands under its key
	}
}

// toAndFro builds the same targets while a stored value changes to and fro, and now and then something else with it.
func (w *world) toAndFro() {
	instance, name := w.pick([]string{"default", "other"}), w.pick([]string{"p0", "p1"})
	w.targets = w.newBuilt(instance).Targets
	for range 3 + w.r.IntN(4) {
		b := w.newBuilt(instance)
		b.Targets = w.targets
		b.Values, b.Verbose, b.Force, b.ForceAll = false, false, false, false
		if b.Set != nil {
			b.Set = nil
			b.naive = newNaive(w.p, maps.Clone(w.files), w.params(instance))
		}
		w.before = append(w.before, maps.Clone(w.files))
		b.driveAlone()
		w.states[instance][name] = int64(w.r.IntN(2))
		w.say("set %s %s=%d", instance, name, w.states[instance][name])
		if w.r.IntN(3) == 0 {
			w.change()
		}
	}
}

// params are the values of the parameters as they are set.
func (w *world) params(instance string) map[string]int {
	params := maps.Clone(w.p.params)
	for name, v := range w.states[instance] {
		params[name] = int(v)
	}
	return params
}

// newBuilt chooses what to build and how.
func (w *world) newBuilt(instance string) *built {
	b := &built{w: w, store: w.stores[0]}
	b.order = order{
		Root: w.root, Instance: instance, Lost: w.lost.dir, Watched: w.p.watched, Python: w.p.python, Code: w.p.functions(),
		Ahead: w.ahead, State: maps.Clone(w.states[instance]),
		Jobs: []int{1, 8}[w.r.IntN(2)], KeepGoing: w.r.IntN(2) == 0, Values: w.r.IntN(4) == 0, Verbose: w.r.IntN(6) == 0,
		Force: w.r.IntN(10) == 0, ForceAll: w.r.IntN(30) == 0,
	}
	b.choose()
	params := w.params(instance)
	if w.r.IntN(5) == 0 {
		params["p0"] = w.r.IntN(3)
		b.Set = map[string]string{"p0": fmt.Sprint(params["p0"])}
		w.meets("a build with --set")
	}
	b.naive = newNaive(w.p, maps.Clone(w.files), params)
	return b
}

// driveBeside runs two builds of one workspace at the same time, in two processes or like two. Builds of one instance have
// the same outputs, unless they override values; else there stands what the later one of them made.
func (b *built) driveBeside(other *built) {
	w := b.w
	other.store = w.stores[1]
	if other.Instance == b.Instance && w.r.IntN(3) > 0 {
		other.Set = b.Set
		other.naive.params = b.naive.params
	}
	b.contested = !maps.Equal(other.naive.params, b.naive.params) || other.Instance != b.Instance
	other.contested = b.contested
	b.KeepGoing, other.KeepGoing = true, true
	b.apart = w.r.IntN(2) == 0
	other.apart = b.apart
	switch {
	case other.Instance != b.Instance:
		w.meets("two instances at once")
	case b.contested:
		w.meets("two overrides at once")
	}
	if b.apart {
		w.meets("two processes at once")
	} else {
		w.meets("two builds in one process")
	}
	var both sync.WaitGroup
	both.Go(b.drive)
	both.Go(other.drive)
	both.Wait()
	b.compare(b.naive)
	other.compare(other.naive)
	if b.contested {
		b.compareEither(other)
	}
}

// driveEdited edits a source while the build runs. Where the build says that it is well, its outputs are those of a clean
// build before or after the edit.
func (b *built) driveEdited() {
	w := b.w
	b.Edit = &edit{Path: w.pick(append([]string{"", ""}, w.p.sources...)), Text: fmt.Sprint(w.r.IntN(6)), At: 1 + w.r.IntN(8)}
	b.drive()
	if b.report.Edited == "" {
		b.compare(b.naive)
		return
	}
	w.say("  %s was edited while it ran: %s", b.report.Edited, b.Edit.Text)
	w.meets("an edit during a build")
	w.files[b.report.Edited] = b.Edit.Text
	if !b.report.OK {
		return
	}
	after := newNaive(w.p, maps.Clone(w.files), b.naive.params)
	before, now := b.misfits(b.naive), b.misfits(after)
	if before != "" && now != "" {
		w.t.Errorf("the outputs are neither those before the edit (%s) nor those after it (%s)", before, now)
	}
}

// choose picks the targets: those of the last build, some, or all.
func (b *built) choose() {
	defer func() { b.w.targets = b.Targets }()
	if b.w.targets != nil && b.w.r.IntN(2) == 0 {
		b.Targets = b.w.targets
		return
	}
	for _, s := range b.w.p.steps {
		if b.w.r.IntN(3) == 0 {
			b.Targets = append(b.Targets, s.name)
		}
	}
	if b.w.r.IntN(2) == 0 || len(b.Targets) == 0 {
		b.Targets = nil
		for _, s := range b.w.p.steps {
			b.Targets = append(b.Targets, s.name)
		}
	}
}

func (b *built) drive() {
	w := b.w
	w.say("build %v of %s, -j%d keep-going %v force %v/%v set %v values %v", b.Targets, b.Instance, b.Jobs, b.KeepGoing, b.Force, b.ForceAll, b.Set, b.Values)
	if b.apart {
		b.report = b.carryOutApart(w.t.Context(), b.note)
	} else {
		b.report = b.carryOut(w.t.Context(), b.store, b.note)
	}
	for _, text := range b.report.Errors {
		w.t.Error(text)
	}
	w.say("  executed %v, failed %q", b.executed, b.failures)
	w.meets(fmt.Sprintf("a build with -j%d", b.Jobs))
	switch {
	case b.report.NothingMoved:
		w.meets("an answer of the snapshot")
	case b.Verbose || b.Values || b.Force || b.ForceAll || b.Set != nil:
		w.meets("a build without the snapshot")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.met.add(b.report.Met)
}
