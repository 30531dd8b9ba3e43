package calyx

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// What a program declares is in its description, with the sources and types that it said.
func TestDeclarationsAreDescribed(t *testing.T) {
	p := NewPlugin("p", "1.0")
	Stored(p, "lr", FromValue(1.0), "how fast")
	Stored(p, "sizes", FromValue([]int{1, 2}), "")
	Stored(p, "raw", FromPath("data/raw.csv"), "")
	Stored(p, "docs", FromGlob("docs/*.md"), "")
	Stored(p, "model", FromEnv("MODEL", "small"), "")
	Func(p, "f", func(*Call, struct{}) (int, error) { return 1, nil }, StepOption("retries", 3), Alone())
	d, err := (&service{plugin: p}).Describe(context.Background(), &pluginv1.DescribeRequest{})
	if err != nil || len(p.wrong) > 0 {
		t.Fatal(err, p.wrong)
	}
	number := func(n int64) *pluginv1.Literal {
		return &pluginv1.Literal{Kind: &pluginv1.Literal_Integer{Integer: n}}
	}
	want := []*pluginv1.Stored{
		{Name: "lr", Doc: "how fast", Source: &pluginv1.Stored_Value{Value: &pluginv1.Literal{Kind: &pluginv1.Literal_Number{Number: 1}}}},
		{Name: "sizes", Source: &pluginv1.Stored_Value{Value: &pluginv1.Literal{Kind: &pluginv1.Literal_List{
			List: &pluginv1.LiteralList{Items: []*pluginv1.Literal{number(1), number(2)}}}}}},
		{Name: "raw", Source: &pluginv1.Stored_Path{Path: []byte("data/raw.csv")}},
		{Name: "docs", Source: &pluginv1.Stored_Glob{Glob: []byte("docs/*.md")}},
		{Name: "model", Source: &pluginv1.Stored_Env{Env: "MODEL"}, Default: &pluginv1.Literal{Kind: &pluginv1.Literal_Text{Text: "small"}}},
	}
	for i, s := range d.GetStored() {
		if i >= len(want) || !proto.Equal(s, want[i]) {
			t.Errorf("input %d is %v", i, s)
		}
	}
	if f := d.GetFunctions()[0]; len(d.GetStored()) != len(want) || f.GetOverlap() || !proto.Equal(f.GetOptions()["retries"], number(3)) {
		t.Errorf("%d inputs; the function is %v", len(d.GetStored()), f)
	}
}

// What cannot be declared is told when the plugin is served.
func TestWrongDeclarations(t *testing.T) {
	p := NewPlugin("p", "1.0")
	Stored(p, "no name", FromValue(1), "")
	Stored(p, "channel", FromValue(make(chan int)), "")
	Func(p, "f", func(*Call, struct{}) (int, error) { return 1, nil }, StepOption("retries", make(chan int)))
	for i, want := range []string{`stored "no name": that is no name for an input`, `stored "channel": a chan int cannot be`, `function "f": option "retries": a chan int cannot be`} {
		if i >= len(p.wrong) || !strings.Contains(p.wrong[i].Error(), want) {
			t.Errorf("want %s, got %v", want, p.wrong)
		}
	}
}
