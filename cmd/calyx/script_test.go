package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this test binary the commands calyx and asker of the scripts: what they run are the real program and a real
// plugin.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"calyx": main, "asker": asker})
}

// TestScripts plays the stories in testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("PATH", e.Getenv("PATH"))
			e.Setenv("GORACE", "atexit_sleep_ms=0") // or each calyx of a test with -race sleeps for a second before it ends
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "mounts" { // the system lets this user mount file systems in a namespace of their own
				return exec.Command("unshare", "-rm", "true").Run() == nil, nil
			}
			return false, fmt.Errorf("there is no condition %q", name)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"json":      scriptJSON,
			"jsoncount": scriptJSONCount,
			"replace":   scriptReplace,
			"repeat":    scriptRepeat,
			"await":     scriptAwait,
			"count":     scriptCount,
			"pty":       scriptPty,
		},
	})
}

// scriptJSON checks one place of a JSON file: json FILE PATH VALUE. PATH is keys and numbers with dots between, VALUE is
// JSON, or "exists".
func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH VALUE")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	found, ok := at(v, args[1])
	if args[2] == "exists" {
		if ok == neg {
			ts.Fatalf("%s exists: %v", args[1], ok)
		}
		return
	}
	var want any
	ts.Check(json.Unmarshal([]byte(args[2]), &want))
	if (ok && reflect.DeepEqual(found, want)) == neg {
		text, err := json.Marshal(found)
		ts.Check(err)
		ts.Fatalf("%s is %s", args[1], text)
	}
}

// at follows a path of keys and numbers.
func at(v any, path string) (any, bool) {
	if path == "." {
		return v, true
	}
	for _, key := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			next, ok := x[key]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(key)
			if key == "length" {
				return float64(len(x)), true
			}
			if err != nil || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// scriptJSONCount counts the lines of a file of JSON lines that hold the given values: jsoncount FILE N [PATH=VALUE…].
func scriptJSONCount(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: jsoncount FILE N [PATH=VALUE…]")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	n := 0
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var v any
		ts.Check(json.Unmarshal([]byte(line), &v))
		if holds(v, args[2:]) {
			n++
		}
	}
	if n != want {
		ts.Fatalf("%d lines hold %q, want %d", n, args[2:], want)
	}
}

func holds(v any, conditions []string) bool {
	for _, c := range conditions {
		path, value, _ := strings.Cut(c, "=")
		found, ok := at(v, path)
		if !ok || fmt.Sprint(found) != value {
			return false
		}
	}
	return true
}

// scriptReplace changes a file: replace FILE OLD NEW. OLD must be in it.
func scriptReplace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	path := ts.MkAbs(args[0])
	content := ts.ReadFile(args[0])
	unescape := strings.NewReplacer(`\n`, "\n")
	old, now := unescape.Replace(args[1]), unescape.Replace(args[2])
	if !strings.Contains(content, old) {
		ts.Fatalf("%q is not in %s", old, args[0])
	}
	ts.Check(os.WriteFile(path, []byte(strings.ReplaceAll(content, old, now)), 0o644))
}

// scriptRepeat writes a file of N lines, each TEXT with its number for %d: repeat FILE N TEXT.
func scriptRepeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: repeat FILE N TEXT")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	var b bytes.Buffer
	for i := range n {
		b.WriteString(strings.ReplaceAll(args[2], "%d", strconv.Itoa(i)) + "\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o644))
}

// awaitFor is how long await waits before it gives up: much longer than anything takes.
const awaitFor = 60 * time.Second

// scriptAwait waits until a file is there: await FILE.
func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	path := ts.MkAbs(args[0])
	for end := time.Now().Add(awaitFor); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Lstat(path); (err == nil) != neg {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s: waited in vain", args[0])
		}
	}
}

// scriptCount counts the matches of a pattern in a file: count FILE N PATTERN.
func scriptCount(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: count FILE N PATTERN")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	pattern, err := regexp.Compile("(?m)" + args[2])
	ts.Check(err)
	if n := len(pattern.FindAllString(ts.ReadFile(args[0]), -1)); n != want {
		ts.Fatalf("%s matches %d times, want %d", args[2], n, want)
	}
}
