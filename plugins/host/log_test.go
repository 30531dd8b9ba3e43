package host_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/executor"
)

func logOf(t *testing.T, o executor.Outcome) string {
	if o.Log == "" {
		return ""
	}
	text, err := os.ReadFile(o.Log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What a call prints is its log, and whole when the call ends.
func TestLog(t *testing.T) {
	r := newRig(t, program("echo", 1))
	for i := range 50 {
		word := "word" + strconv.Itoa(i)
		got := logOf(t, r.call("prints", args{"text": strconv.Quote(word + "\n")}).done())
		if len(got) != len(word+"\non stderr\nsaid "+word+"\n") {
			t.Fatalf("the log is %q", got)
		}
		if err := holds(got, word+"\n", "on stderr\n", "said "+word+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	if o := r.call("echo", nil).done(); o.Log != "" {
		t.Error("a call that prints nothing has a log")
	}
}

// A call that waits does not get what others print.
func TestLogOfWaiting(t *testing.T) {
	r := newRig(t, program("echo", 1))
	waiting := r.call("asks", args{"text": `"x"`})
	n := waiting.need()
	r.call("prints", nil).done()
	waiting.answer(n, "1")
	if got := logOf(t, waiting.done()); got != "" {
		t.Errorf("its log is %q", got)
	}
}

// More than pipes, lines and scanners hold.
func TestLongLog(t *testing.T) {
	r := newRig(t, program("echo", 1))
	long := strings.Repeat("0123456789", 20_000)
	got := logOf(t, r.call("prints", args{"text": strconv.Quote(long)}).done())
	if !strings.Contains(got, long) {
		t.Errorf("of %d bytes the log has %d", len(long), len(got))
	}
	if got := logOf(t, r.call("logs_at_length", nil).done()); len(got) != 10<<19+1 {
		t.Errorf("of 5 MiB the log has %d bytes", len(got))
	}
}

// Secrets are blanked, whichever way they take and however they are cut.
func TestLogSecrets(t *testing.T) {
	r := newRig(t, program("echo", 1))
	task := r.task("prints", args{"text": `"pass hunter|2 and hunter2\n"`})
	task.Secrets = []string{"hunter2"}
	got := logOf(t, r.start(task).done())
	// What is on standard error may stand between the pieces, but not join the secret again.
	if err := holds(got, "*** and ***\n", "said pass hunter|2 and ***\n"); err != nil || strings.Count(got, "hunter") != 1 {
		t.Errorf("the log is %q (%v)", got, err)
	}
	task = r.task("fails", nil)
	task.Secrets = []string{"luck"}
	if f := r.start(task).failure(); f.Message != "no ***" {
		t.Errorf("the message is %q", f.Message)
	}
}
