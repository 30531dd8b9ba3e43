package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	calyx "github.com/calyx-build/calyx/plugins/sdk/go"
)

// asker is the plugin of the scripts, `plugin("asker", cmd = ["asker"])`: its functions ask for what the script tells
// them to.
func asker() {
	p := calyx.NewPlugin("asker", "1.0")
	calyx.Func(p, "ask", ask)
	calyx.Func(p, "double", double)
	calyx.Func(p, "dice", dice)
	calyx.Func(p, "reverse", reverse)
	declareMore(p)
	calyx.Func(p, "flaky", flaky)
	p.Serve()
}

// askArgs are questions, one after the other: "file:a.txt", "list:dir", "glob:*.md", "env:NAME", "param:lr", "exists:path", "panic:why",
// "exit:", "chat:file", "node:name", "node:double x=5", "len:name". One behind "?" is asked only if the answer to the question before it is true,
// one behind "!" only if it is not: "param:flag?file:a.txt".
type askArgs struct {
	Questions []string
}

// ask answers each question in a line.
func ask(call *calyx.Call, a askArgs) (string, error) {
	var b strings.Builder
	for _, line := range a.Questions {
		if err := askLine(call, &b, line); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

func askLine(call *calyx.Call, b *strings.Builder, line string) error {
	end := strings.IndexAny(line, "?!")
	question := line
	if end >= 0 {
		question = line[:end]
	}
	answer, err := answerOf(call, question)
	if errors.Is(err, calyx.ErrAbsent) {
		answer, err = "absent", nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "%s = %s\n", question, strings.TrimSpace(answer))
	if end >= 0 && (answer == "true") == (line[end] == '?') {
		return askLine(call, b, line[end+1:])
	}
	return nil
}

func answerOf(call *calyx.Call, question string) (string, error) {
	kind, subject, _ := strings.Cut(question, ":")
	switch kind {
	case "file":
		text, err := call.ReadFile(subject)
		return string(text), err
	case "list":
		entries, err := call.ReadDir(subject)
		return fmt.Sprint(entries), err
	case "glob":
		paths, err := call.Glob(subject)
		return strings.Join(paths, " "), err
	case "env":
		return call.Getenv(subject)
	case "exists":
		there, err := call.Exists(subject)
		return fmt.Sprint(there), err
	case "param":
		v, err := calyx.Param[any](call, subject)
		return fmt.Sprint(v), err
	case "len":
		n, err := call.Node(subject).Len()
		return fmt.Sprint(n), err
	case "node":
		return nodeAnswer(call, subject)
	case "chat":
		return chat(call, subject)
	case "exit":
		os.Exit(3)
	case "panic":
		call.Logf("about to panic")
		panic(subject)
	}
	return "", fmt.Errorf("there is no question of the kind %q", kind)
}

// nodeAnswer asks for a node: its name, or its name and x.
func nodeAnswer(call *calyx.Call, subject string) (string, error) {
	var x int
	if name, _, ok := strings.Cut(subject, " "); ok {
		if _, err := fmt.Sscanf(subject, name+" x=%d", &x); err != nil {
			return "", err
		}
		v, err := calyx.Need[any](call, name, calyx.Args{"x": x})
		return fmt.Sprint(v), err
	}
	v, err := calyx.Need[any](call, subject)
	return fmt.Sprint(v), err
}

// double prints that it ran, and doubles.
func double(call *calyx.Call, a struct {
	X int `default:"1"`
}) (int, error) {
	call.Logf("doubling %d\n", a.X)
	return 2 * a.X, nil
}

// dice is another value each time.
func dice(*calyx.Call, struct{}) (string, error) { return rand.Text(), nil }

// reverse takes bytes and returns them, the last one first.
func reverse(_ *calyx.Call, a struct{ Data []byte }) ([]byte, error) {
	slices.Reverse(a.Data)
	return a.Data, nil
}

// chat asks its user for a name, after which a file is there, and prints it in all ways.
func chat(call *calyx.Call, asked string) (string, error) {
	fmt.Print("name? ")
	if err := os.WriteFile(asked, nil, 0o666); err != nil {
		return "", err
	}
	var name string
	if _, err := fmt.Scanln(&name); err != nil {
		return "", err
	}
	call.Logf("told %s\n", name)
	fmt.Fprintln(os.Stderr, "and", name)
	return name, nil
}

// declareMore adds what the file "declares", or the one that DECLARES names, asks for, a line each: an input "stored NAME", a function
// with a parameter that has no default "open NAME", or one with an option "option NAME". What the plugin declares is so the
// story's to change.
func declareMore(p *calyx.Plugin) {
	name := "declares"
	if other := os.Getenv("DECLARES"); other != "" {
		name = other
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return
	}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		kind, name, _ := strings.Cut(line, " ")
		switch kind {
		case "stored":
			calyx.Stored(p, name, calyx.FromValue(0.5), "how much")
		case "open":
			calyx.Func(p, name, ask)
		case "option":
			calyx.Func(p, "optional", dice, calyx.StepOption(name, 3))
		}
	}
}

type flakyArgs struct {
	Count string // the file that gets a line with each attempt
	Fails int    // how many attempts fail
	Again string // how long to wait before another one; empty: none helps
}

// flaky fails a number of times.
func flaky(_ *calyx.Call, a flakyArgs) (string, error) {
	before, err := os.ReadFile(a.Count)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.WriteFile(a.Count, append(before, "attempt\n"...), 0o666); err != nil {
		return "", err
	}
	n := bytes.Count(before, []byte{'\n'}) + 1
	if n > a.Fails {
		return fmt.Sprintf("attempt %d", n), nil
	}
	refused := fmt.Errorf("refused %d", n)
	if a.Again == "" {
		return "", refused
	}
	after, err := time.ParseDuration(a.Again)
	if err != nil {
		return "", err
	}
	return "", calyx.Retryable(refused, after)
}
