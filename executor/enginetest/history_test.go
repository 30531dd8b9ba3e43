package enginetest

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestHistories checks rules 1, 2, 3, 5, 6 and 7 of design page 1: each build is sound (its outputs are a clean build's),
// minimal (nothing runs that saw what an earlier execution saw, in this build or in one beside it) and lazy (nothing runs
// that was not asked for), also where sources are edited while it runs and blobs are lost. CALYX_SOAK=1 plays many more.
func TestHistories(t *testing.T) {
	pipelines, builds := 150, 8
	if os.Getenv("CALYX_SOAK") != "" {
		pipelines, builds = 5000, 25
	}
	play(t, pipelines, builds, false, append(always,
		"a view of a part", "a read without asking", "an absence for a watched command", "a result that was too old", "a build of a part of the steps", "a need that failed",
		"two builds in one process", "two instances at once", "two overrides at once", "a lost blob made again",
		"a return to an earlier state",
	)...)
}

// always is what many histories hold together, whatever carries functions out.
var always = []string{
	"a static edge", "a dynamic edge", "a conditional", "an absence", "several requests in flight", "an edit", "a revert", "a deletion",
	"an edit during a build", "a changed definition", "changed code", "a failure", "a deleted output", "an edited output", "a set", "a build with --set",
	"a build with -j1", "a build with -j8", "two processes at once", "an answer of the snapshot", "a build without the snapshot",
}

// play has random pipelines live, and makes sure that their histories hold what they are to hold.
func play(t *testing.T, pipelines, builds int, python bool, holds ...string) {
	met := tally{}
	for seed := range pipelines {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, uint64(seed), 2+seed%12, python)
			for range builds {
				w.session()
				for range w.r.IntN(4) {
					w.change()
				}
				if w.r.IntN(4) == 0 {
					w.toAndFro()
				}
				if t.Failed() {
					t.Fatalf("history:\n%s\nCalyxfile:\n%s", strings.Join(w.log, "\n"), w.p.calyxfile())
				}
			}
			met.add(w.met)
		})
	}
	t.Logf("the histories held: %v", met)
	for _, what := range holds {
		if met[what] == 0 && !t.Failed() {
			t.Errorf("no history held %s", what)
		}
	}
}

// TestPythonHistories is TestHistories with functions of the Python SDK, which the real host runs.
func TestPythonHistories(t *testing.T) {
	pipelines, builds := 10, 6
	if os.Getenv("CALYX_SOAK") != "" {
		pipelines, builds = 200, 25
	}
	installPython(t)
	// They are few: what happens now and then is TestHistories' to make sure of.
	play(t, pipelines, builds, true,
		"a function of Python", "a static edge", "a dynamic edge", "a conditional", "an absence", "several requests in flight", "an edit", "a deletion",
		"a changed definition", "a failure",
	)
}
