package host_test

import (
	"testing"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/hashing"
)

// A process that breaks the protocol is killed; the call that did it fails, and others go on in a fresh process.
func TestBrokenProtocol(t *testing.T) {
	for name, want := range map[string]string{
		"unknown_call":  "spoke for call 4711, which it was not given",
		"no_kind":       "an item of no known kind",
		"seen_too_much": "asked after 1 answers, and got 0",
		"needs_nothing": "a need has no requests",
		"same_id":       "used the id 1 for two needs",
		"no_subject":    "a request without a subject",
		"observes_node": `observed node "x", which can only be asked for`,
		"element":       "returned an element of a call that is no batch",
		"too_long":      "a message is too long",
		"not_protobuf":  "broke its session off",
		"hangs_up":      "I have had enough",
		"returns":       "broke its session off (returned)",
		"ends":          "ended amid its calls (exit status 0)",
		"bad_argument":  "a value of no kind",
		"deep_argument": "nested more than 100 deep",
		"bad_view":      "a view of unknown kind 99",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, program("raw", 1))
			waiting := r.call("waits", nil)
			waiting.need()
			f := r.call(name, nil).failure()
			if err := holds(f.Message, `plugin "raw"`, want); err != nil {
				t.Error(err)
			}
			if f.Lost {
				t.Errorf("%+v", f)
			}
			if f := waiting.failure(); !f.Lost {
				t.Errorf("the waiting call ended as %+v", f)
			}
			if f := r.call("good", nil).done().Failure; f != nil {
				t.Error(f)
			}
		})
	}
}

// A second result for a call is told apart from one for a call that never was. The first one stands.
func TestResultTwice(t *testing.T) {
	r := newRig(t, program("raw", 1))
	waiting := r.call("waits", nil)
	waiting.need()
	if f := r.call("twice", nil).done().Failure; f != nil {
		t.Error(f)
	}
	if err := holds(waiting.failure().Message, "spoke for call 2 after its end"); err != nil {
		t.Error(err)
	}
}

// What a thread that was left behind still says is dropped.
func TestLateLog(t *testing.T) {
	r := newRig(t, program("raw", 1))
	r.call("late", nil).done()
	r.call("late", nil).done()
}

// Reads of the process count for every call that is under way and for all that start later.
func TestObserved(t *testing.T) {
	r := newRig(t, program("raw", 1))
	before := r.call("waits", nil)
	before.need()
	during := r.call("observes", nil)
	during.done()
	after := r.call("good", nil)
	after.done()
	want := trace.Request{Kind: trace.File, Subject: "shared.txt"}
	stood := hashing.Stat{Ino: 7, Size: 6, Mtime: 5, Ctime: 4}
	isIt := func(e event) bool { return e.observed != nil && *e.observed == want && *e.before == stood }
	if e := before.next(); !isIt(e) {
		t.Errorf("the call that waited was told %+v", e)
	}
	for name, c := range map[string]*running{"that did it": during, "after it": after} {
		times := 0
		for _, e := range c.past {
			if isIt(e) {
				times++
			}
		}
		if times != 1 {
			t.Errorf("the call %s was told %d times", name, times)
		}
	}
	before.call.Cancel()
	_ = before.failure()
}
