package trace_test

import (
	"testing"

	"github.com/calyx-build/calyx/cas/trace"
	"github.com/calyx-build/calyx/hashing"
)

func TestRowsKeepTheTraceAlone(t *testing.T) {
	tr := &trace.Trace{
		Action: hashing.Sum([]byte("action")),
		Stages: []trace.Stage{{{Request: trace.Request{Kind: trace.File, Subject: "a"}, Digest: hashing.Sum([]byte("a"))}}},
		Result: trace.Result{Value: trace.Value{Media: trace.MediaJSON, Digest: hashing.Sum([]byte("1")), Size: 1}},
	}
	rows, err := tr.Rows()
	if err != nil || len(rows) != 2 {
		t.Fatalf("got %d rows, %v", len(rows), err)
	}
	for i, r := range rows {
		if !trace.IsRow(r.Key, r.Value) {
			t.Errorf("row %d is not one: %x", i, r.Key)
		}
	}
	first, last := trace.DecodeEntry(rows[0].Value), trace.DecodeEntry(rows[1].Value)
	if len(first.Next) != 1 || first.Done != nil || last.Done == nil || last.Done.Value != tr.Result.Value {
		t.Errorf("got %+v and %+v", first, last)
	}
}

func TestOtherRowsAreNone(t *testing.T) {
	tr := &trace.Trace{Action: hashing.Sum(nil)}
	rows, err := tr.Rows()
	if err != nil {
		t.Fatal(err)
	}
	key, value := rows[0].Key, rows[0].Value
	other := append([]byte{'n'}, key[1:]...)
	for name, bad := range map[string][2][]byte{
		"another kind": {other, value}, "a short key": {key[:5], value}, "no key": {nil, value}, "no entry": {key, []byte("\xff\x00")}, "no value": {key, nil},
	} {
		if trace.IsRow(bad[0], bad[1]) {
			t.Errorf("%s is taken for a trace", name)
		}
	}
}
