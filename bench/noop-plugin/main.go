// Noop-plugin offers one function that does nothing worth the name: what is left of a step's time is calyx's own.
package main

import (
	"strconv"

	calyx "github.com/calyx-build/calyx/plugins/sdk/go"
)

type args struct {
	Number int
	Above  string // the value of the step above, empty where there is none
}

func passOn(_ *calyx.Call, a args) (string, error) { return strconv.Itoa(a.Number), nil }

func main() {
	p := calyx.NewPlugin("noop", "1")
	calyx.Func(p, "pass_on", passOn)
	p.Serve()
}
