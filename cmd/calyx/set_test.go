package main

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/calyx-build/calyx/hashing"
)

func TestAssignments(t *testing.T) {
	text := func(s string) *string { return &s }
	files := map[string]string{"v.txt": "two\nlines\n", "o.json": `{"lr": 0.5, "n": -3}`, "list.json": "[1]", "bad.json": `{"lr": `}
	read := func(path string) ([]byte, error) {
		content, ok := files[path]
		if !ok {
			return nil, errors.New("no such file or directory")
		}
		return []byte(content), nil
	}
	tests := []struct {
		name    string
		in      setInput
		want    []assignment
		problem string
	}{
		{"two words", setInput{args: []string{"lr", "0.1"}}, []assignment{{name: "lr", text: "0.1"}}, ""},
		{"a value with an equals sign", setInput{args: []string{"url", "a=b"}}, []assignment{{name: "url", text: "a=b"}}, ""},
		{"assignments", setInput{args: []string{"lr=0.1", "s=", "u=a=b"}}, []assignment{{name: "lr", text: "0.1"}, {name: "s"}, {name: "u", text: "a=b"}}, ""},
		{"json", setInput{args: []string{"l"}, json: text("[1, null]")}, []assignment{{name: "l", typed: true, value: []any{int64(1), nil}}}, ""},
		{"file", setInput{args: []string{"p"}, file: text("v.txt")}, []assignment{{name: "p", text: "two\nlines"}}, ""},
		{"file of many", setInput{file: text("o.json")}, []assignment{{name: "lr", typed: true, value: 0.5}, {name: "n", typed: true, value: int64(-3)}}, ""},
		{"nothing", setInput{}, nil, "nothing is named"},
		{"a name alone", setInput{args: []string{"lr"}}, nil, `"lr" is no NAME=VALUE`},
		{"no name", setInput{args: []string{"=3"}}, nil, `"=3" is no NAME=VALUE`},
		{"three words", setInput{args: []string{"a", "b", "c"}}, nil, `"a" is no NAME=VALUE`},
		{"json and value", setInput{args: []string{"l=1"}, json: text("1")}, nil, "the value of one NAME"},
		{"json and file", setInput{args: []string{"l"}, json: text("1"), file: text("v.txt")}, nil, "exclude one another"},
		{"bad json", setInput{args: []string{"l"}, json: text("[1")}, nil, "the JSON ends too early"},
		{"no file", setInput{args: []string{"l"}, file: text("none")}, nil, `"none": no such file`},
		{"no object", setInput{file: text("list.json")}, nil, "no object of names and values"},
		{"bad object", setInput{file: text("bad.json")}, nil, "the JSON ends too early"},
	}
	for _, tt := range tests {
		tt.in.read = read
		got, err := tt.in.assignments()
		if tt.problem != "" {
			if err == nil || !strings.Contains(err.Error(), tt.problem) || statusOf(err) != exitUsage {
				t.Errorf("%s: error %v, want %q with status 2", tt.name, err, tt.problem)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestNegativeNumbersAreNoFlags(t *testing.T) {
	root := newRoot(newApp())
	tests := []struct{ args, want []string }{
		{[]string{"set", "lr", "-1"}, []string{"set", "lr", shield + "-1"}},
		{[]string{"-C", "dir", "set", "lr", "-.5e3"}, []string{"-C", "dir", "set", "lr", shield + "-.5e3"}},
		{[]string{"set", "-v", "lr", "--file", "f"}, []string{"set", "-v", "lr", "--file", "f"}},
		{[]string{"build", "-1"}, []string{"build", "-1"}},
	}
	for _, tt := range tests {
		got := shieldNumbers(root, tt.args)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("shieldNumbers(%q) = %q, want %q", tt.args, got, tt.want)
		}
		if back := unshield(got); !reflect.DeepEqual(back, tt.args) {
			t.Errorf("unshield gives %q, want %q", back, tt.args)
		}
	}
}

func TestOverrides(t *testing.T) {
	got, err := parseOverrides([]string{"lr=0.1", "name=a=b", "lr=0.2", "empty="})
	want := map[string]string{"lr": "0.2", "name": "a=b", "empty": ""}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"lr", "=1"} {
		if _, err := parseOverrides([]string{bad}); statusOf(err) != exitUsage {
			t.Errorf("--set %q gives %v", bad, err)
		}
	}
}

func TestObjectKeepsOrder(t *testing.T) {
	list, err := objectOf("f", []byte(`{"b": {"z": 1, "a": 2}, "a": true}`))
	want := []assignment{
		{name: "b", typed: true, value: hashing.Map{{Key: "z", Value: int64(1)}, {Key: "a", Value: int64(2)}}},
		{name: "a", typed: true, value: true},
	}
	if err != nil || !reflect.DeepEqual(list, want) {
		t.Errorf("got %v, %v", list, err)
	}
}
