package rows_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/calyx-build/calyx/hashing/rows"
)

// kept has the shapes of what is kept.
type kept struct {
	Text   string         `json:"t"`
	List   []int          `json:"l"`
	Map    map[string]int `json:"m"`
	Nested any            `json:"n"`
	When   time.Time      `json:"w"`
}

// TestWhatIsWrittenIsRead holds for texts of any bytes, and for lists and nesting of any size that a graph may have.
func TestWhatIsWrittenIsRead(t *testing.T) {
	long, wide := make([]int, 140_000), map[string]int{}
	for i := range long {
		long[i] = i
		wide[time.Duration(i).String()] = i
	}
	var deep any = "end"
	for range 200 {
		deep = []any{deep}
	}
	written := kept{Text: "caf\xe9 \xff", List: long, Map: wide, Nested: deep, When: time.UnixMicro(1_700_000_000_123_456).UTC()}
	data, err := rows.Marshal(written)
	if err != nil {
		t.Fatal(err)
	}
	var read kept
	if err := rows.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	if read.When = read.When.Round(time.Microsecond).UTC(); !reflect.DeepEqual(read, written) {
		t.Errorf("what was read differs: %q, %d and %d elements, %v", read.Text, len(read.List), len(read.Map), read.When)
	}
	for cut := range 20 {
		if rows.Unmarshal(data[:cut], &read) == nil {
			t.Errorf("the first %d bytes alone are taken", cut)
		}
	}
}
