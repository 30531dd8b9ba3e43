package command_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/command/watch"
)

// TestWatchedCommandsEndAlike runs commands watched and not: they print and end in the same way, whoever ends them.
func TestWatchedCommandsEndAlike(t *testing.T) {
	starter := &watch.Starter{}
	if err := starter.Usable(); err != nil {
		t.Skip("programs cannot be watched here: ", err)
	}
	watching := newRunner(t)
	watching.Starter = starter
	for _, script := range []string{
		"echo out; echo err >&2", "exit 7", "kill -TERM $$", "kill -SEGV $$", "sleep 60 & wait", `trap "" TERM; sleep 60 & while :; do wait; done`,
		"cat none", "exec none", "sleep 60 & exit 0", "cat /etc/passwd | head -n 1 | wc -l", "ulimit -n; umask; pwd -P > /dev/null",
	} {
		plain := shell(t, script)
		plain.Timeout = 300 * time.Millisecond
		watched := *plain
		command := *plain.Command
		watched.Command = &command
		command.Watch = command.Dir
		want, got := run(t, newRunner(t), plain), run(t, watching, &watched)
		if message(got) != message(want) || contentOf(t, got) != contentOf(t, want) {
			t.Errorf("%q: watched it ends with %q and prints %q, else with %q and %q", script, message(got), contentOf(t, got), message(want), contentOf(t, want))
		}
		if f := got.Failure; f != nil && (f.Exit != want.Failure.Exit || f.Signal != want.Failure.Signal || f.Timeout != want.Failure.Timeout) {
			t.Errorf("%q: got %+v, want %+v", script, f, want.Failure)
		}
		if started(got) != (got.Failure == nil) || started(want) {
			t.Errorf("%q: %d accesses, and %d of the one that nobody watched", script, len(got.Accesses), len(want.Accesses))
		}
	}
}

// started reports whether the shell is among what was seen.
func started(o executor.Outcome) bool {
	program, err := filepath.EvalSymlinks("/bin/sh")
	return err == nil && slices.ContainsFunc(o.Accesses, func(a executor.Access) bool { return a.Path == program && a.Saw&executor.SawContent != 0 })
}

func contentOf(t *testing.T, o executor.Outcome) string {
	t.Helper()
	if o.Log == "" {
		return ""
	}
	return read(t, o.Log)
}
