package trace_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/calyx-build/calyx/cas/trace"
)

// A loss that has become NaN is reported like any other number, and must not keep what reports it from being written.
func TestMetricsThatAreNoNumbersHaveAFormInJSON(t *testing.T) {
	for value, want := range map[float64]string{
		0.5:          `{"name":"loss","value":0.5,"unit":"nats"}`,
		math.NaN():   `{"name":"loss","value":"NaN","unit":"nats"}`,
		math.Inf(1):  `{"name":"loss","value":"Infinity","unit":"nats"}`,
		math.Inf(-1): `{"name":"loss","value":"-Infinity","unit":"nats"}`,
	} {
		got, err := json.Marshal(trace.Metric{Name: "loss", Value: value, Unit: "nats"})
		if err != nil || string(got) != want {
			t.Errorf("%v is %s, %v; want %s", value, got, err, want)
		}
	}
}
