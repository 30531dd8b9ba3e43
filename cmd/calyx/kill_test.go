package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calyx-build/calyx/cas/client"
	"github.com/calyx-build/calyx/cas/folder"
)

// The graph of TestKilledBuilds: in every column each step joins the output of the step above it with a source of its own.
const (
	killColumns = 12
	killLayers  = 5
	killFile    = `def column(c):
    above = step("s0-%d" % c, sh = "cat src/0-%d > {out}" % c, outs = ["out/0-%d" % c])
    for l in range(1, 5):
        above = step("s%d-%d" % (l, c), sh = "cat {above} src/%d-%d > {out}" % (l, c), args = dict(above = above), outs = ["out/%d-%d" % (l, c)])

[column(c) for c in range(12)]
`
)

// TestKilledBuilds kills builds, their store server, or both at random moments, between edits and ways back. What a build
// told to be done must never be executed again for the same sources, and in the end everything must be as a clean build
// would have made it.
func TestKilledBuilds(t *testing.T) {
	blows := 8
	if os.Getenv("CALYX_SOAK") != "" {
		blows = 400
	}
	v := newVictim(t)
	began := time.Now()
	v.build(nil)
	span := 3 * time.Since(began) / 2
	for range blows {
		v.edit()
		v.build(v.blow(span))
		if v.random.IntN(3) == 0 {
			v.build(nil)
			v.expectOutputs()
		}
		if t.Failed() {
			return
		}
	}
	v.build(nil)
	v.expectOutputs()
	v.expectRest()
}

// victim is a workspace whose builds are killed.
type victim struct {
	t        *testing.T
	dir      string
	random   *rand.Rand
	editions [killLayers][killColumns]int
	done     map[string]bool // what was told to be done: nodes, with the content that they have
}

func newVictim(t *testing.T) *victim {
	v := &victim{t: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(2, rand.Uint64())), done: map[string]bool{}}
	if err := os.Mkdir(filepath.Join(v.dir, "src"), 0o777); err != nil {
		t.Fatal(err)
	}
	v.write("Calyxfile", []byte(killFile))
	for l := range killLayers {
		for c := range killColumns {
			v.write(fmt.Sprintf("src/%d-%d", l, c), v.source(l, c))
		}
	}
	return v
}

func (v *victim) write(name string, content []byte) {
	v.t.Helper()
	if err := os.WriteFile(filepath.Join(v.dir, name), content, 0o666); err != nil {
		v.t.Fatal(err)
	}
}

// source is what a source holds now. One column is so large that its outputs are files in the cache.
func (v *victim) source(l, c int) []byte {
	line := fmt.Sprintf("edition %d of source %d of column %d\n", v.editions[l][c], l, c)
	if c == 0 {
		return bytes.Repeat([]byte(line), 5000)
	}
	return []byte(line)
}

// output is what the output of a step must be now.
func (v *victim) output(l, c int) []byte {
	var all []byte
	for above := range l + 1 {
		all = append(all, v.source(above, c)...)
	}
	return all
}

// edit changes some sources, often to what they were before.
func (v *victim) edit() {
	for range 1 + v.random.IntN(8) {
		l, c := v.random.IntN(killLayers), v.random.IntN(killColumns)
		v.editions[l][c] = v.random.IntN(4)
		v.write(fmt.Sprintf("src/%d-%d", l, c), v.source(l, c))
	}
}

// blow returns what strikes a build some time within span, and reports whether the build is to die of it.
func (v *victim) blow(span time.Duration) func(build *exec.Cmd) (deadly bool) {
	after := time.Duration(v.random.Int64N(int64(span)))
	kinds := []func(build *exec.Cmd) bool{
		func(build *exec.Cmd) bool { return v.kill(build.Process.Pid) },
		func(build *exec.Cmd) bool { return v.kill(-build.Process.Pid) }, // and its process group
		func(build *exec.Cmd) bool { v.killServer(); return v.kill(build.Process.Pid) },
		func(build *exec.Cmd) bool { deadly := v.kill(build.Process.Pid); v.killServer(); return deadly },
		func(*exec.Cmd) bool { v.killServer(); return false },
	}
	strike := kinds[v.random.IntN(len(kinds))]
	return func(build *exec.Cmd) bool {
		<-time.After(after)
		return strike(build)
	}
}

func (v *victim) kill(pid int) bool {
	_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
	return true
}

// killServer kills the store server, where there is one.
func (v *victim) killServer() {
	f, err := folder.Open(filepath.Join(v.dir, ".calyx", "cache"))
	if err != nil {
		return // the build has not made it yet
	}
	if pid, err := client.ServerPid(v.t.Context(), f); err == nil {
		v.kill(pid)
	}
}

// build builds everything while blow, if there is one, strikes, and notes what it is told.
func (v *victim) build(blow func(*exec.Cmd) bool) {
	v.t.Helper()
	args := []string{"build", "--json", "-j", "4"}
	if v.random.IntN(2) == 0 {
		args = append(args, "-v") // tells of fresh steps too, and does without the snapshot
	}
	cmd := exec.Command("calyx", args...)
	cmd.Dir = v.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		v.t.Fatal(err)
	}
	struck := make(chan bool, 1)
	go func() { struck <- blow != nil && blow(cmd) }()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		v.note(lines.Bytes())
	}
	deadly := <-struck
	if err := cmd.Wait(); err != nil && !deadly {
		v.t.Errorf("a build that was not killed ended with %v:\n%s", err, &complaints)
	}
}

// note takes one line of what a build tells. The last line of one that was killed may be torn.
func (v *victim) note(line []byte) {
	v.t.Helper()
	var e struct{ Event, Node, Outcome string }
	if json.Unmarshal(line, &e) != nil || e.Event != "node" {
		return
	}
	var l, c int
	if _, err := fmt.Sscanf(e.Node, "s%d-%d", &l, &c); err != nil {
		v.t.Fatalf("the build tells of %q: %v", e.Node, err)
	}
	result := e.Node + "\n" + string(v.output(l, c))
	switch e.Outcome {
	case "executed", "cached", "fresh":
		if e.Outcome == "executed" && v.done[result] {
			v.t.Errorf("%s was told to be done, and was executed again", e.Node)
		}
		v.done[result] = true
	default:
		v.t.Errorf("%s is %s", e.Node, line)
	}
}

func (v *victim) expectOutputs() {
	v.t.Helper()
	for l := range killLayers {
		for c := range killColumns {
			got, err := os.ReadFile(filepath.Join(v.dir, fmt.Sprintf("out/%d-%d", l, c)))
			if err != nil || !bytes.Equal(got, v.output(l, c)) {
				v.t.Errorf("the output of s%d-%d is not what a clean build makes of the same sources (%v)", l, c, err)
			}
		}
	}
}

// expectRest makes sure that nothing is left to do, and nothing left over once a build did without the snapshot.
func (v *victim) expectRest() {
	v.t.Helper()
	for _, args := range [][]string{{"build", "-v"}, {"build"}} {
		again := exec.Command("calyx", args...)
		again.Dir = v.dir
		said, err := again.CombinedOutput()
		if err != nil || !strings.Contains(string(said), "nothing to do: ") {
			v.t.Errorf("%q says %q, %v", args, said, err)
		}
	}
	for _, name := range []string{"displaced", "tmp"} {
		left, err := os.ReadDir(filepath.Join(v.dir, ".calyx", name))
		if len(left) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
			v.t.Errorf("in .calyx/%s is left: %v, %v", name, left, err)
		}
	}
}
