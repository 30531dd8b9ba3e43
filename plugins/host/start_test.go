package host_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
	"github.com/calyx-build/calyx/plugins/host"
)

// A plugin that does not start well fails its calls and its description, in words that say what is wrong.
func TestStartErrors(t *testing.T) {
	for name, want := range map[string][]string{
		"exits":                  {`start plugin "exits"`, "ended before the handshake", "exit status 3"},
		"takes its time to exit": {`start plugin "takes its time to exit"`, "ended before the handshake", "exit status 3"},
		"ends":                   {`start plugin "ends"`, "ended before the handshake", "exit status 0"},
		"prints":                 {`start plugin "prints"`, `printed "Loading model..." where the handshake line belongs`},
		"prints for ever":        {`start plugin "prints for ever"`, `printed "xxxxx`, "where the handshake line belongs"},
		"silent":                 {`start plugin "silent"`, "printed no handshake line within"},
		"old":                    {`start plugin "old"`, "speaks version 7 of the protocol, and calyx speaks version 1"},
		"other core":             {`start plugin "other core"`, "where the handshake line belongs"},
		"netrpc":                 {`start plugin "netrpc"`, `speaks "netrpc", and not grpc`},
		"tcp":                    {`start plugin "tcp"`, `listens on "tcp", and not on a Unix socket`},
		"no socket":              {`describe plugin "no socket"`, "/nowhere"},
		"cookie":                 {`start plugin "cookie"`, "ended before the handshake", "exit status 1"},
		"no service":             {`describe plugin "no service"`, "does not serve calyx.plugin.v1.Plugin"},
		"describe crash":         {`describe plugin "describe crash"`, "crashed (exit status 4)"},
		"describe hangs":         {`describe plugin "describe hangs"`, "did not answer in time"},
		"bad description":        {`describe plugin "bad description"`, `function "f"`, "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := host.New(host.Options{Start: 3 * time.Second, Grace: time.Second})
			defer func() {
				if err := h.Close(); err != nil {
					t.Error(err)
				}
			}()
			r := &rig{t: t, host: h, plugin: program(name, 1), dir: t.TempDir()}
			f := r.call("f", nil).failure()
			if err := holds(f.Message, want...); err != nil {
				t.Error(err)
			}
			_, err := h.Describe(t.Context(), r.plugin)
			if err == nil {
				t.Fatal("it was described")
			}
			if err := holds(err.Error(), want...); err != nil {
				t.Error(err)
			}
		})
	}
}

// The end of standard error tells what went wrong.
func TestStartErrorDetails(t *testing.T) {
	r := newRig(t, program("exits", 1))
	if f := r.call("f", nil).failure(); f.Details != "no such model" || f.Exit != 3 {
		t.Errorf("details %q, exit status %d", f.Details, f.Exit)
	}
}

// A process that ends while it describes itself, after it was ready, is told of with its status and what it wrote last.
func TestDescribeErrorDetails(t *testing.T) {
	r := newRig(t, program("identity crash", 1))
	_, err := r.host.Describe(t.Context(), r.plugin)
	var f *executor.Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v", err)
	}
	if f.Message != `describe plugin "identity crash": it crashed (exit status 4)` || f.Details != "SyntaxError: oh no" || f.Exit != 4 || !f.Declared {
		t.Errorf("got %+v", *f)
	}
}

func TestNoSuchProgram(t *testing.T) {
	plugin := program("echo", 1)
	plugin.Path = filepath.Join(t.TempDir(), "missing")
	r := newRig(t, plugin)
	if err := holds(r.call("f", nil).failure().Message, `start plugin "echo"`, plugin.Path, "no such file or directory"); err != nil {
		t.Error(err)
	}
}

