package host_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/executor"
)

// Values up to 64 KiB come inline, larger ones as files, in both directions.
func TestLargeValues(t *testing.T) {
	r := newRig(t, program("echo", 1))
	for _, size := range []int{0, 1, 64 << 10, 64<<10 + 1, 3 << 20} {
		data := bytes.Repeat([]byte("x"), size)
		task := r.task("large", nil)
		task.Function.Args = []executor.Argument{{Name: "data", Value: executor.Payload{Value: trace.Value{Media: trace.MediaBinary}, Inline: data}}}
		o := r.start(task).done()
		if o.Failure != nil {
			t.Fatalf("%d bytes: %v", size, o.Failure)
		}
		got, inline := o.Result.Inline, true
		if o.Result.Path != "" {
			var err error
			if got, err = os.ReadFile(o.Result.Path); err != nil {
				t.Fatal(err)
			}
			inline = false
		}
		if !bytes.Equal(got, data) || inline != (size <= 64<<10) || o.Result.Value.Media != trace.MediaBinary {
			t.Errorf("%d bytes came back as %d of %q, inline %v", size, len(got), o.Result.Value.Media, inline)
		}
	}
}

// Many small arguments are too long together: some become files.
func TestManyArguments(t *testing.T) {
	r := newRig(t, program("echo", 1))
	task := r.task("large", args{"n": "2"})
	item := executor.Payload{Value: trace.Value{Media: trace.MediaBinary}, Inline: bytes.Repeat([]byte("x"), 60<<10)}
	list := executor.Payload{Value: trace.Value{Media: trace.MediaList}}
	for range 100 {
		list.Items = append(list.Items, item)
	}
	task.Function.Args = append(task.Function.Args, executor.Argument{Name: "data", Value: list})
	if err := holds(r.start(task).failure().Message, `argument "data"`, "a list of values has no bytes"); err != nil {
		t.Error(err)
	}
}

// A file parameter gets a path whose end is the file's name.
func TestFileArgument(t *testing.T) {
	dir := t.TempDir()
	blob := filepath.Join(dir, "b3d1ge57")
	if err := os.WriteFile(blob, []byte("text"), 0o444); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, program("echo", 1))
	for _, c := range []struct {
		payload executor.Payload
		want    string
	}{
		{executor.Payload{Value: trace.Value{Media: trace.MediaText}, Path: blob}, `["b3d1ge57","text"]`},
		{executor.Payload{Value: trace.Value{Media: trace.MediaText}, Path: blob, Name: "data.csv"}, `["data.csv","text"]`},
		{executor.Payload{Value: trace.Value{Media: trace.MediaText}, Inline: []byte("inline"), Name: "a b.txt"}, `["a b.txt","inline"]`},
		{jsonPayload(`[1,2]`), `["file.json","[1,2]"]`},
	} {
		task := r.task("file", nil)
		task.Function.Args = []executor.Argument{{Name: "file", Value: c.payload}}
		if got := r.start(task).result(); got != c.want {
			t.Errorf("it saw %s, want %s", got, c.want)
		}
	}
}

func TestResultOutside(t *testing.T) {
	r := newRig(t, program("raw", 1))
	if err := holds(r.call("outside", nil).failure().Message, `take its result: "/etc/hostname" is not in the call's own folders`); err != nil {
		t.Error(err)
	}
	if err := holds(r.call("inline_too_long", nil).failure().Message, "take its result", "larger values are files"); err != nil {
		t.Error(err)
	}
	r.call("good", nil).done() // the process lives on
}

// The SDK copies a file that is not the call's.
func TestPassThrough(t *testing.T) {
	r := newRig(t, program("echo", 1))
	o := r.call("outside", nil).done()
	if o.Failure != nil || !strings.HasSuffix(o.Result.Path, "-hostname") {
		t.Errorf("%+v", o)
	}
}

func TestTreeResult(t *testing.T) {
	r := newRig(t, program("echo", 1))
	c := r.call("tree", nil)
	o := c.done()
	if o.Failure != nil || o.Result.Value.Media != trace.MediaTree || o.Result.Path != filepath.Join(c.scratch, "out") {
		t.Fatalf("%+v", o)
	}
	if got, err := os.ReadFile(filepath.Join(o.Result.Path, "a.txt")); err != nil || string(got) != "a" {
		t.Errorf("it holds %q (%v)", got, err)
	}
}
