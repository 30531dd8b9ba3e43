package node

import (
	"encoding/json"
	"os"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	pluginv1 "github.com/calyx-build/calyx/plugins/proto/calyx/plugin/v1"
)

// description is a message, or whatever holds messages, in the SDK's own copy of the protocol.
type description struct {
	Fields map[string]struct{ ID int32 }
	Nested map[string]description
}

// TestProtocol compares the copy, which generate.sh makes, with the protocol: a field that it lacks would be lost in silence.
func TestProtocol(t *testing.T) {
	data, err := os.ReadFile("src/protocol.json")
	if err != nil {
		t.Fatal(err)
	}
	var root description
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	compare(t, root.Nested["calyx"].Nested["plugin"].Nested["v1"], pluginv1.File_calyx_plugin_v1_plugin_proto.Messages())
}

func compare(t *testing.T, own description, messages protoreflect.MessageDescriptors) {
	t.Helper()
	for i := range messages.Len() {
		m := messages.Get(i)
		if m.IsMapEntry() {
			continue
		}
		d, ok := own.Nested[string(m.Name())]
		if !ok {
			t.Errorf("there is no message %s: run generate.sh", m.FullName())
			continue
		}
		for j := range m.Fields().Len() {
			f := m.Fields().Get(j)
			if got := d.Fields[f.JSONName()].ID; got != int32(f.Number()) {
				t.Errorf("%s has the number %d, want %d: run generate.sh", f.FullName(), got, f.Number())
			}
		}
		compare(t, d, m.Messages())
	}
}