func TestNoInterpreter(t *testing.T) {
	plugin := program("echo", 1)
	plugin.Path = filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(plugin.Path, []byte("#!/no/python\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, plugin)
	if err := holds(r.call("f", nil).failure().Message, `start plugin "echo"`, plugin.Path, `it is a script for "/no/python", which is not there`); err != nil {
		t.Error(err)
	}
}

func TestNotExecutable(t *testing.T) {
	plugin := program("echo", 1)
	plugin.Path = filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(plugin.Path, []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, plugin)
	if err := holds(r.call("f", nil).failure().Message, "permission denied"); err != nil {
		t.Error(err)
	}
}

// A plugin that cannot be started is not started again and again.
func TestStartErrorStays(t *testing.T) {
	plugin := program("exits", 1)
	script := filepath.Join(t.TempDir(), "script")
	log := filepath.Join(filepath.Dir(script), "log")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho x >>"+log+"\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	plugin.Path = script
	r := newRig(t, plugin)
	for range 5 {
		_ = r.call("f", nil).failure()
	}
	if starts, err := os.ReadFile(log); err != nil || len(starts) != 2 {
		t.Errorf("it was started %d times (%v)", len(starts)/2, err)
	}
}

// The process gets the environment that it was given and what the protocol adds, and nothing of the host's.
func TestEnvironment(t *testing.T) {
	t.Setenv("STRAY", "1")
	plugin := program("echo", 1)
	plugin.Env = append(plugin.Env, "MODEL=small")
	got := newRig(t, plugin).call("environment", nil).result()
	for _, want := range []string{"MODEL=small", "CALYX_PLUGIN_COOKIE="} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	for _, stray := range []string{"STRAY", "PATH=", "HOME="} {
		if strings.Contains(got, `"`+stray) {
			t.Errorf("%s in %s", stray, got)
		}
	}
}

func TestDescribe(t *testing.T) {
	r := newRig(t, program("echo", 1))
	d, err := r.host.Describe(t.Context(), r.plugin)
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "echo" || d.Version != "1.0" {
		t.Errorf("it is %s %s", d.Name, d.Version)
	}
	exe, err := os.Executable()
	if err != nil || !slices.Equal(d.Sources, []string{exe}) { // which a script may have started
		t.Errorf("it consists of %q, and is %q (%v)", d.Sources, exe, err)
	}
	for _, f := range d.Functions {
		switch f.Name {
		case "echo":
			want := executor.Parameter{Name: "text", Type: "string", Default: `"nothing"`}
			if len(f.Parameters) != 1 || f.Parameters[0] != want || f.Doc != "Returns its text." || !f.Overlap {
				t.Errorf("echo is %+v", f)
			}
		case "alone":
			if f.Overlap {
				t.Error("alone overlaps")
			}
		case "file":
			if f.Parameters[0].Type != "file" {
				t.Errorf("file is %+v", f)
			}
		}
	}
}

// Describing is a task too, whose result is JSON.
func TestDescribeTask(t *testing.T) {
	r := newRig(t, program("echo", 1))
	task := r.task("", nil)
	plugin := r.plugin
	task.Function, task.Describe = nil, &plugin
	c := r.start(task)
	o := c.done()
	if o.Failure != nil || o.Result.Value.Media != trace.MediaJSON {
		t.Fatalf("%+v", o)
	}
	if err := holds(string(o.Result.Inline), `"name":"echo"`, `"default":"\"nothing\""`); err != nil {
		t.Error(err)
	}
	bad := program("exits", 1)
	task.Describe = &bad
	if f := r.start(task).failure(); f.Details != "no such model" {
		t.Errorf("%+v", f)
	}
}

func TestDescribeCancelled(t *testing.T) {
	r := newRig(t, program("silent", 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.host.Describe(ctx, r.plugin); err == nil {
		t.Error("it was described")
	}
}

// go-plugin's own server works as well.
func TestServedByGoPlugin(t *testing.T) {
	r := newRig(t, program("go-plugin", 1))
	if f := r.call("good", nil).done().Failure; f != nil {
		t.Error(f)
	}
}

// After Close nothing starts.
func TestClosed(t *testing.T) {
	r := newRig(t, program("echo", 1))
	if err := r.host.Close(); err != nil {
		t.Fatal(err)
	}
	if f := r.call("echo", nil).failure(); !f.Cancel {
		t.Errorf("%+v", f)
	}
}

// Close ends calls under way, and processes that do not end by themselves.
func TestCloseForce(t *testing.T) {
	r := newRig(t, program("stays", 1))
	c := r.call("hang", nil)
	r.call("echo", nil).result()
	if err := r.host.Close(); err != nil {
		t.Fatal(err)
	}
	if f := c.failure(); !f.Cancel {
		t.Errorf("%+v", f)
	}
}

// Close does not wait for a process that is still on its way up.
func TestCloseWhileStarting(t *testing.T) {
	h := host.New(host.Options{Start: time.Hour})
	r := &rig{t: t, host: h, plugin: program("silent", 1), dir: t.TempDir()}
	c := r.call("f", nil)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if f := c.failure(); !f.Cancel {
		t.Errorf("%+v", f)
	}
}
