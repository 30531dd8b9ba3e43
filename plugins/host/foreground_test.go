package host_test

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/host"
)

// newForeground returns a rig in the foreground, whose user has typed a line, and what tells all that its user has seen once
// the host is closed.
func newForeground(t *testing.T, plugin executor.PluginProcess, typed string) (*rig, func() string) {
	in, keyboard := ends(t)
	screen, out := ends(t)
	if _, err := keyboard.WriteString(typed); err != nil {
		t.Fatal(err)
	}
	r := newRigWith(t, plugin, host.Options{
		Start: 20 * time.Second, Grace: 300 * time.Millisecond, Foreground: &host.Foreground{In: in, Out: out},
	})
	return r, func() string {
		if err := r.host.Close(); err != nil {
			t.Fatal(err)
		}
		_ = out.Close()
		seen, err := io.ReadAll(screen)
		if err != nil {
			t.Fatal(err)
		}
		return string(seen)
	}
}

func ends(t *testing.T) (r, w *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		_ = w.Close()
	})
	return r, w
}

// In the foreground a process has its user's streams, and no call has a log.
func TestForeground(t *testing.T) {
	r, seen := newForeground(t, program("echo", 1), "typed\n")
	if got := r.call("hears", nil).result(); got != `"typed\n"` {
		t.Errorf("it heard %s", got)
	}
	if o := r.call("prints", args{"text": `"words\n"`}).done(); o.Failure != nil || o.Log != "" {
		t.Errorf("%+v", o)
	}
	if got := r.call("environment", nil).result(); !strings.Contains(got, `"CALYX_PLUGIN_FOREGROUND=1"`) {
		t.Errorf("its environment is %s", got)
	}
	lines := strings.Split(seen(), "\n")
	slices.Sort(lines)
	if want := []string{"", "on stderr", "said words", "words"}; !slices.Equal(lines, want) {
		t.Errorf("its user saw %q", lines)
	}
}

// A process in the foreground shares the group of who runs it, and is ended alone.
func TestForegroundForce(t *testing.T) {
	r, seen := newForeground(t, program("stays", 1), "")
	c := r.call("hang", nil)
	r.call("echo", nil).result()
	seen()
	if f := c.failure(); !f.Cancel {
		t.Errorf("%+v", f)
	}
}
